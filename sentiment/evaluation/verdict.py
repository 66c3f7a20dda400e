"""The verdict of the gate on a model: passed, refused or undecided, check by check."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Result = Literal["passed", "refused", "undecided"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the gate.

    Attributes:
        name: what is checked.
        result: whether the check passed; undecided if the data are insufficient.
        reason: a sentence with the numbers and, if the check did not pass, a remedy.
    """

    name: str
    result: Result
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The gate's decision on a model, check by check."""

    checks: Sequence[Check]

    @property
    def result(self) -> Result:
        """Return `passed` if all checks passed, `refused` if at least one refused, otherwise `undecided`."""
        results = {check.result for check in self.checks}
        return "refused" if "refused" in results else "undecided" if "undecided" in results else "passed"

    @property
    def passed(self) -> bool:
        """Return whether all checks passed."""
        return self.result == "passed"

    @property
    def summary(self) -> str:
        """Return the verdict in one sentence."""
        if self.passed:
            return f"Passed all {len(self.checks)} checks."
        decisive = [check.name for check in self.checks if check.result == self.result]
        if self.result == "undecided":
            return f"Undecided, so not promoted: {', '.join(decisive)}."
        return f"Refused by {len(decisive)} of {len(self.checks)} checks: {', '.join(decisive)}."
