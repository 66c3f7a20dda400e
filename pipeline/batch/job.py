"""What to score, and where to: the input, the output, the settings and the model, checked before any work."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import pyarrow as pa

from pipeline import artifacts, registry
from pipeline.artifacts import ArtifactError
from pipeline.batch.engine import ScoreError
from sentiment.data import files
from sentiment.inference import cores
from sentiment.inference.errors import SettingsError
from tables import parts, streamed
from tables.parts import Form
from tables.streamed import Inspected

log = logging.getLogger(__name__)

# Columns that are added, with their types.
ADDED = {
    "negative_probability": pa.float64(),
    "sentiment": pa.string(),
    "certainty": pa.string(),
    "model_version": pa.string(),
}


class Model(NamedTuple):
    """A model: its URI with a version instead of an alias, its version, and an identifier that never recurs."""

    uri: str
    version: str
    identity: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to score, and where to.

    Attributes:
        table: the input.
        column: its column of texts.
        output: the output.
        form: its format.
        prefix: of the names of added columns.
        chunk_size: rows of a chunk.
        processes: the number of processes.
        model: the model.
    """

    table: Inspected
    column: str
    output: Path
    form: Form
    prefix: str
    chunk_size: int
    processes: int
    model: Model

    @property
    def schema(self) -> pa.Schema:
        """The columns of the output."""
        added = [pa.field(f"{self.prefix}{name}", kind) for name, kind in ADDED.items()]
        return pa.schema([*self.table.schema, *added], self.table.schema.metadata)


def prepare(score: Mapping[str, Any]) -> Job:
    """Check everything that can be wrong with an input, an output, settings and a model, before any work.

    Args:
        score: the section `score` of the configuration.

    Raises:
        SettingsError: a setting has an unusable value.
        MissingFileError: there is no input.
        ScoreError: the input or the output cannot be used.
        ArtifactError: there is no such model.
    """
    for name in ("chunk_size", "processes"):
        value = score[name]
        if not (value is None and name == "processes") and (type(value) is not int or value < 1):
            raise SettingsError(f"score.{name}={value}: set it to an integer from 1.")
    output = Path(score["output"]).expanduser().absolute()
    with files.converting_errors(ScoreError, output, {"path": "score.output"}):
        streamed.kind_of(output)
    path = files.require(score["input"], "score.input").absolute()
    require_writable(path, output, overwrite=score["overwrite"])
    model = find(score["model"])
    table, column = read(path, score)
    job = Job(
        table=table,
        column=column,
        output=output,
        form=parts.form_of(output, table.text.delimiter if table.text else ","),
        prefix=score["prefix"],
        chunk_size=score["chunk_size"],
        processes=score["processes"] or cores.available(),
        model=model,
    )
    taken = [f"{job.prefix}{name}" for name in ADDED if f"{job.prefix}{name}" in table.schema.names]
    if taken:
        raise ScoreError(
            f"{path} already has the columns {', '.join(taken)}. Choose other names for the new ones: "
            "score.prefix=model_."
        )
    return job


def require_writable(path: Path, output: Path, *, overwrite: bool) -> None:
    """Check that an output can be written.

    Raises:
        ScoreError: its folder is missing or not writable, or it exists already.
    """
    if not output.parent.is_dir():
        raise ScoreError(f"No folder {output.parent} (score.output). Create it.")
    if output.is_dir():
        raise ScoreError(f"{output} (score.output) is a folder. Add the name of a file.")
    if output.exists() and output.samefile(path):
        raise ScoreError(f"{output} is both score.input and score.output. Choose another output.")
    if output.exists() and not overwrite:
        raise ScoreError(f"{output} (score.output) exists. Choose another output, or replace it: score.overwrite=true.")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise ScoreError(f"The folder {output.parent} (score.output) is not writable. Choose another one.")


def read(path: Path, score: Mapping[str, Any]) -> tuple[Inspected, str]:
    """Check the input; return it with its column of texts.

    Raises:
        ScoreError: the input cannot be read, or has no such column.
    """
    names = {"path": "score.input", "column": "score.text_column"}
    names |= {name: f"score.{name}" for name in ("encoding", "delimiter", "quoted")}
    reading = {name: score[name] for name in ("encoding", "delimiter", "quoted")}
    try:
        with files.converting_errors(ScoreError, path, names):
            table = streamed.inspect(path, **reading)
            column = streamed.text_column(table.schema, score["text_column"])
    except OSError as error:
        raise ScoreError(f"{path} (score.input) cannot be read: {error.strerror}.") from error
    log.log(logging.WARNING if table.doubtful else logging.INFO, "%s: %s.", path.name, table.assumptions)
    log.info("Scoring the column %s.", column)
    return table, column


def find(uri: str) -> Model:
    """Return the model with a URI: `models:/<name>@<alias>`, `models:/<name>/<version>` or `runs:/<run id>/model`.

    Raises:
        ArtifactError: there is no such model.
        SettingsError: the URI has another form.
    """
    version = registry.resolve(uri, "score.model")
    if version is not None:
        return Model(f"models:/{version.name}/{version.version}", str(version.version), registry.identity(version))
    try:
        logged = artifacts.logged_model(mlflow.get_run(artifacts.run_id(uri)))
    except mlflow.MlflowException as error:
        raise ArtifactError(f"score.model={uri}: {error.message}.") from error
    return Model(logged, logged.removeprefix("models:/"), logged)
