"""The step `score`: tables of any size, continued after an interruption."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest
from filelock import FileLock

from pipeline import registry
from pipeline.artifacts import ArtifactError
from pipeline.batch import job, worker, workers
from pipeline.batch import parts as batch_parts
from pipeline.batch.engine import Answers, ScoreError
from pipeline.batch.workers import Worker
from pipeline.registry import CHAMPION
from sentiment.inference.errors import MissingFileError, SettingsError, UserError
from tables import parts
from tests.integration.candidates import (
    SharedCandidates,
    folder_of,
    make_champion,
    predict_in_process,
    restored,
)
from tests.integration.chain import last_run
from tests.integration.scored import (
    ADDED,
    CHUNK,
    PROJECT,
    ROWS,
    command,
    finished,
    killed_in_the_middle,
    read,
    run,
    table,
    written,
)


class InProcess:
    """Scores as a `Worker` does, in this process: starting another one takes seconds."""

    def __init__(self, model: Path, errors: Path) -> None:  # noqa: ARG002
        self.model = model

    def wait_until_ready(self) -> None:
        """Do nothing."""

    def score(self, texts: list[str]) -> Answers:
        answers = predict_in_process(str(self.model), texts)
        return Answers(*(answers[name].tolist() for name in worker.COLUMNS))

    def kill(self) -> None:
        """Do nothing."""


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Score in this process."""
    monkeypatch.setattr(workers, "Worker", InProcess)


@pytest.fixture(scope="module")
def champion(shared: SharedCandidates) -> str:
    """Register two models; the first one is the champion."""
    name = f"small_{uuid4().hex}"
    make_champion(shared.logistic_regression, name)
    registry.register(shared.characters, name, {})
    return name


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a table that no test changes."""
    return written(tmp_path_factory.mktemp("source") / "tweets.csv", table())


@pytest.fixture(scope="module")
def whole(champion: str, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Score the table without an interruption."""
    return run(champion, source, tmp_path_factory.mktemp("whole") / "scored.csv")


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("output_ending", ["csv.gz", "jsonl", "parquet"])
def test_every_row_gets_the_answer_of_the_model(
    shared: SharedCandidates, champion: str, tmp_path: Path, ending: str, output_ending: str
) -> None:
    frame = table()
    path = written(tmp_path / f"tweets.{ending}", frame)
    scored = read(run(champion, path, tmp_path / f"scored.{output_ending}"))
    assert scored.columns.tolist() == ["text", "group", *ADDED]
    assert scored[["text", "group"]].equals(frame)
    empty = frame["text"] == " "
    assert scored.loc[empty, ADDED].replace("", None).isna().all(axis=None)
    expected = predict_in_process(shared.logistic_regression, frame.loc[~empty, "text"].tolist())
    answers = scored[~empty].reset_index(drop=True)
    assert answers["negative_probability"].to_numpy() == pytest.approx(expected["negative_probability"], abs=1e-12)
    assert answers["sentiment"].tolist() == expected["sentiment"].tolist()
    assert (answers["certainty"] == "uncertain").tolist() == expected["uncertain"].tolist()
    assert answers["model_version"].unique().tolist() == ["1"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"tweets.{ending}", f"scored.{output_ending}"])


@pytest.mark.usefixtures("in_process")
def test_the_run_counts_rows(champion: str, source: Path, tmp_path: Path) -> None:
    scored = read(run(champion, source, tmp_path / "scored.csv"))
    logged = last_run().data
    assert logged.tags["model_version"] == "1"
    assert logged.tags["model"] == f"models:/{champion}/1"
    assert {name: logged.metrics[name] for name in ("rows", "empty", "continued", "processes")} == {
        "rows": ROWS, "empty": 13, "continued": 0, "processes": 1,
    }  # fmt: skip
    assert logged.metrics["negative"] == (scored["sentiment"] == "negative").sum()
    assert logged.metrics["uncertain"] == (scored["certainty"] == "uncertain").sum()
    assert logged.metrics["rows_per_second"] == pytest.approx(ROWS / logged.metrics["seconds"])


@pytest.mark.extended
def test_the_number_of_processes_does_not_change_the_output(
    champion: str, source: Path, whole: Path, tmp_path: Path
) -> None:
    output = run(champion, source, tmp_path / "scored.csv", "score.processes=2")
    assert output.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("model", ["models:/{name}/2", "{uri}"])
def test_any_version_or_run_can_score(
    shared: SharedCandidates, champion: str, source: Path, tmp_path: Path, model: str
) -> None:
    uri = model.format(name=champion, uri=shared.characters)
    scored = read(run(champion, source, tmp_path / "scored.csv", f"score.model={uri}"))
    expected = predict_in_process(shared.characters, ["late 7"])["negative_probability"]
    other = written(tmp_path / "one.csv", pd.DataFrame({"text": ["late 7"]}))
    one = read(run(champion, other, tmp_path / "one_scored.csv", f"score.model={uri}"))
    assert one["negative_probability"].to_numpy() == pytest.approx(expected, abs=1e-12)
    versions = set(scored["model_version"]) - {""}
    assert versions == {"2"} if uri.startswith("models:") else all(v.startswith("m-") for v in versions)


@pytest.mark.extended
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_killed_command_continues_without_losing_or_repeating_a_row(
    shared: SharedCandidates, champion: str, tmp_path: Path, ending: str
) -> None:
    path = written(tmp_path / "tweets.csv", table(6_000))
    expected = run(champion, path, tmp_path / f"whole.{ending}").read_bytes()
    output = tmp_path / f"scored.{ending}"
    folder = batch_parts.folder_of(output)
    killed_in_the_middle(shared, command(champion, path, output), output)
    kept = len(finished(output))
    assert 0 < kept < 300
    assert not output.exists()
    run(champion, path, output, "score.processes=2")
    assert output.read_bytes() == expected
    assert not folder.exists()
    assert last_run().data.metrics["continued"] == kept * CHUNK
    assert last_run().data.metrics["rows"] == 6_000


class Interruption(Exception):
    """Ends a command in the middle."""


@pytest.fixture
def interrupted(champion: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Interrupt a command after three parts; return a copy of the input, and the output."""
    path, output = Path(shutil.copy(source, tmp_path)), tmp_path / "scored.csv"
    write = parts.write_part

    def write_three(*arguments: Any, **named: Any) -> None:
        if len(finished(output)) == 3:
            raise Interruption
        write(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(parts, "write_part", write_three)
        with pytest.raises(Interruption):
            run(champion, path, output)
    assert not output.exists()
    assert len(finished(output)) == 3
    return path, output


@pytest.mark.usefixtures("in_process")
def test_an_interrupted_command_continues(champion: str, interrupted: tuple[Path, Path], whole: Path) -> None:
    assert run(champion, *interrupted).read_bytes() == whole.read_bytes()
    assert last_run().data.metrics["continued"] == 3 * CHUNK


@pytest.mark.usefixtures("in_process")
def test_a_command_interrupted_while_joining_scores_nothing_again(
    champion: str, interrupted: tuple[Path, Path], whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr(parts, "join", fail)
        with pytest.raises(Interruption):
            run(champion, *interrupted)
    assert not interrupted[1].exists()
    monkeypatch.setattr(Worker, "score", fail)
    assert run(champion, *interrupted).read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["score.chunk_size=30"], "score.chunk_size was 20, is now 30"),
        (["score.prefix=new_"], "score.prefix was , is now new_"),
        (["score.text_column=group"], "score.text_column was text, is now group"),
        (["score.model=models:/{name}/2"], "score.model was"),
    ],
)
def test_a_command_with_other_settings_or_another_model_does_not_continue(
    champion: str, interrupted: tuple[Path, Path], overrides: list[str], named: str
) -> None:
    with pytest.raises(ScoreError, match=named) as error:
        run(champion, *interrupted, *(override.format(name=champion) for override in overrides))
    assert "delete this folder to start again" in str(error.value)
    assert not interrupted[1].exists()


@pytest.mark.usefixtures("in_process")
def test_a_new_champion_does_not_continue(champion: str, interrupted: tuple[Path, Path], whole: Path) -> None:
    registry.move(champion, CHAMPION, "2", "a test")
    try:
        with pytest.raises(ScoreError, match="score.model was"):
            run(champion, *interrupted)
        completed = run(champion, *interrupted, f"score.model=models:/{champion}/1")
    finally:
        registry.move(champion, CHAMPION, "1", "a test")
    assert completed.read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("in_process")
def test_a_command_with_a_changed_input_does_not_continue(champion: str, interrupted: tuple[Path, Path]) -> None:
    path, _ = interrupted
    path.write_text(path.read_text(encoding="utf-8").replace(" 7,", " 8,"), encoding="utf-8")
    with pytest.raises(ScoreError, match="score.input was sha256"):
        run(champion, *interrupted)


@pytest.mark.usefixtures("in_process")
def test_an_input_that_changes_meanwhile_is_noticed(
    champion: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, output = Path(shutil.copy(source, tmp_path)), tmp_path / "scored.csv"
    write = parts.write_part

    def change(*arguments: Any, **named: Any) -> None:
        path.touch()
        write(*arguments, **named)

    monkeypatch.setattr(parts, "write_part", change)
    with pytest.raises(ScoreError, match="was changed while it was scored"):
        run(champion, path, output)
    assert not output.exists()
    assert not batch_parts.folder_of(output).exists()


@pytest.mark.usefixtures("in_process")
def test_missing_parts_are_noticed(champion: str, interrupted: tuple[Path, Path]) -> None:
    _, output = interrupted
    first, *_ = finished(output)
    first.rename(first.with_name(first.name.replace("-20-", "-19-", 1)))
    with pytest.raises(ScoreError, match="have 129 rows, the input has 130. Delete this folder"):
        run(champion, *interrupted)
    assert not output.exists()


@pytest.mark.usefixtures("in_process")
def test_a_half_written_part_is_not_used(champion: str, interrupted: tuple[Path, Path], whole: Path) -> None:
    folder = batch_parts.folder_of(interrupted[1])
    (folder / f"{batch_parts.UNFINISHED}-00000003-20-2-1-1.part").write_text('"half', encoding="utf-8")
    assert run(champion, *interrupted).read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("in_process")
def test_two_commands_do_not_write_one_output(champion: str, interrupted: tuple[Path, Path]) -> None:
    folder = batch_parts.folder_of(interrupted[1])
    with FileLock(folder / batch_parts.LOCK), pytest.raises(ScoreError, match="Another command is writing"):
        run(champion, *interrupted)


@pytest.mark.usefixtures("in_process")
def test_a_folder_of_something_else_is_left_alone(champion: str, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scored.csv.parts"
    folder.mkdir()
    (folder / "notes").write_text("mine", encoding="utf-8")
    with pytest.raises(ScoreError, match="contains notes"):
        run(champion, source, tmp_path / "scored.csv")
    assert (folder / "notes").read_text(encoding="utf-8") == "mine"


@pytest.mark.usefixtures("in_process")
def test_an_existing_output_is_replaced_only_if_asked_for(
    champion: str, source: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "scored.csv"
    output.write_text("mine", encoding="utf-8")
    with pytest.raises(ScoreError, match="exists.*score.overwrite=true"):
        run(champion, source, output)
    assert output.read_text(encoding="utf-8") == "mine"
    assert run(champion, source, output, "score.overwrite=true").read_bytes() == whole.read_bytes()


@pytest.mark.usefixtures("in_process")
def test_new_columns_can_have_other_names(champion: str, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="already has the columns negative_probability, .*score.prefix=model_"):
        run(champion, whole, tmp_path / "again.csv")
    scored = read(run(champion, whole, tmp_path / "again.csv", "score.prefix=model_"))
    assert scored.columns.tolist() == ["text", "group", *ADDED, *(f"model_{name}" for name in ADDED)]
    assert scored["model_sentiment"].equals(scored["sentiment"])


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["score.input={folder}/none.csv"], MissingFileError, "No file .*none.csv .score.input."),
        (["score.input={folder}/tweets.xlsx"], ScoreError, "unknown file ending. Use one of .csv, .tsv"),
        (["score.input={folder}/damaged.csv.gz"], ScoreError, "damaged.csv.gz .score.input.: .* truncated or corrupt"),
        (["score.input={folder}/damaged.parquet"], ScoreError, "The Parquet file is truncated or corrupt"),
        (["score.text_column=tweet"], ScoreError, "no column 'tweet'; .* text, group. Setting: score.text_column"),
        (["score.encoding=utf-88"], ScoreError, "Unknown encoding 'utf-88'.*Setting: score.encoding"),
        (["score.output={folder}/scored.xlsx"], ScoreError, "scored.xlsx .score.output.*unknown file ending"),
        (["score.output={folder}/none/scored.csv"], ScoreError, "No folder .*none .score.output.. Create it"),
        (["score.output={folder}/folder.csv"], ScoreError, "is a folder. Add the name of a file"),
        (["score.output='{source}'"], ScoreError, "is both score.input and score.output"),
        (["score.output=/proc/scored.csv"], ScoreError, "scored.csv .score.output. could not be finished|not writable"),
        (["score.chunk_size=0"], SettingsError, "score.chunk_size=0: set it to an integer from 1"),
        (["score.processes=two"], SettingsError, "score.processes=two: set it to an integer from 1"),
        (["score.model=models:/none@champion"], ArtifactError, "There is no model none"),
        (["score.model=models:/{name}/9"], ArtifactError, "has no version 9"),
        (["score.model=models:/{name}@none"], ArtifactError, "has no none"),
        (["score.model=folder"], SettingsError, "score.model=folder: set it to models:/"),
        (["score.model=runs:/{run}/model"], ArtifactError, f"score.model=runs:/{'0' * 32}/model: .*not found"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_any_work(
    champion: str, source: Path, tmp_path: Path, overrides: list[str], error: type[UserError], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("tweets.xlsx", "damaged.csv.gz", "damaged.parquet"):
        (tmp_path / name).write_bytes(b"\x1f\x8b and no more" if name.endswith("gz") else b"PAR1")
    (tmp_path / "folder.csv").mkdir()
    monkeypatch.setattr(Worker, "score", None)
    values = {"folder": tmp_path, "name": champion, "source": source, "run": "0" * 32}
    given = [override.format(**values) for override in overrides]
    with pytest.raises(error, match=message):
        run(champion, source, tmp_path / "scored.csv", *given)
    assert last_run().info.status == "FAILED"
    assert not list(tmp_path.glob("scored*"))


@pytest.mark.usefixtures("in_process")
def test_an_input_that_may_not_be_read_is_refused(
    champion: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(job.streamed, "inspect", refuse)  # root may read everything
    with pytest.raises(ScoreError, match="tweets.csv .score.input. cannot be read: Permission denied"):
        run(champion, source, tmp_path / "scored.csv")


@pytest.mark.usefixtures("in_process")
def test_a_model_without_files_is_refused(
    shared: SharedCandidates, champion: str, source: Path, tmp_path: Path
) -> None:
    folder = folder_of(shared.logistic_regression)
    with restored(folder):
        shutil.rmtree(folder)
        with pytest.raises(ArtifactError, match="Restore them from a backup"):
            run(champion, source, tmp_path / "scored.csv")


def test_a_model_that_cannot_be_loaded_is_refused(
    shared: SharedCandidates, champion: str, source: Path, tmp_path: Path
) -> None:
    folder = folder_of(shared.logistic_regression)
    with restored(folder):
        for file in folder.rglob("classifier.json"):
            file.unlink()
        with pytest.raises(ScoreError, match="The model cannot be loaded .*classifier.json is missing"):
            run(champion, source, tmp_path / "scored.csv")
    output = run(champion, source, tmp_path / "scored.csv", f"score.model=models:/{champion}/2")
    assert len(read(output)) == ROWS  # nothing had been scored with the other model


@pytest.mark.extended
def test_parts_are_kept_when_a_process_dies_or_the_disk_is_full(
    champion: str, interrupted: tuple[Path, Path], whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Worker.score

    def die(worker: Worker, texts: list[str]) -> Any:
        worker.process.kill()
        return ask(worker, texts)

    def fill(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "score", die)
        with pytest.raises(ScoreError, match="A scoring process ended .*exit code -9.*fewer score.processes"):
            run(champion, *interrupted)
    with monkeypatch.context() as patch:
        patch.setattr(parts, "write_part", fill)
        with pytest.raises(ScoreError, match="No space left on device.*What has been scored is kept"):
            run(champion, *interrupted)
    assert run(champion, *interrupted).read_bytes() == whole.read_bytes()
    assert last_run().data.metrics["continued"] == 3 * CHUNK


def children() -> set[int]:
    """Return the processes that this one has started."""
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        found |= set(map(int, path.read_text(encoding="utf-8").split()))
    return found


@pytest.fixture
def _no_processes_remain() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


@pytest.mark.usefixtures("_no_processes_remain")
def test_no_process_remains_after_an_error(
    champion: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "write_part", fail)
    with pytest.raises(KeyboardInterrupt):
        run(champion, source, tmp_path / "scored.csv", "score.processes=2")
    assert last_run().info.status == "KILLED"


@pytest.mark.extended
def test_memory_does_not_grow_with_the_number_of_rows(shared: SharedCandidates, champion: str, tmp_path: Path) -> None:
    peaks = {}
    for number in (2_000, 30_000):
        path = written(tmp_path / f"{number}.csv", table(number).assign(note="long " * 500))
        arguments = command(champion, path, tmp_path / f"scored_{number}.csv", "score.chunk_size=500")
        environment = {**os.environ, "MLFLOW_TRACKING_URI": shared.store, "MLFLOW_EXPERIMENT_NAME": "test"}
        process = subprocess.Popen(arguments, cwd=PROJECT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks[number] = usage.ru_maxrss / 1024
    assert path.stat().st_size > 70 * 2**20
    assert peaks[30_000] < peaks[2_000] + 40, peaks
