"""The step `select`: what it compares, which winner the gate lets pass, and what it tells of it."""

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
from hydra.core.hydra_config import HydraConfig
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from sklearn.metrics import roc_auc_score

from pipeline import artifacts, promotion, registry, selection
from pipeline.artifacts import run_id
from pipeline.candidates import CandidateError
from pipeline.launch import SUMMARY
from pipeline.registry import CHALLENGER, CHAMPION, RegistryError
from sentiment.inference.errors import SettingsError
from steps import select
from tests.integration.candidates import (
    SharedCandidates,
    answer,
    as_started,
    folder_of,
    make_champion,
    put_back,
    save_splits,
    train,
)
from tests.integration.chain import last_run

pytestmark = pytest.mark.usefixtures("shared", "name")
FEW_DRAWS = 50


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
    """Give each test a registered model of its own, and Hydra its former state back."""
    yield f"small_{uuid4().hex}"
    HydraConfig.instance().cfg = None


@pytest.fixture
def quick(undrawn: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Have models answer in this process, and draw no plots."""
    monkeypatch.setattr(selection, "predict_in_subprocess", answer)


@pytest.fixture
def quick_winner(undrawn: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Have the winner answer in this process, the champion in its own; draw no plots."""
    own = selection.predict_in_subprocess
    monkeypatch.setattr(
        selection, "predict_in_subprocess", lambda uri, texts: (answer if uri.startswith("runs:") else own)(uri, texts)
    )


def run(name: str, splits: Path, *candidates: str, options: tuple[str, ...] = ()) -> None:
    """Run the step with baselines allowed, and no floor."""
    given = [f"inputs.splits={splits}", f"inputs.candidates=[{','.join(candidates)}]", f"select.name={name}"]
    asked = [
        "select.families=[baseline]",
        "select.floor.roc_auc=null",
        "select.min_compared=20",
        "select.min_of_class=5",
        "select.min_authors=5",
        f"select.resamples={FEW_DRAWS}",
    ]
    select.main(as_started(*given, *asked, *options))


def versions(name: str) -> list[ModelVersion]:
    return list(MlflowClient().search_model_versions(f"name = '{name}'"))


def version(name: str, alias: str) -> ModelVersion:
    return MlflowClient().get_model_version_by_alias(name, alias)


def moves(name: str) -> list[tuple[str, str | None, str | None]]:
    return [(move["alias"], move["from"], move["to"]) for move in registry.history(name)]


def logged(path: str) -> str:
    return str(mlflow.artifacts.load_text(f"{last_run().info.artifact_uri}/{path}"))


def artifacts_of(uri: str) -> Path:
    """Return the folder in which the artifacts of a model's run lie."""
    return Path(urlparse(mlflow.get_run(run_id(uri)).info.artifact_uri).path)


def test_the_first_winner_is_champion_and_the_test_split_is_looked_at_once(
    name: str, splits: Path, model: str, dummy: str
) -> None:
    run(name, splits, dummy, model)
    metrics, champion = last_run().data.metrics, version(name, CHAMPION)
    assert champion.run_id == run_id(model)
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == [(CHALLENGER, None, "1"), (CHAMPION, None, "1"), (CHALLENGER, "1", None)]
    assert champion.tags["synthetic"] == "True"
    assert champion.tags["gate"] == "passed"
    assert last_run().data.tags["winner"] == f"train_baseline {run_id(model)[:4]}"  # the dummy has the same name
    answers = mlflow.pyfunc.load_model(model).predict(pd.read_parquet(splits / "test.parquet")["text"].tolist())
    correct = (answers["sentiment"] == "negative") == pd.read_parquet(splits / "test.parquet")["negative"]
    assert metrics["test_accuracy"] == pytest.approx(correct.mean())
    assert metrics["lead_over_second_low"] < metrics["lead_over_second"] < metrics["lead_over_second_high"]
    assert "lead_over_champion" not in metrics


@pytest.mark.usefixtures("quick")
def test_the_comparison_and_the_terminal_tell_how_the_candidates_did(
    name: str, splits: Path, model: str, dummy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(name, splits, dummy, model)
    table = pd.read_csv(StringIO(logged("comparison/candidates.csv")))
    assert table["uri"].tolist() == [model, dummy]
    page = logged("comparison/candidates.html")
    assert "synthetic" in page
    assert all(f"runs/{run_id(uri)}" in page for uri in (model, dummy))
    metrics, told = last_run().data.metrics, capsys.readouterr().out
    assert f"AUC {metrics['test_roc_auc']:.3f}, {abs(metrics['validation_to_test_gap']):.3f} " in told
    assert f"accuracy {metrics['test_accuracy']:.3f}" in told
    assert f"cost per 1,000 tweets {metrics['test_expected_cost']:.0f}" in told
    assert f"over {table['name'][1]}: +0." in told
    assert "alias champion" in told
    assert "alias champion" in logged(SUMMARY)


@pytest.mark.usefixtures("quick")
def test_a_better_challenger_replaces_the_champion(name: str, splits: Path, model: str, dummy: str) -> None:
    make_champion(dummy, name)
    run(name, splits, model)
    assert registry.aliases(name) == {CHAMPION: "2"}
    assert moves(name)[1:] == [(CHALLENGER, None, "2"), (CHAMPION, "1", "2"), (CHALLENGER, "2", None)]
    assert last_run().data.metrics["lead_over_champion_low"] > 0
    assert last_run().data.metrics["compared_with_champion_rows"] == 120


@pytest.mark.usefixtures("quick")
def test_a_clearly_worse_challenger_keeps_its_alias_with_the_reasons_and_the_champion_stays(
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


@pytest.mark.usefixtures("quick")
def test_a_champion_that_wins_again_stays_what_it_is(name: str, splits: Path, model: str) -> None:
    run(name, splits, model)
    before = moves(name)
    run(name, splits, model)
    assert len(versions(name)) == 1
    assert registry.aliases(name) == {CHAMPION: "1"}
    assert moves(name) == before


@pytest.mark.usefixtures("quick")
def test_a_promotion_that_was_cut_off_before_the_end_is_finished_by_the_next(
    name: str, splits: Path, model: str
) -> None:
    make_champion(model, name)
    registry.move(name, CHALLENGER, "1", "what a killed command leaves")
    run(name, splits, model)
    assert registry.aliases(name) == {CHAMPION: "1"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("option", "check"),
    [
        ("select.floor.roc_auc=0.99", "quality"),
        ("select.max_megabytes=0.001", "size"),
        ("select.max_milliseconds=0.0001", "latency"),
    ],
)
def test_the_first_winner_is_refused_where_it_misses_what_is_asked(
    name: str, splits: Path, model: str, option: str, check: str
) -> None:
    run(name, splits, model, options=(option,))
    assert registry.aliases(name) == {CHALLENGER: "1"}
    assert f"**Refused by 1 of 7 checks: {check}.**" in version(name, CHALLENGER).tags["gate_reasons"]


@pytest.mark.usefixtures("quick")
def test_a_withdrawn_version_is_not_promoted_again_by_the_gate(name: str, splits: Path, model: str, dummy: str) -> None:
    run(name, splits, model)
    make_champion(dummy, name)
    promotion.promote(name, "1", "better")
    promotion.promote(name, "2", "version 1 calls thanks negative")
    run(name, splits, model)
    assert registry.aliases(name) == {CHALLENGER: "1", CHAMPION: "2"}
    assert "version 1 calls thanks negative" in version(name, CHALLENGER).tags["gate_reasons"]


@pytest.mark.usefixtures("quick")
def test_the_two_are_compared_on_test_tweets_that_served_neither_of_them(
    name: str, splits: Path, model: str, tmp_path: Path
) -> None:
    # The champion was trained on test tweets 360 to 399, and its threshold chosen on 400 to 449: 450 to 479 are left.
    saw_some = save_splits(tmp_path / "splits", train=range(120, 400), validation=range(400, 450), test=range(8))
    make_champion(train(saw_some, "dummy"), name)
    run(name, splits, model)
    assert last_run().data.metrics["compared_with_champion_rows"] == 30
    rest = pd.read_parquet(splits / "test.parquet")[-30:]
    area = roc_auc_score(
        rest["negative"], answer(model, rest["text"].tolist())
    )  # a champion that knows nothing has 0.5
    assert last_run().data.metrics["lead_over_champion"] == pytest.approx(area - 0.5)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("select.min_compared=121", "only 120 test tweets are"),
        ("select.min_of_class=61", "only 60 test tweets of the rarer class are"),
        ("select.min_authors=31", "only 30 authors of test tweets are"),
    ],
)
def test_too_little_evidence_is_never_a_pass(
    name: str, splits: Path, model: str, dummy: str, setting: str, message: str
) -> None:
    make_champion(dummy, name)
    run(name, splits, model, options=(setting,))
    assert version(name, CHALLENGER).tags["gate"] == "undecided"
    assert f"{message} unseen by the champion; " in version(name, CHALLENGER).tags["gate_reasons"]


@pytest.mark.usefixtures("quick")
def test_a_winner_that_somebody_registered_by_hand_gets_its_tags(name: str, splits: Path, model: str) -> None:
    registry.register(model, name, {})
    run(name, splits, model)
    digest = yaml.safe_load((splits / "splits.yaml").read_text(encoding="utf-8"))["digest"]
    assert version(name, CHAMPION).tags.items() >= {"digest": digest, "synthetic": "True", "data": "small"}.items()


@pytest.mark.usefixtures("quick")
def test_a_champion_of_which_nothing_is_known_is_taken_for_one_of_real_tweets(
    name: str, splits: Path, model: str, dummy: str
) -> None:
    make_champion(dummy, name)
    MlflowClient().delete_model_version_tag(name, "1", "synthetic")
    run(name, splits, model)
    assert version(name, CHALLENGER).tags["gate"] == "refused"
    assert "the champion on real ones" in version(name, CHALLENGER).tags["gate_reasons"]


@pytest.mark.usefixtures("quick")
def test_splits_that_were_changed_afterwards_are_refused(name: str, splits: Path, model: str, tmp_path: Path) -> None:
    shutil.copytree(splits, tmp_path / "changed")
    shutil.copy(splits / "train.parquet", tmp_path / "changed" / "test.parquet")
    with pytest.raises(artifacts.ArtifactError, match=r"test\.parquet \(inputs\.splits\) was changed"):
        run(name, tmp_path / "changed", model)


@pytest.mark.usefixtures("quick")
def test_a_challenger_as_good_as_the_champion_does_not_replace_it_where_the_tweets_are_too_few_to_tell(
    name: str, splits: Path, model: str, tmp_path: Path
) -> None:
    make_champion(model, name)
    other = train(save_splits(tmp_path / "splits", train=range(20, 240)), "logistic_regression")
    run(name, splits, other)
    assert version(name, CHALLENGER).tags["gate"] == "undecided"
    assert re.search("About [0-9,]+ more test tweets are needed", version(name, CHALLENGER).tags["gate_reasons"])
    assert registry.aliases(name) == {CHALLENGER: "2", CHAMPION: "1"}


def gone(model: Path, _: Path) -> None:
    shutil.rmtree(model)


def damaged(model: Path, _: Path) -> None:
    (skops,) = model.rglob("*.skops")
    skops.write_bytes(b"noise")


def unknown(_: Path, folder: Path) -> None:
    (folder / artifacts.SEEN).write_bytes(b"noise")


@pytest.mark.usefixtures("quick_winner")
@pytest.mark.parametrize(
    ("damage", "message"),
    [(gone, "cannot be run: .*MLmodel"), (damaged, "cannot be run: "), (unknown, "[Pp]arquet")],
)
def test_a_champion_that_cannot_be_run_is_named_and_stays(
    name: str, splits: Path, model: str, dummy: str, damage: Callable[[Path, Path], None], message: str
) -> None:
    make_champion(dummy, name)
    folders = folder_of(dummy), artifacts_of(dummy)
    with put_back(folders[0]), put_back(folders[1]):
        damage(*folders)
        require_undecided(name, splits, model, message)


@pytest.mark.usefixtures("quick")
def test_a_champion_that_has_seen_all_test_tweets_stays(name: str, splits: Path, model: str, tmp_path: Path) -> None:
    saw_all = save_splits(tmp_path / "splits", train=range(200, 360), validation=range(360, 480), test=range(8))
    make_champion(train(saw_all, "dummy"), name)
    require_undecided(name, splits, model, "only 0 test tweets are unseen by the champion; select.min")


def require_undecided(name: str, splits: Path, model: str, message: str) -> None:
    """Check that a winner that cannot be compared is the challenger, that the reason is kept, and the run goes on."""
    run(name, splits, model)
    assert last_run().info.status == "FINISHED"
    assert registry.aliases(name) == {CHALLENGER: "2", CHAMPION: "1"}
    assert version(name, CHALLENGER).tags["gate"] == "undecided"
    assert re.search(rf"{message}.* Decide manually", version(name, CHALLENGER).tags["gate_reasons"])


@pytest.mark.usefixtures("quick_winner")
def test_a_champion_is_compared_as_it_is_served_with_the_code_that_it_carries(
    name: str, splits: Path, model: str
) -> None:
    champion = train(splits, "logistic_regression")
    make_champion(champion, name)
    code = folder_of(champion) / "code" / "sentiment" / "inference" / "classifier.py"
    told = "return self.calibration(self.score(texts))"
    assert told in code.read_text(encoding="utf-8")
    code.write_text(code.read_text(encoding="utf-8").replace(told, "return 1 - self.score(texts)"), encoding="utf-8")
    run(name, splits, model)  # better than one that says the contrary
    assert registry.aliases(name) == {CHAMPION: "2"}


@pytest.mark.usefixtures("quick")
def test_the_best_that_may_be_served_wins_and_families_are_chosen_by_one_override(
    name: str, splits: Path, model: str, dummy: str
) -> None:
    mlflow.MlflowClient().set_tag(run_id(dummy), "step", "train_keras")
    try:
        run(name, splits, model, dummy, options=("select.families=[keras]",))
        assert version(name, CHALLENGER).run_id == run_id(dummy), "the gate refuses it"
        assert last_run().data.metrics["lead_over_second_high"] < 0  # a baseline is better, and may not be served
        run(name, splits, model, dummy)
        assert version(name, CHAMPION).run_id == run_id(model)
    finally:
        mlflow.MlflowClient().set_tag(run_id(dummy), "step", "train_baseline")


def test_what_cannot_be_selected_is_refused_before_anything_is_registered_or_tested(
    name: str, splits: Path, model: str, tmp_path: Path
) -> None:
    shutil.copytree(splits, tmp_path / "untested")
    splits = tmp_path / "untested"
    (splits / "test.parquet").unlink()  # whoever looks at it raises another error
    other = train(save_splits(tmp_path / "splits", validation=range(230, 350)), "dummy")
    failed = "0" * 32

    def refused(message: str, *candidates: str, options: tuple[str, ...] = (), error: type[Exception]) -> None:
        with pytest.raises(error, match=message):
            run(name, splits, *candidates, options=options)
        assert last_run().info.status == "FAILED"

    refused("There are no candidates to select from", error=CandidateError)
    refused(f"runs:/{failed}/model cannot be found", f"runs:/{failed}/model", error=CandidateError)
    refused("is not a model of a trainer's finished run", f"runs:/{last_run().info.run_id}/model", error=CandidateError)
    refused("scored on different validation splits", model, other, error=CandidateError)
    refused("trained with validation split .*, but inputs.splits has ", other, error=CandidateError)
    refused(r"select\.families=\['keras'\]", model, options=("select.families=[keras]",), error=CandidateError)
    refused(r"select\.runtimes=\['onnx'\]", model, options=("select.runtimes=[onnx]",), error=CandidateError)
    refused("set it to a list of names among", model, options=("select.families=baseline",), error=SettingsError)
    refused(r"set select\.floor\.roc_auc=", model, options=("select.floor=0.5",), error=SettingsError)
    refused("cannot rank models", model, options=("select.metric=calibration_error",), error=SettingsError)
    refused(
        r"select\.runtimes=sklearn: set it to a list", model, options=("select.runtimes=sklearn",), error=SettingsError
    )
    refused(r"margin\.roc_auc=nan", model, options=("select.margin.roc_auc=nan",), error=SettingsError)
    refused(r"select\.min_compared=0", model, options=("select.min_compared=0",), error=SettingsError)
    refused(r"select\.confidence=2", model, options=("select.confidence=2",), error=SettingsError)
    assert versions(name) == []


@pytest.mark.usefixtures("quick")
def test_the_version_carries_its_model_card(name: str, splits: Path, model: str, dummy: str) -> None:
    run(name, splits, dummy, model)
    champion = version(name, CHAMPION)
    card = mlflow.artifacts.load_text(champion.tags["model_card"])
    assert champion.description.startswith(f"# {name}, version 1: model card")
    assert last_run().info.run_id in champion.description  # where the whole card is
    assert len(champion.description) <= 5_000
    page = logged("model_card/model_card.html")
    assert page.count("data:image/png;base64,") == 3
    assert ".png" not in page.replace("image/png", "")
    digest = yaml.safe_load((splits / "splits.yaml").read_text(encoding="utf-8"))["digest"]
    needs = Path(folder_of(model) / "requirements.txt").read_text(encoding="utf-8").split()
    metrics = last_run().data.metrics
    told = [digest, *(f"| {need.replace('==', ' | ')} |" for need in needs), f"{metrics['test_roc_auc']:.3f}"]
    told += [f"inputs.candidates=[{dummy},{model}]", "Passed all 7 checks", "with negation", "classifier.C | 1.0"]
    assert not [text for text in told if text not in card]


@pytest.mark.usefixtures("quick")
def test_the_card_and_the_version_tell_of_the_data_that_the_winner_was_trained_on(
    name: str, splits: Path, dummy: str, tmp_path: Path
) -> None:
    more = save_splits(tmp_path / "splits", train=[*range(240), *range(480, 600)])
    told = yaml.safe_load((more / "splits.yaml").read_text(encoding="utf-8"))
    told |= {"train_on_rest": True, "extra_training": {"file": "more.csv", "rows_added": 120}}
    (more / "splits.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    winner = train(more, "logistic_regression")
    run(name, splits, dummy, winner)  # the splits are those of the first candidate
    champion = version(name, CHAMPION)
    assert champion.run_id == run_id(winner)
    assert champion.tags["digest"] == told["digest"]
    card = mlflow.artifacts.load_text(champion.tags["model_card"])
    assert "| train | 360 | 180 | 50.0 % |" in card
    for fact in (told["digest"], "train\\_on\\_rest | True", "more.csv", "rows\\_added | 120"):
        assert fact in card


def shuffled(stored: pd.DataFrame) -> pd.DataFrame:
    return stored.sample(frac=1.0, random_state=0)


def relabelled(stored: pd.DataFrame) -> pd.DataFrame:
    return stored.assign(negative=1 - stored["negative"])


def shortened(stored: pd.DataFrame) -> pd.DataFrame:
    return stored[:-1]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shuffled, r"1\d\d of 120 texts or labels differ, the first in row \d"),
        (relabelled, "120 of 120 texts or labels differ, the first in row 1"),
        (shortened, "119 validation tweets, but the splits have 120"),
    ],
)
def test_predictions_that_are_not_of_these_tweets_in_this_order_are_refused(
    name: str, splits: Path, model: str, dummy: str, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    file = artifacts_of(model) / artifacts.VALIDATION
    with put_back(file), pytest.raises(artifacts.ArtifactError, match=message):
        change(pd.read_parquet(file)).to_parquet(file, index=False)
        run(name, splits, dummy, model)
    assert versions(name) == []


@pytest.mark.usefixtures("quick")
def test_the_card_gives_a_command_that_a_shell_takes_apart_as_it_was_put_together(
    name: str, splits: Path, model: str
) -> None:
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


@pytest.mark.usefixtures("quick")
def test_two_winners_at_once_are_decided_one_after_the_other(
    name: str, splits: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "LOCK_TIMEOUT_SECONDS", 0)
    with registry.locked(name, seconds=0), pytest.raises(RegistryError, match="Another command is moving"):
        run(name, splits, model)
    assert versions(name) == []
