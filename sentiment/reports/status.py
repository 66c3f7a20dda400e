"""The page of status: what was checked, what needs attention, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from sentiment.reports.pages import page
from sentiment.reports.templates import render

State = Literal["ok", "alarm", "unknown"]
HEADLINES: dict[State, str] = {"alarm": "Needs attention", "unknown": "Not known", "ok": "In order"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of a check.

    Attributes:
        check: what was checked; also its heading in the runbook, docs/monitoring.md.
        state: ok, alarm, or unknown if it could not be checked.
        sentence: the result in words.
    """

    check: str
    state: State
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """All findings.

    Attributes:
        title: what the model is called.
        created: the time, as displayed.
        findings: the results of the checks.
    """

    title: str
    created: str
    findings: Sequence[Finding]

    @property
    def alarms(self) -> list[Finding]:
        """The findings that need attention."""
        return [finding for finding in self.findings if finding.state == "alarm"]


def sentence(status: Status) -> str:
    """Return the result in a sentence for a log or a mail."""
    if not status.alarms:
        return f"{status.title}: nothing needs attention."
    return f"{status.title} needs attention. " + " ".join(f"{each.check}: {each.sentence}" for each in status.alarms)


def table(status: Status) -> pd.DataFrame:
    """Return the findings, those that need attention first."""
    order = list(HEADLINES)
    findings = sorted(status.findings, key=lambda each: order.index(each.state))
    return pd.DataFrame(
        {
            "check": [each.check for each in findings],
            "result": [HEADLINES[each.state] for each in findings],
            "": [each.sentence for each in findings],
        }
    )


def write(status: Status, folder: Path) -> Path:
    """Write `status.md` and `status.html` to a folder; return the path of the page."""
    folder.mkdir(exist_ok=True)
    text = render("status", status=status, sentence=sentence(status), table=table(status))
    (folder / "status.md").write_text(text, encoding="utf-8")
    (folder / "status.html").write_text(page(text, folder), encoding="utf-8")
    return folder / "status.html"
