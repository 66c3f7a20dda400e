"""Compare the alarm for a backlash with methods from the literature, at the same rate of false alarms.

    python -m benchmarks.buzz --tweets airline_2015.csv --scores scored.csv --sensitivity S --specificity S
        [--document buzz]

Crises are added to streams of tweets, one at a time, at random times of the day and the week:

- to simulated streams of months, with a rhythm of day and week, of 40 and of 400 tweets an hour;
- to a stream of real tweets, composed of blocks of three hours, each from the same time of one of five quiet days of
  February 2015. One airline is left out; its negative tweets, in order, are the crisis.

A crisis of size 2 doubles the negative tweets that are usual at that hour. A threshold is the smallest with at most
one false alarm a week on streams without crises: simulated with other random numbers, or real with other airlines left
out. The alarm is reported with such a threshold, and as shipped, with the thresholds of `monitoring.alarm.Rules`, which
were chosen on simulated streams. Alarms within six hours are one alarm.

`--scores` names the same table with the answers of a model (`mlflow run . -e score`): rows in the same order, with a
column `sentiment`. Predicted labels of simulated tweets are wrong as often as these answers. Sensitivity and
specificity are what the alarm assumes (`TELEMETRY_BUZZ_SENSITIVITY`, `TELEMETRY_BUZZ_SPECIFICITY`): those of the model
card.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.progress import track
from scipy import stats

from benchmarks import documented
from benchmarks.buzz_references import REFERENCES, Scores
from benchmarks.buzz_scores import (
    ALARM,
    CUSUM,
    RULES,
    Result,
    Watched,
    alarms,
    console,
    crises,
    delays,
    quiet_scores,
    threshold,
    watched,
)
from benchmarks.buzz_streams import Crisis, Tweets, composed, simulated
from monitoring.evidence import Errors

SHIPPED = "the alarm, as shipped"
# Airlines that are left out for thresholds, and for results.
DEVELOPMENT, TESTED = ("Delta", "Southwest", "Virgin America"), ("American", "US Airways", "United")
CONDITIONS = [
    Crisis(2, 6, "step"),
    Crisis(3, 6, "step"),
    Crisis(5, 6, "step"),
    Crisis(2, 1, "step"),
    Crisis(3, 6, "ramp"),
    Crisis(3, 6, "burst"),
]


def share(hits: int, trials: int) -> str:
    """Return a share with its 95 % Wilson interval."""
    low, high = stats.binomtest(hits, trials).proportion_ci(method="wilson")
    return f"{hits / trials:.2f} ({low:.2f}-{high:.2f})"


def median(hours: Scores) -> str:
    """Return the median delay in minutes with a 95 % interval by order statistics."""
    low, high = stats.binom.ppf([0.025, 0.975], len(hours), 0.5).astype(int)
    ordered = np.sort(hours)
    texts = [
        f"{60 * value:.0f}" if np.isfinite(value) else ">180"
        for value in (np.median(hours), ordered[low], ordered[high])
    ]
    return f"{texts[0]} ({texts[1]}-{texts[2]})"


def rate(count: int, weeks: float) -> str:
    """Return a rate per week with its exact 95 % Poisson interval (Garwood 1936, Biometrika 28, 437-442)."""
    low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = stats.chi2.ppf(0.975, 2 * count + 2) / 2
    return f"{count / weeks:.2f} ({low / weeks:.2f}-{high / weeks:.2f})"


def compare(
    title: str, tuned: Sequence[Watched], tested: Sequence[Watched], count: int, seed: int
) -> tuple[str, list[str]]:
    """Return the table of all methods, and what the alarm as shipped finds of each kind of crisis."""
    quiet = {False: quiet_scores(tuned, f"{title}: thresholds"), True: quiet_scores(tested, f"{title}: false alarms")}
    names = [ALARM, CUSUM, *REFERENCES]
    levels = {name: threshold(quiet[False][name], sum(each.weeks for each in tuned)) for name in names}
    methods = [(SHIPPED, ALARM, RULES.alarm), *((name, name, levels[name]) for name in names)]
    console.print(", ".join(f"{name}: {level:.2f}" for name, level in levels.items()), soft_wrap=True)
    random = np.random.default_rng(seed)
    found: dict[Crisis, list[Result]] = {}
    for crisis in track(CONDITIONS, description=f"{title}: crises", console=console):
        found[crisis] = [
            result for each in tested for result in crises(random, each, crisis, max(1, count // len(tested)))
        ]
    weeks = sum(each.weeks for each in tested)
    rows = []
    for label, name, level in methods:
        cells = [rate(sum(alarms(score, level) for score in quiet[True][name]), weeks)]
        for crisis in CONDITIONS[:3]:
            hours = delays(found[crisis], name, level)
            cells += [share(int((hours <= 1).sum()), len(hours))]
        rows.append([label, *cells, median(delays(found[CONDITIONS[0]], name, level))])
    columns = [title, "false alarms a week", "x 2 in 1 h", "x 3 in 1 h", "x 5 in 1 h", "delay at x 2, min"]
    return documented.table(columns, rows), by_kind(found)


def by_kind(found: dict[Crisis, list[Result]]) -> list[str]:
    """Return the share of crises that the alarm, as shipped, finds within an hour, for each kind."""
    hours = [delays(results, ALARM, RULES.alarm) for results in found.values()]
    return [share(int((each <= 1).sum()), len(each)) for each in hours]


def kinds(columns: dict[str, list[str]]) -> str:
    """Return the table of kinds of crises, with a column for each stream."""
    names = [f"x {crisis.size:g}, {crisis.hours:g} h, {crisis.shape}" for crisis in CONDITIONS]
    rows = [list(row) for row in zip(names, *columns.values(), strict=True)]
    return documented.table(["kind of crisis, found in 1 h", *columns], rows)


def real(table: pd.DataFrame, airline: str, label: str, errors: Errors, weeks: int, seed: int) -> Watched:
    """Compose a stream of real tweets without an airline, whose negative tweets are the crisis."""
    others, own = table[table["airline"] != airline], table[(table["airline"] == airline) & table["truth"]]
    tweets = Tweets(others["time"].to_numpy(), others[label].to_numpy())
    stream = composed(np.random.default_rng(seed), tweets, others["truth"].to_numpy(), weeks=weeks)
    return watched(stream, own[label].to_numpy(), errors)


def made_up(tweets_an_hour: float, errors: Errors, assumed: Errors, weeks: int, seed: int) -> Watched:
    """Simulate a stream whose labels have errors; the alarm assumes others."""
    random = np.random.default_rng(seed)
    stream = simulated(
        random,
        weeks=weeks,
        tweets_an_hour=tweets_an_hour,
        sensitivity=errors.sensitivity,
        specificity=errors.specificity,
    )
    return watched(stream, random.random(10_000) < errors.sensitivity, assumed)


def read(tweets: Path, scored: Path | None) -> pd.DataFrame:
    """Return the real tweets in order: time, airline, label, and the model's answer where it is known."""
    table = pd.read_csv(tweets)
    frame = pd.DataFrame(
        {
            "time": [moment.timestamp() for moment in pd.to_datetime(table["tweet_created"], utc=True)],
            "airline": table["airline"],
            "truth": table["airline_sentiment"] == "negative",
        }
    )
    if scored is not None:
        answers = pd.read_csv(scored)
        if len(answers) != len(frame):
            raise SystemExit(f"{scored} has {len(answers)} rows, {tweets} has {len(frame)}: score that table.")
        frame["called"] = answers["sentiment"] == "negative"
    return frame.sort_values("time", ignore_index=True)


def errors_of(table: pd.DataFrame) -> Errors:
    """Return the errors of the model's answers."""
    truth, called = table["truth"], table["called"]
    return Errors(sensitivity=float(called[truth].mean()), specificity=float(1 - called[~truth].mean()))


def main() -> None:
    """Run the comparison, and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tweets", type=Path, help="Twitter US Airline Sentiment as CSV (default: simulated only)")
    parser.add_argument("--scores", type=Path, help="the same rows with a column `sentiment` (default: labels only)")
    parser.add_argument("--sensitivity", type=float, help="that the alarm assumes of the model")
    parser.add_argument("--specificity", type=float, help="that the alarm assumes of the model")
    parser.add_argument("--crises", type=int, default=150, help="number of each kind (default: 150)")
    parser.add_argument("--weeks", type=int, default=26, help="length of each stream (default: 26)")
    documented.add_option(parser, "buzz")
    options = parser.parse_args()
    if options.scores and not (options.tweets and options.sensitivity and options.specificity):
        parser.error("--scores needs --tweets, --sensitivity and --specificity")
    table = read(options.tweets, options.scores) if options.tweets else None
    perfect = Errors()
    tables: list[str] = []
    columns: dict[str, list[str]] = {}

    def report(title: str, make: Callable[[int], Sequence[Watched]]) -> None:
        table, columns[title] = compare(title, make(0), make(1), options.crises, seed=2)
        tables.append(table)
        console.print(f"{table}\n", soft_wrap=True, markup=False)

    for volume in (40, 400):
        report(
            f"simulated, {volume} tweets an hour",
            lambda part, volume=volume: [made_up(volume, perfect, perfect, options.weeks, 10 + part)],  # type: ignore[misc]
        )
    labels = [("truth", perfect, "real, true labels")]
    if table is not None and options.scores:
        errors, assumed = errors_of(table), Errors(sensitivity=options.sensitivity, specificity=options.specificity)
        console.print(f"Errors on {len(table)} tweets: {errors}. Assumed: {assumed}.", soft_wrap=True)
        report(
            "simulated, 400 an hour, predicted", lambda part: [made_up(400, errors, assumed, options.weeks, 20 + part)]
        )
        labels += [("called", assumed, "real, predicted labels")]
    if table is not None:
        weeks = max(6, options.weeks // 2)
        for label, assumed, title in labels:
            report(
                title,
                lambda part, label=label, assumed=assumed: [  # type: ignore[misc]
                    real(table, airline, label, assumed, weeks, 30 + part) for airline in (DEVELOPMENT, TESTED)[part]
                ],
            )
    documented.publish("\n\n".join([*tables, kinds(columns)]), options.document)


if __name__ == "__main__":
    main()
