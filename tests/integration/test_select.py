"""The step `select`: comparing candidates, the gate, the registry and the model card."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from urllib.parse import urlparse
from uuid import uuid4

import mlflow
import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard
from hydra.core.hydra_config import HydraConfig
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from sklearn.metrics import roc_auc_score

from pipeline import artifacts, outcome, promotion, registry, scoring
from pipeline.artifacts import run_id
from pipeline.candidates import CandidateError
from pipeline.launch import SUMMARY
from pipeline.registry import CHALLENGER, CHAMPION, RegistryError
from sentiment.data.errors import DataError
from sentiment.inference.errors import MissingFileError, SettingsError
from steps import select
from tests.integration.candidates import (
    SharedCandidates,
    command_line_configuration,
    folder_of,
    make_champion,
    predict_in_process,
    restored,
    save_splits,
    train,
)
from tests.integration.chain import last_run
from tests.labels import write_labels

pytestmark = pytest.mark.usefixtures("shared", "name")
RESAMPLES = 50


@pytest.fixture
def splits(shared: SharedCandidates) -> Path:
    return shared.splits


@pytest.fixture
def model(shared: SharedCandidates) -> str:
    return shared.logistic_regression


@pytest.fixture
def dummy(shared: SharedCandidates) -> str:
    return shared.dummy


@pytest.fixture
def name() -> Iterator[str]:
    """Return a new name for the registered model of each test; reset Hydra's state afterwards."""
    yield f"small_{uuid4().hex}"
    HydraConfig.instance().cfg = None


@pytest.fixture
def in_process(no_plots: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Run models in this process, without plots."""
    monkeypatch.setattr(scoring, "predict_in_subprocess", predict_in_process)


@pytest.fixture
def winner_in_process(no_plots: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Run the winner in this process and the champion in its own, without plots."""
    original = scoring.predict_in_subprocess
    monkeypatch.setattr(
        scoring,
        "predict_in_subprocess",
        lambda uri, texts: (predict_in_process if uri.startswith("runs:") else original)(uri, texts),
    )


def run(name: str, splits: Path, *candidates: str, options: tuple[str, ...] = ()) -> None:
    """Run the step with baselines allowed and no minimum AUC."""
    inputs = [f"inputs.splits={splits}", f"inputs.candidates=[{','.join(candidates)}]", f"select.name={name}"]
    settings = [
        "select.families=[baseline]",
        "select.floor.roc_auc=null",
        "select.min_compared=20",
        "select.min_of_class=5",
        "select.min_authors=5",
        f"select.resamples={RESAMPLES}",
    ]
    select.main(command_line_configuration(*inputs, *settings, *options))


def versions(name: str) -> list[ModelVersion]:
    return list(MlflowClient().search_model_versions(f"name = '{name}'"))


def version(name: str, alias: str) -> ModelVersion:
    return MlflowClient().get_model_version_by_alias(name, alias)


def moves(name: str) -> list[tuple[str, str | None, str | None]]:
    return [(move["alias"], move["from"], move["to"]) for move in registry.history(name)]


def logged(path: str) -> str:
    return str(mlflow.artifacts.load_text(f"{last_run().info.artifact_uri}/{path}"))


def artifacts_of(uri: str) -> Path:
    """Return the artifact folder of a model's run."""
    return Path(urlparse(mlflow.get_run(run_id(uri)).info.artifact_uri).path)


def test_the_first_winner_becomes_champion_with_test_metrics(name: str, splits: Path, model: str, dummy: str) -> None:
    run(name, splits, dummy, model)
    metrics, champion = last_run().data.metrics, version(name, CHAMPION)
    assert champion.run_id == run_id(model)
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == [(CHALLENGER, None, "1"), (CHAMPION, None, "1"), (CHALLENGER, "1", None)]
    assert champion.tags["data"] == "small"
    assert champion.tags["gate"] == "passed"
    assert last_run().data.tags["winner"] == f"train_baseline {run_id(model)[:4]}"  # the dummy has the same name
    answers = mlflow.pyfunc.load_model(model).predict(pd.read_parquet(splits / "test.parquet")["text"].tolist())
    correct = (answers["sentiment"] == "negative") == pd.read_parquet(splits / "test.parquet")["negative"]
    assert metrics["test_accuracy"] == pytest.approx(correct.mean())
    assert metrics["lead_over_second_low"] < metrics["lead_over_second"] < metrics["lead_over_second_high"]
    assert "lead_over_champion" not in metrics


@pytest.mark.usefixtures("in_process")
def test_the_comparison_is_logged_and_printed(
    name: str, splits: Path, model: str, dummy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(name, splits, dummy, model)
    table = pd.read_csv(StringIO(logged("comparison/candidates.csv")))
    assert table["uri"].tolist() == [model, dummy]
    page = logged("comparison/candidates.html")
    assert all(f"runs/{run_id(uri)}" in page for uri in (model, dummy))
    metrics, output = last_run().data.metrics, capsys.readouterr().out
    assert f"AUC {metrics['test_roc_auc']:.3f}, {abs(metrics['validation_to_test_gap']):.3f} " in output
    assert f"accuracy {metrics['test_accuracy']:.3f}" in output
    assert f"cost per 1,000 tweets {metrics['test_expected_cost']:.0f}" in output
    assert f"over {table['name'][1]}: +0." in output
    assert "alias champion" in output
    assert "alias champion" in logged(SUMMARY)


@pytest.mark.usefixtures("in_process")
def test_the_outcome_of_a_training_is_one_text_with_the_champion_beside_it(
    name: str,
    splits: Path,
    model: str,
    dummy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(registry, "model_name", lambda: name)
    outcome.main(["champion"])
    assert capsys.readouterr().out == "none\n"
    with pytest.raises(SystemExit):
        outcome.main(["report", str(tmp_path)])
    assert "has no version: the training was interrupted" in capsys.readouterr().err
    run(name, splits, model, dummy)
    capsys.readouterr()
    outcome.main(["champion"])
    assert capsys.readouterr().out == "1\n"
    outcome.main(["report", str(tmp_path / "report")])
    text = (tmp_path / "report" / "summary.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name} version 1: ")
    assert "The champion is version 1. [Run](http://127.0.0.1:5000/#/experiments/" in text
    assert "![" not in text
    assert (tmp_path / "report" / "comparison" / "candidates.csv").is_file()
    assert (tmp_path / "report" / "champion" / "MLmodel").is_file()


@pytest.mark.usefixtures("in_process")
def test_a_better_challenger_replaces_the_champion(name: str, splits: Path, model: str, dummy: str) -> None:
    make_champion(dummy, name)
    run(name, splits, model)
    assert registry.aliases(name) == {CHAMPION: "2"}
    assert moves(name)[1:] == [(CHALLENGER, None, "2"), (CHAMPION, "1", "2"), (CHALLENGER, "2", None)]
    assert last_run().data.metrics["lead_over_champion_low"] > 0
    assert last_run().data.metrics["compared_with_champion_rows"] == 120


@pytest.mark.usefixtures("in_process")
def test_a_clearly_worse_challenger_is_refused_with_reasons(
    name: str, splits: Path, model: str, dummy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_champion(model, name)
    run(name, splits, dummy)
    assert registry.aliases(name) == {CHALLENGER: "2", CHAMPION: "1"}
    challenger = version(name, CHALLENGER)
    assert challenger.tags["gate"] == "refused"
    assert "worse than the champion" in challenger.tags["gate_reasons"]
    assert last_run().data.metrics["lead_over_champion_high"] < 0
    assert "challenger (gate: refused)" in capsys.readouterr().out


@pytest.mark.usefixtures("in_process")
def test_a_champion_that_wins_again_does_not_change(name: str, splits: Path, model: str) -> None:
    run(name, splits, model)
    before = moves(name)
    run(name, splits, model)
    assert len(versions(name)) == 1
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == before


@pytest.mark.usefixtures("in_process")
def test_an_interrupted_promotion_is_completed_by_the_next_run(name: str, splits: Path, model: str) -> None:
    make_champion(model, name)
    registry.move(name, CHALLENGER, "1", "left by a killed command")
    run(name, splits, model)
    assert registry.aliases(name) == {CHAMPION: "1"}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("option", "check"),
    [
        ("select.floor.roc_auc=0.99", "quality"),
        ("select.max_megabytes=0.001", "size"),
        ("select.max_milliseconds=0.0001", "latency"),
    ],
)
def test_the_first_winner_must_pass_the_absolute_checks(
    name: str, splits: Path, model: str, option: str, check: str
) -> None:
    run(name, splits, model, options=(option,))
    assert registry.aliases(name) == {CHALLENGER: "1"}
    assert f"**Refused by 1 of 6 checks: {check}.**" in version(name, CHALLENGER).tags["gate_reasons"]


@pytest.mark.usefixtures("in_process")
def test_a_withdrawn_version_is_not_promoted_again_by_the_gate(name: str, splits: Path, model: str, dummy: str) -> None:
    run(name, splits, model)
    make_champion(dummy, name)
    promotion.promote(name, "1", "better")
    promotion.promote(name, "2", "version 1 calls thanks negative")
    run(name, splits, model)
    assert registry.aliases(name) == {CHALLENGER: "1", CHAMPION: "2"}
    assert "version 1 calls thanks negative" in version(name, CHALLENGER).tags["gate_reasons"]


@pytest.mark.usefixtures("in_process")
def test_challenger_and_champion_are_compared_on_tweets_unseen_by_both(
    name: str, splits: Path, model: str, tmp_path: Path
) -> None:
    # The champion was trained on test tweets 360 to 399, and its threshold chosen on 400 to 449: 450 to 479 are left.
    seen_splits = save_splits(tmp_path / "splits", train=range(120, 400), validation=range(400, 450), test=range(8))
    make_champion(train(seen_splits, "dummy"), name)
    run(name, splits, model)
    assert last_run().data.metrics["compared_with_champion_rows"] == 30
    unseen = pd.read_parquet(splits / "test.parquet")[-30:]
    auc = roc_auc_score(unseen["negative"], predict_in_process(model, unseen["text"].tolist())["negative_probability"])
    assert last_run().data.metrics["lead_over_champion"] == pytest.approx(auc - 0.5), "a dummy champion has 0.5"


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("select.min_compared=121", "only 120 test tweets are"),
        ("select.min_of_class=61", "only 60 test tweets of the rarer class are"),
        ("select.min_authors=31", "only 30 authors of test tweets are"),
    ],
)
def test_too_few_unseen_tweets_leave_the_verdict_undecided(
    name: str, splits: Path, model: str, dummy: str, setting: str, message: str
) -> None:
    make_champion(dummy, name)
    run(name, splits, model, options=(setting,))
    assert version(name, CHALLENGER).tags["gate"] == "undecided"
    assert f"{message} unseen by the champion; " in version(name, CHALLENGER).tags["gate_reasons"]


@pytest.mark.usefixtures("in_process")
def test_a_manually_registered_winner_gets_its_tags(name: str, splits: Path, model: str) -> None:
    registry.register(model, name, {})
    run(name, splits, model)
    digest = yaml.safe_load((splits / "splits.yaml").read_text(encoding="utf-8"))["digest"]
    assert version(name, CHAMPION).tags.items() >= {"digest": digest, "data": "small"}.items()


@pytest.mark.usefixtures("in_process")
def test_splits_with_an_exchanged_file_are_refused(name: str, splits: Path, model: str, tmp_path: Path) -> None:
    shutil.copytree(splits, tmp_path / "changed")
    shutil.copy(splits / "train.parquet", tmp_path / "changed" / "test.parquet")
    with pytest.raises(artifacts.ArtifactError, match=r"test\.parquet \(inputs\.splits\) was changed"):
        run(name, tmp_path / "changed", model)


@pytest.mark.usefixtures("in_process")
def test_an_equally_good_challenger_is_undecided_if_there_are_too_few_tweets(
    name: str, splits: Path, model: str, tmp_path: Path
) -> None:
    make_champion(model, name)
    other = train(save_splits(tmp_path / "splits", train=range(20, 240)), "logistic_regression")
    run(name, splits, other)
    assert version(name, CHALLENGER).tags["gate"] == "undecided"
    assert re.search("About [0-9,]+ more test tweets are needed", version(name, CHALLENGER).tags["gate_reasons"])
    assert registry.aliases(name) == {CHALLENGER: "2", CHAMPION: "1"}


def delete_model(model: Path, _: Path) -> None:
    shutil.rmtree(model)


def damage_model(model: Path, _: Path) -> None:
    (skops,) = model.rglob("*.skops")
    skops.write_bytes(b"noise")


def damage_seen_tweets(_: Path, folder: Path) -> None:
    (folder / artifacts.SEEN).write_bytes(b"noise")


@pytest.mark.extended
@pytest.mark.usefixtures("winner_in_process")
@pytest.mark.parametrize(
    ("damage", "message"),
    [(delete_model, "cannot be run: .*MLmodel"), (damage_model, "cannot be run: "), (damage_seen_tweets, "[Pp]arquet")],
)
def test_a_champion_that_cannot_be_run_is_reported_and_stays(
    name: str, splits: Path, model: str, dummy: str, damage: Callable[[Path, Path], None], message: str
) -> None:
    make_champion(dummy, name)
    folders = folder_of(dummy), artifacts_of(dummy)
    with restored(folders[0]), restored(folders[1]):
        damage(*folders)
        require_undecided(name, splits, model, message)


@pytest.mark.usefixtures("in_process")
def test_a_champion_that_has_seen_all_test_tweets_stays(name: str, splits: Path, model: str, tmp_path: Path) -> None:
    seen_splits = save_splits(tmp_path / "splits", train=range(200, 360), validation=range(360, 480), test=range(8))
    make_champion(train(seen_splits, "dummy"), name)
    require_undecided(name, splits, model, "only 0 test tweets are unseen by the champion; select.min")


def require_undecided(name: str, splits: Path, model: str, message: str) -> None:
    """Check that a winner that cannot be compared becomes challenger, with the reason, and the run finishes."""
    run(name, splits, model)
    assert last_run().info.status == "FINISHED"
    assert registry.aliases(name) == {CHALLENGER: "2", CHAMPION: "1"}
    assert version(name, CHALLENGER).tags["gate"] == "undecided"
    assert re.search(rf"{message}.* Decide manually", version(name, CHALLENGER).tags["gate_reasons"])


@pytest.mark.usefixtures("winner_in_process")
def test_a_champion_is_compared_with_its_own_code(name: str, splits: Path, model: str) -> None:
    champion = train(splits, "logistic_regression")
    make_champion(champion, name)
    code = folder_of(champion) / "code" / "sentiment" / "inference" / "classifier.py"
    original = "return self.calibration(self.score(texts))"
    assert original in code.read_text(encoding="utf-8")
    code.write_text(
        code.read_text(encoding="utf-8").replace(original, "return 1 - self.score(texts)"), encoding="utf-8"
    )
    run(name, splits, model)  # better than a champion that answers the opposite
    assert registry.aliases(name) == {CHAMPION: "2"}


@pytest.mark.usefixtures("in_process")
def test_the_best_candidate_of_an_allowed_family_wins(name: str, splits: Path, model: str, dummy: str) -> None:
    mlflow.MlflowClient().set_tag(run_id(dummy), "step", "train_keras")
    try:
        run(name, splits, model, dummy, options=("select.families=[keras]",))
        assert version(name, CHALLENGER).run_id == run_id(dummy), "refused by the gate"
        assert last_run().data.metrics["lead_over_second_high"] < 0, "the better baseline is not allowed"
        run(name, splits, model, dummy)
        assert version(name, CHAMPION).run_id == run_id(model)
    finally:
        mlflow.MlflowClient().set_tag(run_id(dummy), "step", "train_baseline")


def test_invalid_candidates_and_settings_are_refused_before_testing(
    name: str, splits: Path, model: str, tmp_path: Path
) -> None:
    shutil.copytree(splits, tmp_path / "untested")
    splits = tmp_path / "untested"
    (splits / "test.parquet").unlink()  # reading it would raise another error
    other = train(save_splits(tmp_path / "splits", validation=range(230, 350)), "dummy")
    unknown_run = "0" * 32

    def require_refused(message: str, *candidates: str, options: tuple[str, ...] = (), error: type[Exception]) -> None:
        with pytest.raises(error, match=message):
            run(name, splits, *candidates, options=options)
        assert last_run().info.status == "FAILED"

    require_refused("There are no candidates to select from", error=CandidateError)
    require_refused(f"runs:/{unknown_run}/model cannot be found", f"runs:/{unknown_run}/model", error=CandidateError)
    require_refused(
        "is not a model of a trainer's finished run", f"runs:/{last_run().info.run_id}/model", error=CandidateError
    )
    require_refused("scored on different validation splits", model, other, error=CandidateError)
    require_refused("trained with validation split .*, but inputs.splits has ", other, error=CandidateError)
    require_refused(r"select\.families=\['keras'\]", model, options=("select.families=[keras]",), error=CandidateError)
    require_refused(r"select\.runtimes=\['onnx'\]", model, options=("select.runtimes=[onnx]",), error=CandidateError)
    require_refused(
        "set it to a list of names among", model, options=("select.families=baseline",), error=SettingsError
    )
    require_refused(r"ISO 639-1", model, options=("select.languages=[en,english]",), error=SettingsError)
    require_refused(r"set select\.floor\.roc_auc=", model, options=("select.floor=0.5",), error=SettingsError)
    require_refused("cannot rank models", model, options=("select.metric=calibration_error",), error=SettingsError)
    require_refused(
        r"select\.runtimes=sklearn: set it to a list", model, options=("select.runtimes=sklearn",), error=SettingsError
    )
    require_refused(r"margin\.roc_auc=nan", model, options=("select.margin.roc_auc=nan",), error=SettingsError)
    require_refused(r"select\.min_compared=0", model, options=("select.min_compared=0",), error=SettingsError)
    require_refused(r"select\.confidence=2", model, options=("select.confidence=2",), error=SettingsError)
    assert versions(name) == []


@pytest.mark.usefixtures("in_process")
def test_the_version_gets_its_model_card(name: str, splits: Path, model: str, dummy: str) -> None:
    run(name, splits, dummy, model)
    champion = version(name, CHAMPION)
    card = mlflow.artifacts.load_text(champion.tags["model_card"])
    assert f"\n# {name}, version 1: model card\n" in champion.description
    assert "\n## Limits\n\n- A test made them up." in champion.description
    assert last_run().info.run_id in champion.description  # the run with the whole card
    assert len(champion.description) <= 5_000
    assert ModelCard(logged("model_card/README.md")).text.strip() == card.strip()
    page = logged("model_card/model_card.html")
    assert page.count("data:image/png;base64,") == 3
    assert ".png" not in page.replace("image/png", "")
    digest = yaml.safe_load((splits / "splits.yaml").read_text(encoding="utf-8"))["digest"]
    requirements = Path(folder_of(model) / "requirements.txt").read_text(encoding="utf-8").split()
    metrics = last_run().data.metrics
    expected = [
        digest,
        *(f"| {requirement.replace('==', ' | ')} |" for requirement in requirements),
        f"{metrics['test_roc_auc']:.3f}",
        "with 90 % confidence, at most 5 % of such answers are wrong",
    ]
    expected += [f"inputs.candidates=[{dummy},{model}]", "Passed all 6 checks", "with negation", "classifier.C | 1.0"]
    assert not [text for text in expected if text not in card]


@pytest.mark.usefixtures("in_process")
def test_the_card_describes_the_training_data_of_the_winner(
    name: str, splits: Path, dummy: str, tmp_path: Path
) -> None:
    larger_splits = save_splits(tmp_path / "splits", train=[*range(240), *range(480, 600)])
    description = yaml.safe_load((larger_splits / "splits.yaml").read_text(encoding="utf-8"))
    description |= {"train_on_rest": True, "extra_training": {"more": {"file": "more.csv", "rows_added": 120}}}
    (larger_splits / "splits.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    winner = train(larger_splits, "logistic_regression")
    run(name, splits, dummy, winner)  # inputs.splits are those of the first candidate
    champion = version(name, CHAMPION)
    assert champion.run_id == run_id(winner)
    assert champion.tags["digest"] == description["digest"]
    card = mlflow.artifacts.load_text(champion.tags["model_card"])
    assert "| train | 360 | 180 | 50.0 % |" in card
    for fact in (description["digest"], "train\\_on\\_rest | True", "more.csv", "rows\\_added | 120"):
        assert fact in card


def shuffled(stored: pd.DataFrame) -> pd.DataFrame:
    return stored.sample(frac=1.0, random_state=0)


def relabelled(stored: pd.DataFrame) -> pd.DataFrame:
    return stored.assign(negative=1 - stored["negative"])


def shortened(stored: pd.DataFrame) -> pd.DataFrame:
    return stored[:-1]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shuffled, r"1\d\d of 120 texts or labels differ, the first in row \d"),
        (relabelled, "120 of 120 texts or labels differ, the first in row 1"),
        (shortened, "119 validation tweets, but the splits have 120"),
    ],
)
def test_stored_predictions_of_other_tweets_are_refused(
    name: str, splits: Path, model: str, dummy: str, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    file = artifacts_of(model) / artifacts.VALIDATION
    with restored(file), pytest.raises(artifacts.ArtifactError, match=message):
        change(pd.read_parquet(file)).to_parquet(file, index=False)
        run(name, splits, dummy, model)
    assert versions(name) == []


@pytest.mark.usefixtures("in_process")
def test_the_command_in_the_card_is_quoted_for_the_shell(name: str, splits: Path, model: str) -> None:
    with mlflow.start_run() as main, pytest.MonkeyPatch.context() as patch:
        child = MlflowClient().create_run(main.info.experiment_id, tags={"mlflow.parentRunId": main.info.run_id})
        mlflow.end_run()
        patch.setenv("MLFLOW_RUN_ID", child.info.run_id)
        run(name, splits, model, options=("data.text_column='the text'",))
    card = mlflow.artifacts.load_text(version(name, CHAMPION).tags["model_card"])
    (line,) = [line for line in card.splitlines() if line.startswith("mlflow run")]
    *_, options = shlex.split(line)
    assert shlex.split(options.removeprefix("hydra_options="))[-1] == "data.text_column='the text'"
    assert "inputs." not in line


@pytest.mark.usefixtures("in_process")
def test_selecting_while_another_command_moves_aliases_is_refused(
    name: str, splits: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "LOCK_TIMEOUT_SECONDS", 0)
    with registry.locked(name, seconds=0), pytest.raises(RegistryError, match="Another command is moving"):
        run(name, splits, model)
    assert versions(name) == []


def feedback_set(folder: Path, right: str, wrong: str) -> tuple[str, ...]:
    """Write labels of tweets that one model classifies correctly and the other does not; return the options."""
    texts = [f"{words} {number}" for number in range(1_000, 1_060) for words in ("late awful", "lovely thanks")]
    answers = {uri: predict_in_process(uri, texts)["sentiment"] == "negative" for uri in (right, wrong)}
    labels = dict(zip(texts, answers[right], strict=True))
    disputed = [text for text, differs in zip(texts, answers[right] != answers[wrong], strict=True) if differs]
    file = write_labels(folder, {text: bool(labels[text]) for text in disputed})
    return (f"select.feedback.path={file}",)


@pytest.mark.usefixtures("in_process")
def test_a_challenger_that_is_better_on_test_but_worse_on_the_feedback_set_is_refused(
    name: str, splits: Path, model: str, dummy: str, tmp_path: Path
) -> None:
    make_champion(dummy, name)
    run(name, splits, model, options=feedback_set(tmp_path, right=dummy, wrong=model))
    assert registry.aliases(name) == {CHALLENGER: "2", CHAMPION: "1"}
    metrics, tags = last_run().data.metrics, version(name, CHALLENGER).tags
    assert metrics["lead_over_champion_low"] > 0
    assert (metrics["feedback_accuracy"], metrics["feedback_champion_accuracy"]) == (0, 1)
    assert (tags["gate"], metrics["feedback_lead"]) == ("refused", -1)
    assert re.search(r"It classifies 0 of \d+ tweets of the feedback set correctly", tags["gate_reasons"])
    assert len(last_run().data.tags["feedback_version"]) == 16


@pytest.mark.usefixtures("in_process")
def test_a_challenger_that_is_better_on_both_is_promoted(
    name: str, splits: Path, model: str, dummy: str, tmp_path: Path
) -> None:
    make_champion(dummy, name)
    run(name, splits, model, options=feedback_set(tmp_path, right=model, wrong=dummy))
    assert registry.aliases(name) == {CHAMPION: "2"}
    assert last_run().data.metrics["feedback_lead"] == 1


@pytest.mark.usefixtures("in_process")
def test_with_too_few_tweets_in_the_feedback_set_nothing_is_promoted(
    name: str, splits: Path, model: str, dummy: str, tmp_path: Path
) -> None:
    make_champion(dummy, name)
    options = (*feedback_set(tmp_path, right=model, wrong=dummy), "select.feedback.min_tweets=1000")
    run(name, splits, model, options=options)
    assert registry.aliases(name) == {CHALLENGER: "2", CHAMPION: "1"}
    tags = version(name, CHALLENGER).tags
    assert tags["gate"] == "undecided"
    assert "select.feedback.min_tweets=1000 are required" in tags["gate_reasons"].replace("\\", "")


@pytest.mark.usefixtures("in_process")
def test_the_first_champion_needs_no_feedback_set_to_compare_with(
    name: str, splits: Path, model: str, dummy: str, tmp_path: Path
) -> None:
    run(name, splits, model, options=feedback_set(tmp_path, right=dummy, wrong=model))
    assert registry.aliases(name) == {CHAMPION: "1"}


def test_a_feedback_set_that_cannot_be_used_is_refused_before_any_work(
    name: str, splits: Path, model: str, tmp_path: Path
) -> None:
    with pytest.raises(MissingFileError, match=r"No file .*labels\.csv \(select\.feedback\.path\)"):
        run(name, splits, model, options=(f"select.feedback.path={tmp_path}/labels.csv",))
    file = write_labels(tmp_path, {f"tweet {number}": True for number in range(20)})
    file.write_text("text,label,part\n", encoding="utf-8")
    with pytest.raises(DataError, match="it was changed"):
        run(name, splits, model, options=(f"select.feedback.path={file}",))
    assert versions(name) == []
