"""The gate that a model passes to become the champion: what is asked of it, check by check."""

from collections.abc import Sequence
from dataclasses import dataclass

from sentiment.evaluation.bootstrap import Interval, signed
from sentiment.evaluation.metrics import HIGHER_IS_BETTER


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a model must bring to be served (section `select` of the configuration).

    Attributes:
        floor: the least value of the metric on validation; of one that is better the lower it is, the largest.
        max_megabytes: of the served form, 10**6 bytes each.
        max_milliseconds: to predict one tweet.
        families: those that may be served.
    """

    floor: float
    max_megabytes: float
    max_milliseconds: float
    families: Sequence[str]

    def __post_init__(self) -> None:
        """Refuse families that would be compared letter by letter."""
        if isinstance(self.families, str):
            raise ValueError(f"select.families={self.families}: give a list, [{self.families}].")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the gate.

    Attributes:
        name: what is checked.
        passed: whether it is as it should be.
        reason: a sentence with the figures; where refused, also what one could do.
    """

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a model, check by check."""

    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Return whether every check is passed."""
        return all(check.passed for check in self.checks)

    @property
    def summary(self) -> str:
        """Return the verdict in one sentence."""
        refused = [check.name for check in self.checks if not check.passed]
        if not refused:
            return f"Passed all {len(self.checks)} checks."
        return f"Refused by {len(refused)} of {len(self.checks)} checks: {', '.join(refused)}."


def examine(
    requirements: Requirements,
    *,
    family: str,
    metric: str,
    quality: float,
    megabytes: float,
    milliseconds: float,
    over_champion: Interval | None,
    synthetic: bool,
    champion_synthetic: bool | None,
    withdrawn: str | None,
) -> Verdict:
    """Return whether a model may become the champion, and why.

    Args:
        requirements: what is asked.
        family: the model's.
        metric: the name of the metric that models are ranked by.
        quality: the model's value of that metric on validation.
        megabytes: size of its served form, 10**6 bytes each.
        milliseconds: to predict one tweet.
        over_champion: its `lead` over the champion in that metric; None if there is no champion.
        synthetic: whether it was trained on tweets that a program made.
        champion_synthetic: whether the champion was; None if there is none.
        withdrawn: why somebody has withdrawn it; None if nobody has.
    """
    return Verdict(
        [
            check_family(family, requirements.families),
            check_quality(metric, quality, requirements.floor),
            check_budget(
                "size", "The model takes", megabytes, "MB", requirements.max_megabytes, "select.max_megabytes"
            ),
            check_budget(
                "latency", "A tweet takes", milliseconds, "ms", requirements.max_milliseconds, "select.max_milliseconds"
            ),
            check_data(synthetic, champion_synthetic),
            check_champion(metric, over_champion),
            check_withdrawal(withdrawn),
        ]
    )


def check_family(family: str, allowed: Sequence[str]) -> Check:
    """Check that models of the family may be served."""
    known = f"select.families allows {', '.join(allowed)}"
    if family in allowed:
        return Check(name="family", passed=True, reason=f"{family} may be served: {known}.")
    advice = "Choose a model of another family, or add this one there."
    return Check(name="family", passed=False, reason=f"{family} may not be served: {known}. {advice}")


def check_quality(metric: str, quality: float, floor: float) -> Check:
    """Check that the metric on validation is good enough."""
    higher = HIGHER_IS_BETTER[metric]
    found = f"{metric} is {quality:.5g} on validation, at {'least' if higher else 'most'} {floor:g} is asked for."
    if quality >= floor if higher else quality <= floor:
        return Check(name="quality", passed=True, reason=found)
    advice = f"Train a better model, or {'lower' if higher else 'raise'} select.floor."
    return Check(name="quality", passed=False, reason=f"{found} {advice}")


def check_budget(name: str, subject: str, figure: float, unit: str, most: float, setting: str) -> Check:
    """Check that a figure lies within its budget, both in the same unit."""
    found = f"{subject} {figure:.5g} {unit}, at most {most:g} {unit} is allowed."
    if figure <= most:
        return Check(name=name, passed=True, reason=found)
    return Check(name=name, passed=False, reason=f"{found} Choose a lighter model, or raise {setting}.")


def check_data(synthetic: bool, champion_synthetic: bool | None) -> Check:
    """Check that a model of synthetic tweets does not replace one of real tweets."""
    if synthetic and champion_synthetic is False:
        reason = (
            "It was trained on synthetic tweets, the champion on real ones. Take real data (data=), or promote by hand."
        )
        return Check(name="data", passed=False, reason=reason)
    return Check(name="data", passed=True, reason="It replaces no model of real tweets by one of synthetic tweets.")


def check_champion(metric: str, over_champion: Interval | None) -> Check:
    """Check that a model is not worse than the champion by more than chance explains."""
    if over_champion is None:
        return Check(name="champion", passed=True, reason="There is no other champion to compare it with.")
    found = f"The lead over the champion in {metric} is {signed(over_champion)}"
    if over_champion.high < 0:
        advice = "Train a better model, or promote it by hand (step promote)."
        return Check(name="champion", passed=False, reason=f"{found}: it is worse than the champion. {advice}")
    meaning = "better than the champion" if over_champion.low > 0 else "not worse than chance explains"
    return Check(name="champion", passed=True, reason=f"{found}: {meaning}.")


def check_withdrawal(withdrawn: str | None) -> Check:
    """Check that nobody has withdrawn the model."""
    if withdrawn is None:
        return Check(name="withdrawal", passed=True, reason="Nobody has withdrawn it.")
    said = " ".join(withdrawn.split())
    advice = "Train a better model, or promote it by hand (step promote)."
    return Check(name="withdrawal", passed=False, reason=f'It was withdrawn by hand: "{said}". {advice}')
