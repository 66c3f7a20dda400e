"""Classify tweets with a registered model: `python -m steps predict "first tweet" "second tweet"`.

In: tweets as arguments, or one per line on standard input. Out: a table on the terminal.
"""

import argparse
import sys

import mlflow
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline import registry, store
from pipeline.artifacts import RESTORE, ArtifactError

COLOURS = {"negative": "bold red", "positive": "green"}


def read(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line; read tweets from standard input if it names none."""
    parser = argparse.ArgumentParser(prog="python -m steps predict", description=__doc__.partition("\n")[0])
    parser.add_argument("texts", nargs="*", metavar="TWEET", help="tweets (default: standard input, one per line)")
    parser.add_argument("--model", default=f"models:/{registry.model_name()}@champion", help="model URI (%(default)s)")
    options = parser.parse_args(arguments)
    options.texts = options.texts or [line.rstrip("\n") for line in sys.stdin]
    return options


def main(arguments: list[str]) -> None:
    """Show the sentiment of each tweet.

    Raises:
        ArtifactError: there is no such model, or its files are missing.
    """
    options = read(arguments)
    store.connect()
    registry.require(options.model)
    try:
        # suppress_warnings skips a comparison of library versions, which takes half a second.
        model = mlflow.pyfunc.load_model(options.model, suppress_warnings=True)
    except (mlflow.MlflowException, OSError) as error:
        raise ArtifactError(f"The files of {options.model} cannot be read: {error}. {RESTORE}") from error
    table = Table("sentiment", "probability of negative", "tweet", box=None, header_style="bold", padding=(0, 2, 0, 0))
    predictions = model.predict(options.texts).itertuples(index=False)
    for text, prediction in zip(options.texts, predictions, strict=True):
        sentiment = f"[{COLOURS[prediction.sentiment]}]{prediction.sentiment}[/]"
        table.add_row(sentiment, f"{prediction.negative_probability:.3f}", escape(text))
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
