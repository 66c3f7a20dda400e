"""Say what a registered model makes of tweets: `python -m steps predict "first tweet" "second tweet"`.

In: tweets as arguments, or one a line on the standard input. Out: a table on the terminal.
"""

import argparse
import sys

import mlflow
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline import runs
from pipeline.artifacts import ArtifactError

COLOURS = {"negative": "bold red", "positive": "green"}


def read(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; tweets that are not on it come from the standard input."""
    parser = argparse.ArgumentParser(prog="python -m steps predict", description=__doc__.partition("\n")[0])
    parser.add_argument("texts", nargs="*", metavar="TWEET", help="none: one a line from the standard input")
    parser.add_argument("--model", default="models:/tweet_sentiment@champion", help="default: %(default)s")
    read = parser.parse_args(arguments)
    read.texts = read.texts or [line.rstrip("\n") for line in sys.stdin]
    return read


def main(arguments: list[str]) -> None:
    """Show the sentiment of each tweet.

    Raises:
        ArtifactError: there is no such model.
    """
    asked = read(arguments)
    runs.connect()
    try:
        model = mlflow.pyfunc.load_model(asked.model)
    except mlflow.MlflowException as error:
        raise ArtifactError(
            f"No model {asked.model} in {mlflow.get_tracking_uri()}: {error}\nTrain one: make run"
        ) from error
    table = Table("sentiment", "probability of negative", "tweet", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for text, answer in zip(asked.texts, model.predict(asked.texts).itertuples(index=False), strict=True):
        sentiment = f"[{COLOURS[answer.sentiment]}]{answer.sentiment}[/]"
        table.add_row(sentiment, f"{answer.negative_probability:.3f}", escape(text))
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
