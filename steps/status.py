"""Check the champion and its service, and write one page: for a scheduler, `make status`.

In: a registered version, current tweets as for `drift`, and the event store (TELEMETRY_DATABASE). Out: the page
(`status.page`, and `report/status.html` of the run) beside what `drift` logs; metric `alarms`. Exit code: 0 if nothing
needs attention, 3 if something does, 4 if the model is worse.
"""

from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape

from pipeline import door, runs, status
from sentiment.reports import status as report
from sentiment.reports.status import HEADLINES, Status


def show(examined: Status, link: str) -> None:
    """Print the findings on the terminal."""
    lines = [
        f"[bold]{finding.check}[/bold] ({HEADLINES[finding.state].lower()}): {escape(finding.sentence)}"
        for finding in examined.findings
    ]
    title = f"[bold]{escape(examined.title)}[/bold], {examined.created}"
    Console().print("", title, *lines, f"[bold]Report[/bold]: {link}", sep="\n", soft_wrap=True)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    status.check(cfg)
    with runs.start("status", cfg) as scratch:
        examined, exit_code = status.examine(cfg, scratch)
        show(examined, runs.link(runs.active()))
    door.alarm(report.sentence(examined), exit_code)


if __name__ == "__main__":
    main()
