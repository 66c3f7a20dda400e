"""Watch a registered model: have its tweets changed, and is it worse?

In: a registered version with its reference (`drift.model`), and current tweets: the predictions that the service has
stored, or a table (section `data`), labelled or not. Out: metrics `drift_*`, the verdict in words (tag `verdict`), the
reports (`report/`: ours and evidently's), `tables/`. Exit code: 0 if neither, 3 if the tweets have changed, 4 if the
model is worse.
"""

from omegaconf import DictConfig
from rich.console import Console

from pipeline import door, drift, runs
from sentiment.reports import drift as report
from sentiment.reports.drift import Watched


def show(watched: Watched, link: str) -> None:
    """Print the results on the terminal."""
    table, lines = report.terminal(watched)
    Console().print("", table, *lines, f"[bold]Report[/bold]: {link}", sep="\n", soft_wrap=True)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    drift.check(cfg)
    with runs.start("drift", cfg) as scratch:
        watched = drift.watch(cfg, scratch)
        show(watched, runs.link(runs.active()))
    door.alarm(report.sentence(watched), drift.exit_code(watched))


if __name__ == "__main__":
    main()
