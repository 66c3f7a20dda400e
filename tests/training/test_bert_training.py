"""`sentiment.training.bert`: the network, both ways to train it, and its native form."""

import copy
import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize
from hydra.utils import get_method, instantiate
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sentiment.inference.errors import SettingsError
from sentiment.inference.text import Cleaner
from sentiment.reports import plots
from sentiment.training.bert import checkpoints, features, finetune, network
from sentiment.training.bert.finetune import TrainingError
from sentiment.training.bert.network import SentenceClassifier, Training, Tweets
from sentiment.training.bert.saved_progress import FILE, SavedProgress, SavedProgressError
from tests.checkpoints import save_checkpoint

OPTIONS = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "train_bert").glob("*.yaml"))
NEGATIVE = ["Late again", "so RUDE", "late, rude crew and no seat", "rude", "so late!"]
POSITIVE = ["Thank you", "lovely crew", "thank you, lovely seat and all", "lovely", "thank the crew!"]
TEXTS = [f"{text} {number}" for number in range(6) for text in (*NEGATIVE, *POSITIVE)]
LABELS = np.array(([1] * len(NEGATIVE) + [0] * len(POSITIVE)) * 6, dtype=np.int8)
FEATURES: dict[str, Any] = {
    "C": [0.1, 10.0],
    "max_iter": 1000,
    "class_weight": None,
    "folds": 3,
    "scoring": "roc_auc",
    "seed": 1,
    "stage": 1,
    "stages": 1,
    "progress": SavedProgress(Path("unused"), minutes=60.0),
}
FINETUNE: dict[str, Any] = {
    "learning_rate": 3e-3,
    "lr_scheduler_type": "linear",
    "warmup_ratio": 0.1,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "dropout": 0.1,
    "batch_size": 8,
    "epochs": 4,
    "class_weight": None,
    "seed": 1,
    "stage": 1,
    "stages": 1,
    "progress": SavedProgress(Path("unused"), minutes=60.0),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def untrained(checkpoint: Path) -> tuple[SentenceClassifier, Tweets]:
    encoder, tokenizer = checkpoints.load(str(checkpoint), max_tokens=16)
    torch.manual_seed(0)
    model = SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id)
    tokens = network.tokenize(tokenizer, TEXTS)
    groups = np.array([text.split()[-1] for text in TEXTS])
    return model, Tweets(tokens=tokens, negative=LABELS, target=LABELS, weight=np.ones(len(LABELS)), group=groups)


def probability(model: SentenceClassifier, tokens: list[list[int]]) -> network.Probabilities:
    with network.progress(len(tokens), "test") as bar:
        return network.negative_probability(model, tokens, bar)


def finetuned(checkpoint: Path, **settings: Any) -> tuple[SentenceClassifier, Tweets, Training]:
    model, tweets = untrained(checkpoint)
    return model, tweets, finetune.fit(model, {"train": tweets, "validation": tweets}, **{**FINETUNE, **settings})


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_matches_the_signatures_that_it_configures(option: str) -> None:
    with initialize(version_base="1.3", config_path="../../conf"):
        settings = compose("config", overrides=[f"train_bert={option}"]).train_bert
        assert isinstance(instantiate(settings.cleaner), Cleaner)
        fit_settings = dict(settings.fit)
    assert set(settings) == {"checkpoint", "revision", "cleaner", "max_tokens", "fit"}
    fit = get_method(fit_settings.pop("_target_"))
    bound = inspect.signature(fit).bind(None, {}, **fit_settings, seed=1, stage=1, stages=1, progress=None)
    assert set(bound.arguments) == set(inspect.signature(fit).parameters)
    assert all(parameter.default is parameter.empty for parameter in inspect.signature(fit).parameters.values())


def test_probabilities_do_not_depend_on_batch_or_padding(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    one_by_one = np.concatenate([probability(model, [tokens]) for tokens in tweets.tokens])
    assert np.abs(probability(model, tweets.tokens) - one_by_one).max() < 1e-6
    assert one_by_one.std() > 0.001


def test_batches_contain_each_row_once_and_rows_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(2, 60, 1000)
    tokens = [[1] * length for length in lengths]
    batches = network.batches(tokens, 32, np.random.default_rng(1))
    assert sorted(np.concatenate(batches)) == list(range(1000))
    assert max(map(len, batches)) == 32
    padded = sum(len(rows) * lengths[rows].max() for rows in batches)
    assert padded < 1.1 * lengths.sum()
    means = [lengths[rows].mean() for rows in batches]
    assert means != sorted(means)

    ordered = network.batches(tokens, 32)
    assert sorted(np.concatenate(ordered)) == list(range(1000))
    assert lengths[ordered[0][0]] == lengths.max()


def test_batches_depend_on_seed_and_epoch() -> None:
    tokens = [[1] * (n % 7 + 2) for n in range(100)]
    rng = np.random.default_rng(1)
    first, second = (np.concatenate(network.batches(tokens, 8, rng)).tolist() for _ in range(2))
    repeated = np.concatenate(network.batches(tokens, 8, np.random.default_rng(1))).tolist()
    assert first == repeated != second


def test_the_native_form_survives_saving_and_loading(checkpoint: Path, tmp_path: Path) -> None:
    model, tweets = untrained(checkpoint)
    _, tokenizer = checkpoints.load(str(checkpoint), max_tokens=16)
    network.save(model, tokenizer, tmp_path / "native")
    loaded, loaded_tokenizer = network.load(tmp_path / "native", max_tokens=16)
    assert network.tokenize(loaded_tokenizer, TEXTS) == tweets.tokens
    assert np.array_equal(probability(loaded, tweets.tokens), probability(model, tweets.tokens))


def test_features_train_only_the_head_as_a_logistic_regression(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    before = copy.deepcopy(model.encoder.state_dict())
    training = features.fit(model, {"train": tweets}, **FEATURES)
    assert all(torch.equal(weights, before[name]) for name, weights in model.encoder.state_dict().items())
    assert len(training.tables["search"]) == 2
    assert training.chosen["C"] in FEATURES["C"]

    with network.progress(len(TEXTS), "test") as bar:
        vectors = network.sentence_vectors(model, tweets.tokens, bar)
    expected = LogisticRegression(C=training.chosen["C"], max_iter=1000).fit(vectors, LABELS).predict_proba(vectors)
    assert np.abs(probability(model, tweets.tokens) - expected[:, 1]).max() < 1e-4


def test_fewer_authors_than_folds_are_an_error(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    with pytest.raises(SettingsError, match="search.folds=7, but the training split has 6 groups"):
        features.fit(model, {"train": tweets}, **{**FEATURES, "folds": 7})


def test_fine_tuning_learns_and_records_each_epoch(checkpoint: Path) -> None:
    model, tweets, training = finetuned(checkpoint)
    history = training.tables["history"]
    assert list(history.columns) == ["epoch", "loss", "auc", "val_loss", "val_auc", "seconds"]
    assert history["val_auc"].max() > 0.95
    assert (probability(model, tweets.tokens) >= 0.5).astype(int).tolist() == LABELS.tolist()


def test_soft_labels_are_learned_in_place_of_the_labels(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    soft = replace(tweets, target=np.where(LABELS == 1, 0.7, 0.3))
    finetune.fit(model, {"train": soft, "validation": tweets}, **{**FINETUNE, "epochs": 8})
    predictions = probability(model, tweets.tokens)
    assert 0.55 < predictions[LABELS == 1].mean() < 0.75
    assert 0.25 < predictions[LABELS == 0].mean() < 0.45


@pytest.mark.parametrize("module", [features, finetune])
def test_tweets_count_by_their_weight(checkpoint: Path, module: Any) -> None:
    model, tweets = untrained(checkpoint)
    contradicted = replace(
        tweets,
        tokens=tweets.tokens * 2,
        negative=np.concatenate([LABELS, 1 - LABELS]),
        target=np.concatenate([LABELS, 1 - LABELS]),
        weight=np.repeat([1.9, 0.1], len(LABELS)),
        group=np.tile(tweets.group, 2),
    )
    settings = {features: FEATURES, finetune: {**FINETUNE, "epochs": 8}}[module]
    module.fit(model, {"train": contradicted, "validation": tweets}, **settings)
    assert roc_auc_score(LABELS, probability(model, tweets.tokens)) > 0.9


def test_a_second_stage_goes_on_with_the_network_of_the_first(checkpoint: Path) -> None:
    model, tweets, _ = finetuned(checkpoint)
    second = {**FINETUNE, "epochs": 1, "learning_rate": 1e-6, "stage": 2, "stages": 2}
    finetune.fit(model, {"train": tweets, "validation": tweets}, **second)
    assert roc_auc_score(LABELS, probability(model, tweets.tokens)) > 0.95


def test_each_stage_has_its_own_number_of_epochs(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    for stage, epochs in enumerate([1, 3], 1):
        settings = {**FINETUNE, "epochs": [1, 3], "stage": stage, "stages": 2}
        training = finetune.fit(model, {"train": tweets, "validation": tweets}, **settings)
        assert len(training.tables["history"]) == epochs


@pytest.mark.parametrize("epochs", [[1], [1, 2, 3], 0, True, [1, 0], [1, 1.5], "2"])
def test_epochs_other_than_a_positive_number_or_one_for_each_stage_are_refused(checkpoint: Path, epochs: Any) -> None:
    model, tweets = untrained(checkpoint)
    with pytest.raises(SettingsError, match=r"train_bert\.fit\.epochs=.*one for each stage of training\.stages \(2\)"):
        finetune.fit(model, {"train": tweets, "validation": tweets}, **{**FINETUNE, "epochs": epochs, "stages": 2})


def test_a_classifier_on_features_is_not_trained_in_stages(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    with pytest.raises(SettingsError, match=r"training\.stages: train_bert=features has no stages"):
        features.fit(model, {"train": tweets}, **{**FEATURES, "stages": 2})


def test_the_same_seed_gives_the_same_network(checkpoint: Path) -> None:
    first, repeated, other = (finetuned(checkpoint, epochs=2, seed=seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(weights, repeated[name]) for name, weights in first.items())
    assert any(not torch.equal(weights, other[name]) for name, weights in first.items())


@pytest.mark.extended
@pytest.mark.parametrize("batches", [1, 5, 8, 9, 17])
def test_an_interrupted_training_resumes_with_the_same_result(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    settings = {**FINETUNE, "epochs": 3}
    uninterrupted, _, expected = finetuned(checkpoint, **settings)
    train_on_batch, trained = finetune.step, 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal trained
        if trained == batches:
            raise KeyboardInterrupt
        trained += 1
        return train_on_batch(*arguments)

    settings["progress"] = SavedProgress(tmp_path / "training", minutes=0.0)
    monkeypatch.setattr(finetune, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finetuned(checkpoint, **settings)
    monkeypatch.setattr(finetune, "step", train_on_batch)
    torch.manual_seed(99)
    resumed, _, training = finetuned(checkpoint, **settings)
    weights = resumed.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in uninterrupted.state_dict().items())
    histories = [table.tables["history"].drop(columns="seconds") for table in (training, expected)]
    pd.testing.assert_frame_equal(*histories, check_exact=True)


def test_damaged_progress_is_an_error_that_names_the_file(checkpoint: Path, tmp_path: Path) -> None:
    progress = SavedProgress(tmp_path / "training", minutes=0.0)
    finetuned(checkpoint, epochs=1, progress=progress)
    content = (tmp_path / "training" / FILE).read_bytes()
    (tmp_path / "training" / FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(SavedProgressError, match=r"progress\.pt .* Delete the file to train from the start"):
        finetuned(checkpoint, epochs=1, progress=progress)


def test_a_training_goes_on_where_its_progress_cannot_be_saved(
    checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    _, _, training = finetuned(checkpoint, epochs=1, progress=SavedProgress(tmp_path / "file" / "x", minutes=0.0))
    assert len(training.tables["history"]) == 1
    assert "The progress could not be saved to" in caplog.text


@pytest.mark.parametrize("supported", [True, False])
def test_the_network_is_trained_in_bfloat16_where_the_processor_supports_it(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, supported: bool
) -> None:
    modes_and_types = set()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": supported})
    model, tweets = untrained(checkpoint)
    model.head.register_forward_hook(lambda head, _, logits: modes_and_types.add((head.training, logits.dtype)))
    finetune.fit(model, {"train": tweets, "validation": tweets}, **{**FINETUNE, "epochs": 1})
    assert modes_and_types == {(True, torch.bfloat16 if supported else torch.float32), (False, torch.float32)}
    assert {weights.dtype for weights in model.parameters()} == {torch.float32}


def test_the_weights_of_the_best_epoch_are_kept(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, len(LABELS))
    noise = replace(tweets, negative=labels, target=labels)
    training = finetune.fit(model, {"train": tweets, "validation": noise}, **FINETUNE)
    history = training.tables["history"]
    assert history["val_auc"].iloc[-1] < history["val_auc"].max()
    auc = roc_auc_score(noise.negative, probability(model, tweets.tokens))
    assert auc == pytest.approx(history["val_auc"].max())


def test_balanced_class_weights_favour_the_rarer_class(checkpoint: Path) -> None:
    model, tweets = untrained(checkpoint)
    rows = np.flatnonzero(LABELS)[:3].tolist() + np.flatnonzero(LABELS == 0).tolist()
    labels, tokens = LABELS[rows], [tweets.tokens[row] for row in rows]
    weight, group = tweets.weight[rows], tweets.group[rows]
    imbalanced = Tweets(tokens=tokens, negative=labels, target=labels, weight=weight, group=group)
    splits = {"train": imbalanced, "validation": imbalanced}
    settings = {**FINETUNE, "learning_rate": 1e-3, "epochs": 1}
    means = []
    for class_weight in (None, "balanced"):
        trained = copy.deepcopy(model)
        finetune.fit(trained, splits, **{**settings, "class_weight": class_weight})
        means.append(probability(trained, imbalanced.tokens).mean())
    assert means[1] > means[0]


def test_biases_and_norms_do_not_decay(checkpoint: Path) -> None:
    model, _ = untrained(checkpoint)
    decaying, not_decaying = finetune.parameter_groups(model, 0.5)
    assert decaying["weight_decay"] == 0.5
    assert not_decaying["weight_decay"] == 0.0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    not_decaying_names = {names[id(parameter)] for parameter in not_decaying["params"]}
    assert not_decaying_names == {name for name in names.values() if "LayerNorm" in name or name.endswith("bias")}
    assert len(not_decaying_names) + len(decaying["params"]) == len(names)


def test_a_loss_of_nan_is_an_error(checkpoint: Path) -> None:
    with pytest.raises(TrainingError, match=r"The loss became NaN in epoch 1.*learning_rate=1e\+30"):
        finetuned(checkpoint, learning_rate=1e30, warmup_ratio=0.0)


def test_history_marks_the_epoch_with_the_highest_validation_auc() -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "loss": [3, 2, 1.0], "auc": [0.6, 0.7, 0.8]}
        | {"val_loss": [3, 2.5, 2], "val_auc": [0.6, 0.71, 0.7]}
    )
    figure = plots.history(history)
    assert figure.axes[1].get_title("left") == "AUC by epoch, 0.710 on validation"
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation", "kept: epoch 2"]
