"""Say what a registered model makes of tweets: `python -m steps predict "first tweet" "second tweet"`.

In: tweets as arguments, or one a line on the standard input. Out: a table on the terminal.
"""

import argparse
import re
import sys

import mlflow
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline import registry, store
from pipeline.artifacts import RESTORE, ArtifactError

COLOURS = {"negative": "bold red", "positive": "green"}


def read(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; tweets that are not on it come from the standard input."""
    parser = argparse.ArgumentParser(prog="python -m steps predict", description=__doc__.partition("\n")[0])
    parser.add_argument("texts", nargs="*", metavar="TWEET", help="none: one a line from the standard input")
    parser.add_argument("--model", default=f"models:/{registry.model_name()}@champion", help="default: %(default)s")
    read = parser.parse_args(arguments)
    read.texts = read.texts or [line.rstrip("\n") for line in sys.stdin]
    return read


def require(uri: str) -> None:
    """Refuse the URI of a registered model that is not there.

    Raises:
        ArtifactError: it is not, and how to make it.
    """
    registered = re.fullmatch("models:/(?P<name>[^/@]+)(?:@(?P<alias>.+)|/(?P<version>[0-9]+))", uri)
    if registered is None:  # of a run, or a folder
        return
    name, alias, version = registered.groups()
    where = store.shown(mlflow.get_tracking_uri())
    versions = registry.versions(name)
    if not versions:
        raise ArtifactError(f"There is no model {name} in {where}. Train one: make run")
    if alias is not None and alias not in registry.aliases(name):
        raise ArtifactError(
            f"{name} has no {alias} in {where}, only {len(versions)} version(s). Train a better one: make run. Or "
            "promote one by hand: mlflow run . --env-manager=local -e promote -P version=<number>"
        )
    if version is not None and version not in versions:
        raise ArtifactError(f"{name} has no version {version} in {where}, only {', '.join(versions)}.")


def main(arguments: list[str]) -> None:
    """Show the sentiment of each tweet.

    Raises:
        ArtifactError: there is no such model, or its files are gone.
    """
    asked = read(arguments)
    store.connect()
    require(asked.model)
    try:
        # Without comparing versions of libraries, which takes as long as the rest.
        model = mlflow.pyfunc.load_model(asked.model, suppress_warnings=True)
    except (mlflow.MlflowException, OSError) as error:
        raise ArtifactError(f"The files of {asked.model} cannot be read: {error}. {RESTORE}") from error
    table = Table("sentiment", "probability of negative", "tweet", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for text, answer in zip(asked.texts, model.predict(asked.texts).itertuples(index=False), strict=True):
        sentiment = f"[{COLOURS[answer.sentiment]}]{answer.sentiment}[/]"
        table.add_row(sentiment, f"{answer.negative_probability:.3f}", escape(text))
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
