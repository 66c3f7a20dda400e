"""What a training has come to, for the workflow `train`: `python -m pipeline.outcome report FOLDER`, or `champion`.

This is not a step: it reads runs and the registry, and logs no run.
"""

import sys
from pathlib import Path

import mlflow
from mlflow.tracking import MlflowClient

from pipeline import artifacts, door, registry, runs
from pipeline.artifacts import MODEL_CARD
from pipeline.registry import CHAMPION, RegistryError
from pipeline.selection import COMPARISON

SUMMARY = """\
# {title}

The champion is {champion}. [Run]({link}), with every candidate.

{table}

{card}
"""


def report(name: str, folder: Path) -> None:
    """Write the comparison of the latest version, its card, a summary, and the champion.

    Args:
        name: the registered model.
        folder: receives `comparison/`, `model_card/`, `summary.md` and, if there is one, `champion/`.

    Raises:
        RegistryError: nothing was registered, or the latest version has no card.
    """
    versions = registry.versions(name)
    if not versions:
        raise RegistryError(f"{name} has no version: the training was interrupted. Run it again with `make run`.")
    latest = MlflowClient().get_model_version(name, max(versions, key=int))
    if MODEL_CARD not in latest.tags:
        raise RegistryError(f"{name} version {latest.version} has no model card: the step `select` was interrupted.")
    run = mlflow.get_run(artifacts.run_id(latest.tags[MODEL_CARD]))
    folder.mkdir(parents=True, exist_ok=True)
    for path in (COMPARISON, MODEL_CARD):
        mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path, dst_path=str(folder))
    champion = registry.holder(name, CHAMPION)
    if champion is not None:
        mlflow.artifacts.download_artifacts(f"models:/{name}/{champion.version}", dst_path=str(folder / CHAMPION))
    table = without_pictures((folder / COMPARISON / "candidates.md").read_text(encoding="utf-8"))
    text = SUMMARY.format(
        title=f"{name} version {latest.version}: {latest.tags['candidate']}",
        champion="not chosen yet" if champion is None else f"version {champion.version}",
        link=runs.link(run),
        table=table,
        card=without_pictures((folder / MODEL_CARD / "model_card.md").read_text(encoding="utf-8")),
    )
    (folder / "summary.md").write_text(text, encoding="utf-8")


def without_pictures(markdown: str) -> str:
    """Return a text without its pictures, whose files lie elsewhere."""
    return "\n".join(line for line in markdown.splitlines() if not line.startswith("!["))


def main(arguments: list[str]) -> None:
    """Write the report to a folder, or print the version of the champion.

    Raises:
        SystemExit: the registry is unusable.
    """
    with door.leave():
        name = registry.model_name()
        match arguments:
            case ["champion"]:
                champion = registry.holder(name, CHAMPION)
                sys.stdout.write(f"{'none' if champion is None else champion.version}\n")
            case ["report", folder]:
                report(name, Path(folder))
            case _:
                raise RegistryError("Use `python -m pipeline.outcome champion`, or `... report FOLDER`.")


if __name__ == "__main__":
    main(sys.argv[1:])
