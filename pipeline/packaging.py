"""Build a Bento of a registered version: the service, its requirements and the model."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bentoml
import mlflow
import yaml
from mlflow.entities.model_registry import ModelVersion
from mlflow.models.model import MLMODEL_FILE_NAME

from pipeline import artifacts, runs, signing, source_code
from pipeline.artifacts import MODEL_CARD, RESTORE
from sentiment.inference import golden
from sentiment.inference.classifier import DESCRIPTION, pins
from sentiment.inference.errors import UserError

# Packages of which a Bento contains what telemetry imports.
LIBRARIES = ("monitoring", "tables")
PACKAGES = ("sentiment", "service", "telemetry", *LIBRARIES)
# Requirements of a Bento in addition to those of its model: imports of the service and of telemetry.
SERVICE_REQUIREMENTS = (
    "bentoml",
    "cryptography",
    "fastapi",
    "fastapi-offline",
    "httptools",
    "prometheus-client",
    "py3langid",
    "pydantic-settings",
    "uvicorn",
)
TELEMETRY_REQUIREMENTS = (
    "azure-monitor-opentelemetry-exporter",
    "msgspec",
    "opencensus-ext-azure",
    "openpyxl",
    "psycopg",
    "psycopg-binary",
    "pyyaml",
    "requests",
    "sqlalchemy",
)
SERVICE = "service.service:TweetSentiment"
MAX_ERROR_LENGTH = 2_000


class PackagingError(UserError):
    """A version that cannot be packaged as a Bento."""


def about(version: ModelVersion, alias: str) -> dict[str, Any]:
    """Return the description of a version that the service publishes (`GET /model`): provenance and metrics."""
    run = mlflow.get_run(str(version.run_id))
    select = mlflow.get_run(artifacts.run_id(version.tags[MODEL_CARD]))
    scores = run.data.metrics
    return {
        "name": version.name,
        "version": str(version.version),
        "alias": alias,
        "candidate": version.tags["candidate"],
        "runtime": run.data.tags["runtime"],
        "trained": datetime.fromtimestamp(run.info.end_time / 1000, UTC).isoformat(timespec="seconds"),
        "data": {key: version.tags[key] for key in ("data", "digest")},
        "languages": version.tags.get("languages", "en").split(","),  # older versions have no tag, and read English
        "threshold": scores["threshold"],
        "negative_share": scores.get("negative_share"),
        "reliable_share": scores.get("reliable_share"),
        "validation": {name.removeprefix("val_"): value for name, value in scores.items() if name.startswith("val_")},
        "test": {n.removeprefix("test_"): v for n, v in select.data.metrics.items() if n.startswith("test_")},
        # None: `select` of an older version of this project did not measure it.
        "faithfulness": {
            name.removeprefix(artifacts.FAITHFULNESS): value
            for name, value in select.data.metrics.items()
            if name.startswith(artifacts.FAITHFULNESS)
        }
        or None,
        "run_id": version.run_id,
        "run": runs.link(run),
        "commit": run.data.tags.get("mlflow.source.git.commit"),
    }


def build(version: ModelVersion, alias: str, scratch: Path, private_key: str | None) -> bentoml.Bento:
    """Build a Bento of a registered version, called like the registered model.

    Args:
        version: the version.
        alias: its alias.
        scratch: a folder to write to.
        private_key: the file with the key that signs the model; None: it is not signed.

    Raises:
        SettingsError: the key cannot be read or used.
        PackagingError: its files or runs are missing, an older version of this project made it, or BentoML fails.
    """
    context, uri = scratch / "context", f"models:/{version.name}/{version.version}"
    if MODEL_CARD not in version.tags:
        raise PackagingError(
            f"{uri} has no model card: the step `select` was interrupted. Run it again with `make run`."
        )
    try:
        model, card = scratch / "version", scratch / "card"
        mlflow.artifacts.download_artifacts(uri, dst_path=str(model))
        mlflow.artifacts.download_artifacts(version.tags[MODEL_CARD], dst_path=str(card))
        description = about(version, alias)
    except (mlflow.MlflowException, OSError) as error:
        raise PackagingError(f"Files or runs of {uri} cannot be read: {error}. {RESTORE}") from error
    if not (model / MLMODEL_FILE_NAME).is_file():
        raise PackagingError(f"Files of {uri} cannot be read: there is no {MLMODEL_FILE_NAME}. {RESTORE}")
    assemble(context, model, description)
    shutil.copytree(card, context / "model", dirs_exist_ok=True)
    if private_key is not None:
        signing.sign(context / "model", Path(private_key).expanduser())
    return bentoml.bentos.get(bentoml_build(context, version.name))


def assemble(context: Path, model: Path, description: Mapping[str, Any]) -> None:
    """Write the build context of a Bento, without the model card.

    Args:
        context: the folder to create.
        model: the folder of a logged model.
        description: the answer of `GET /model`.

    Raises:
        PackagingError: an older version of this project made the model.
    """
    context.mkdir()
    needed = collect(model, context)
    (context / "model" / "about.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    (context / "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf-8")
    for name in source_code.HANDED_OVER:
        shutil.copy(runs.PROJECT / name, context)
    bentofile = {
        "service": SERVICE,
        "labels": labels(description),
        "include": [
            *(f"{package}/**" for package in PACKAGES),
            "model/**",
            *source_code.HANDED_OVER,
        ],
        "python": {"requirements_txt": "requirements.txt", "lock_packages": False},
    }
    (context / "bentofile.yaml").write_text(yaml.safe_dump(bentofile), encoding="utf-8")


def collect(model: Path, context: Path) -> list[str]:
    """Copy the service, the model's files and its code to the build context.

    Returns:
        Requirements, as `name==version`.

    Raises:
        PackagingError: an older version of this project made the model.
    """
    for name in ("service", "telemetry"):
        shutil.copytree(runs.PROJECT / name, context / name, ignore=shutil.ignore_patterns("__pycache__", "Dockerfile"))
    for file in files_of_libraries():
        (context / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(runs.PROJECT / file, context / file)
    code = model / "code" / "sentiment"
    flavor = mlflow.models.Model.load(str(model)).flavors["python_function"]
    classifier = model / flavor["artifacts"]["classifier"]["path"]
    required = (code / "inference", classifier / DESCRIPTION, classifier / golden.FILE)
    missing = [path for path in required if not path.exists()]
    if missing:
        raise PackagingError(
            f"The model has no {missing[0].name}: it was made by an older version of this project. Train it again."
        )
    shutil.copytree(code, context / "sentiment")
    shutil.copytree(classifier, context / "model" / "classifier")
    model_requirements = (model / "requirements.txt").read_text(encoding="utf-8").split()
    needed = [line for line in model_requirements if line.partition("==")[0] not in artifacts.PYFUNC_REQUIREMENTS]
    return sorted({*needed, *pins(SERVICE_REQUIREMENTS + TELEMETRY_REQUIREMENTS)})


def digests(bento: bentoml.Bento) -> dict[str, str]:
    """Return the digests of a Bento's model and of its code, which the service returns too (`GET /model`)."""
    src = Path(bento.path) / "src"
    code = (path for package in PACKAGES for path in (src / package).rglob("*") if path.is_file())
    return {"model_digest": signing.digest(src / "model"), "code_digest": signing.digest(src, code)}


def files_of_libraries() -> list[Path]:
    """Return the files of `LIBRARIES` that telemetry imports directly or indirectly, relative to the project."""
    imported = source_code.import_graph(reports=False).find_upstream_modules("telemetry", as_package=True)
    modules = {
        *LIBRARIES,
        *(module for module in imported if module.startswith(tuple(f"{name}." for name in LIBRARIES))),
    }
    files = (file for module in modules for file in source_code.module_files(module))
    return sorted(file.relative_to(runs.PROJECT) for file in files)


def labels(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of a Bento, from the description of its model."""
    names = ("name", "version", "alias", "run_id", "commit", "threshold", "runtime")
    return {name: str(description[name]) for name in names}


def bentoml_build(context: Path, name: str) -> str:
    """Build a Bento in a subprocess; return its tag.

    Raises:
        PackagingError: BentoML failed.
    """
    options = ["--name", name, "--output", "tag", "--bentofile", "bentofile.yaml"]
    command = [sys.executable, "-m", "bentoml", "build", *options, "."]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=context, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackagingError(f"BentoML could not build the Bento: {(done.stderr or done.stdout)[-MAX_ERROR_LENGTH:]}")
    return done.stdout.strip().rpartition("__tag__:")[2]
