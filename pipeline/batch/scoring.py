"""Score a table of tweets: in chunks, in several processes, continuing after an interruption."""

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pyarrow as pa
from mlflow.models.model import MLMODEL_FILE_NAME
from tqdm import tqdm

from pipeline.artifacts import RESTORE, ArtifactError
from pipeline.batch import parts
from pipeline.batch.engine import Answers, Engine, ScoreError, Scorer
from pipeline.batch.job import ADDED, Job, Model
from pipeline.batch.parts import Counts, Parts
from sentiment.data import files
from tables import parts as table_parts
from tables import streamed

log = logging.getLogger(__name__)

# Settings that change the output; with others, an interrupted command may be continued.
DETERMINING = ("prefix", "chunk_size", "encoding", "delimiter", "quoted")


class Result(NamedTuple):
    """The counts of an output, those of its rows that an earlier attempt had scored, and seconds of this attempt."""

    counts: Counts
    continued: int
    seconds: float


def score(job: Job, settings: Mapping[str, Any], engine: Engine, scratch: Path) -> Result:
    """Score the input, and write the output; continue from the parts of an interrupted attempt.

    Args:
        job: what to score.
        settings: the section `score` of the configuration.
        engine: where the model scores.
        scratch: a folder for the model, and for temporary files of the engine.

    Raises:
        ScoreError: the parts of an earlier attempt do not fit, the input has changed, the model fails, or a file
            cannot be written.
        ArtifactError: the files of the model are missing.
    """
    state = {
        "score.input": f"sha256 {job.table.digest}",
        "score.model": job.model.identity,
        "score.text_column": job.column,
        "score.output": str(job.form),
        **{f"score.{name}": settings[name] for name in DETERMINING},
    }
    started = time.perf_counter()
    with kept(job), parts.opened(job.output, state) as scored:
        continued = scored.counts.rows
        if continued:
            log.info("Continuing: %s of %s rows are scored.", f"{continued:,}", f"{job.table.rows:,}")
        if continued < job.table.rows:
            model = fetch(job.model, scratch)
            with engine.started(model=model, processes=job.processes, scratch=scratch) as scorer:
                score_chunks(job, scored, scorer)
        if streamed.stamp(job.table.path) != job.table.stamp:
            scored.discard()  # some may be of the one content, some of the other
            raise ScoreError(
                f"{job.table.path} (score.input) was changed while it was scored. Run the command again once it is "
                "complete."
            )
        in_order, counts = scored.in_order(job.table.rows), scored.counts
        scored.finish(job.output, lambda path: table_parts.join(in_order, job.schema, path, job.form))
    return Result(counts, continued, time.perf_counter() - started)


@contextmanager
def kept(job: Job) -> Iterator[None]:
    """Say that parts are kept if writing fails.

    Raises:
        ScoreError: a file cannot be read or written.
    """
    try:
        with files.converting_errors(ScoreError, job.table.path, {"path": "score.input"}):
            yield
    except OSError as error:
        raise ScoreError(
            f"{job.output} (score.output) could not be finished: {error}. What has been scored is kept: correct this, "
            "and run the same command again."
        ) from error


def fetch(model: Model, scratch: Path) -> Path:
    """Download a model; return its folder.

    Raises:
        ArtifactError: its files are missing.
    """
    try:
        folder = Path(mlflow.artifacts.download_artifacts(model.uri, dst_path=str(scratch / "model")))
    except (mlflow.MlflowException, OSError) as error:
        raise ArtifactError(f"The files of {model.uri} cannot be read: {error}. {RESTORE}") from error
    if not (folder / MLMODEL_FILE_NAME).is_file():  # MLflow downloads a missing folder as an empty one
        raise ArtifactError(f"The files of {model.uri} are missing. {RESTORE}")
    return folder


def score_chunks(job: Job, scored: Parts, scorer: Scorer) -> None:
    """Score the chunks that are not scored yet, and add their parts; show progress."""
    pending: set[Future[int]] = set()
    with (
        ThreadPoolExecutor(job.processes) as threads,
        tqdm(total=job.table.rows, initial=scored.counts.rows, desc="score", unit=" tweets") as progress,
    ):
        try:
            done = set(scored.finished)
            for index, table in enumerate(streamed.chunks(job.table, job.chunk_size)):
                if index in done:
                    continue
                pending.add(threads.submit(score_chunk, job, scored, scorer, index, table))
                if len(pending) > 2 * job.processes:  # chunks in memory
                    finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                    progress.update(sum(future.result() for future in finished))
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                progress.update(sum(future.result() for future in finished))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            scorer.kill()  # ends the waiting of the threads
            raise


def score_chunk(job: Job, scored: Parts, scorer: Scorer, index: int, table: pa.Table) -> int:
    """Score the chunk at a position, and add its part; return the number of its rows."""
    texts = table[job.column].cast(pa.string()).to_pylist()
    scorable = [position for position, text in enumerate(texts) if text is not None and text.strip()]
    answers = scorer.score([texts[position] for position in scorable]) if scorable else Answers([], [], [])
    certainty = ["uncertain" if uncertain else "certain" for uncertain in answers.uncertain]
    versions = [job.model.version] * len(scorable)
    columns: list[list[Any]] = [answers.negative_probability, answers.sentiment, certainty, versions]
    for (name, kind), values in zip(ADDED.items(), columns, strict=True):
        filled: list[Any] = [None] * len(texts)
        for position, value in zip(scorable, values, strict=True):
            filled[position] = value
        table = table.append_column(f"{job.prefix}{name}", pa.array(filled, kind))
    counts = Counts(
        rows=len(texts),
        empty=len(texts) - len(scorable),
        negative=answers.sentiment.count("negative"),
        uncertain=sum(answers.uncertain),
    )
    scored.add(index, counts, partial(table_parts.write_part, table, form=job.form))
    return len(texts)
