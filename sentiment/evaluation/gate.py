"""The gate that a model passes to become the champion: what is asked of it, check by check."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from sentiment.evaluation.bootstrap import Interval, signed
from sentiment.evaluation.metrics import HIGHER_IS_BETTER

Result = Literal["passed", "refused", "undecided"]
# The chance with which as many tweets as an undecided verdict asks for settle it, if the lead is what it seems.
POWER = 0.8
MOST_TWEETS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a model must bring to be served (section `select` of the configuration).

    Attributes:
        floor: the least value of the metric on validation; of one that is better the lower it is, the largest; None
            where beating a constant answer is enough.
        margin: by how much it may be worse than the best champion so far, in the metric; above 0.
        max_megabytes: of the served form, 10**6 bytes each.
        max_milliseconds: to predict one tweet.
        families: those that may be served.
    """

    floor: float | None
    margin: float
    max_megabytes: float
    max_milliseconds: float
    families: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """The champion, as far as it can be compared.

    Attributes:
        synthetic: whether it was trained on tweets that a program made.
        rows: tweets that neither model has seen: they served neither for training, nor for the choice of an epoch, of a
            calibration or of a threshold.
        authors: of these tweets; a tweet of no known author counts as one.
        lead: of the challenger over it on these tweets; None where the two cannot be compared.
        obstacle: why they cannot, as a sentence; None where they can.
        behind: by how much it is estimated to be worse than the best champion so far, in the metric; 0 or below.
    """

    synthetic: bool
    rows: int
    authors: int
    lead: Interval | None
    obstacle: str | None = None
    behind: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the gate.

    Attributes:
        name: what is checked.
        result: whether it is as it should be; undecided where that cannot be told.
        reason: a sentence with the figures; where not passed, also what one could do.
    """

    name: str
    result: Result
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a model, check by check."""

    checks: Sequence[Check]

    @property
    def result(self) -> Result:
        """Return `passed` if every check is passed, `refused` if one is refused, else `undecided`."""
        results = {check.result for check in self.checks}
        return "refused" if "refused" in results else "undecided" if "undecided" in results else "passed"

    @property
    def passed(self) -> bool:
        """Return whether every check is passed."""
        return self.result == "passed"

    @property
    def summary(self) -> str:
        """Return the verdict in one sentence."""
        if self.passed:
            return f"Passed all {len(self.checks)} checks."
        deciding = [check.name for check in self.checks if check.result == self.result]
        if self.result == "undecided":
            return f"Undecided, so not promoted: {', '.join(deciding)}."
        return f"Refused by {len(deciding)} of {len(self.checks)} checks: {', '.join(deciding)}."


def examine(
    requirements: Requirements,
    *,
    family: str,
    metric: str,
    quality: Interval,
    constant: float,
    megabytes: float,
    milliseconds: float,
    champion: Rival | None,
    synthetic: bool,
    withdrawn: str | None,
) -> Verdict:
    """Return whether a model may become the champion, and why.

    Args:
        requirements: what is asked.
        family: the model's.
        metric: the name of the metric that models are ranked by.
        quality: the model's value of that metric on validation, with its interval.
        constant: the best value that one and the same answer to every tweet reaches there.
        megabytes: size of its served form, 10**6 bytes each.
        milliseconds: to predict one tweet.
        champion: the champion; None if there is no other.
        synthetic: whether it was trained on tweets that a program made.
        withdrawn: why somebody has withdrawn it; None if nobody has.
    """
    return Verdict(
        [
            check_family(family, requirements.families),
            check_quality(metric, quality, constant, requirements.floor),
            check_budget(
                "size", "The model takes", megabytes, "MB", requirements.max_megabytes, "select.max_megabytes"
            ),
            check_budget(
                "latency", "A tweet takes", milliseconds, "ms", requirements.max_milliseconds, "select.max_milliseconds"
            ),
            check_data(synthetic, champion),
            check_champion(metric, champion, requirements.margin),
            check_withdrawal(withdrawn),
        ]
    )


def check_family(family: str, allowed: Sequence[str]) -> Check:
    """Check that models of the family may be served."""
    known = f"select.families allows {', '.join(allowed)}"
    if family in allowed:
        return Check(name="family", result="passed", reason=f"{family} may be served: {known}.")
    advice = "Choose a model of another family, or add this one there."
    return Check(name="family", result="refused", reason=f"{family} may not be served: {known}. {advice}")


def check_quality(metric: str, quality: Interval, constant: float, floor: float | None) -> Check:
    """Check that the metric on validation is beyond chance better than that of a constant answer, and good enough."""
    higher = HIGHER_IS_BETTER[metric]
    sign, bound = (1, quality.low) if higher else (-1, quality.high)
    found = f"{metric} is {quality.estimate:.5g} on validation ({quality.low:.5g} to {quality.high:.5g})"
    found += f"; a constant answer reaches {constant:.5g}"
    found += "." if floor is None else f", at {'least' if higher else 'most'} {floor:g} is required."
    if not sign * (bound - constant) > 0:  # nor is what is no number
        reason = f"{found} It is not better than a constant answer beyond chance. Train a better model."
        return Check(name="quality", result="refused", reason=reason)
    if floor is not None and not sign * (quality.estimate - floor) >= 0:
        reason = f"{found} Train a better model, or {'lower' if higher else 'raise'} select.floor.{metric}."
        return Check(name="quality", result="refused", reason=reason)
    return Check(name="quality", result="passed", reason=found)


def check_budget(name: str, subject: str, figure: float, unit: str, most: float, setting: str) -> Check:
    """Check that a figure lies within its budget, both in the same unit."""
    found = f"{subject} {figure:.5g} {unit}, at most {most:g} {unit} is allowed."
    if figure <= most:
        return Check(name=name, result="passed", reason=found)
    return Check(name=name, result="refused", reason=f"{found} Choose a lighter model, or raise {setting}.")


def check_data(synthetic: bool, champion: Rival | None) -> Check:
    """Check that a model of synthetic tweets does not replace one of real tweets."""
    if synthetic and champion is not None and not champion.synthetic:
        reason = (
            "It was trained on synthetic tweets, the champion on real ones. Take real data (data=), or promote by hand."
        )
        return Check(name="data", result="refused", reason=reason)
    reason = "It replaces no model of real tweets by one of synthetic tweets."
    return Check(name="data", result="passed", reason=reason)


def check_champion(metric: str, champion: Rival | None, margin: float) -> Check:
    """Check that a model is not worse than the champion by more than the margin: a test of non-inferiority.

    It passes if the lower bound of its lead lies above minus the margin. It is refused if it is certainly worse, or
    already the estimate is worse by the margin. In between, more tweets are needed to tell. What earlier champions have
    lost against the best of them counts, so that many small losses within the margin cannot add up to a large one.

    Source: Piaggio et al., Reporting of noninferiority and equivalence randomized trials, JAMA 308, 2012;
    Everson-Stewart and Emerson, Bio-creep in non-inferiority clinical trials, Statistics in Medicine 29, 2010.
    """
    if champion is None:
        return Check(name="champion", result="passed", reason="There is no other champion to compare it with.")
    by_hand = "promote it by hand (step promote)"
    if champion.lead is None:
        reason = f"It cannot be compared with the champion: {champion.obstacle} Decide by hand (step promote)."
        return Check(name="champion", result="undecided", reason=reason)
    lead, behind, setting = champion.lead, champion.behind, f"select.margin.{metric}={margin:g}"
    found = f"The lead over the champion in {metric} is {signed(lead)} on {champion.rows:,} tweets unseen by both"
    found += f" (of {champion.authors:,} authors)" * (champion.authors < champion.rows)
    found += f"; the champion is {-behind:.4g} behind the best one so far" * (behind < 0)
    if lead.high < 0 or lead.estimate + behind <= -margin:
        reason = f"{found}: worse than the champion. Train a better model, or {by_hand}."
        return Check(name="champion", result="refused", reason=reason)
    if lead.low + behind > -margin:
        meaning = "better than the champion" if lead.low > 0 else f"not worse by {setting}"
        return Check(name="champion", result="passed", reason=f"{found}: {meaning}.")
    needed = tweets_needed(lead, champion.rows, lead.estimate + behind + margin)
    more = f"About {needed - champion.rows:,}" if needed < MOST_TWEETS else f"More than {MOST_TWEETS:,}"
    reason = (
        f"{found}: it may be worse by more than {setting}. {more} more test tweets are needed to tell (with a chance"
    )
    return Check(name="champion", result="undecided", reason=f"{reason} of {POWER:.0%}), or {by_hand}.")


def tweets_needed(lead: Interval, rows: int, distance: float) -> int:
    """Return how many tweets it takes to tell a lead from what lies a distance below it, with a chance of `POWER`.

    The width of an interval falls with the square root of the number of tweets.

    Source: Chow, Shao and Wang, Sample size calculations in clinical research, 2008, chapter 3.
    """
    z, of_power = NormalDist().inv_cdf((1 + lead.confidence) / 2), NormalDist().inv_cdf(POWER)
    standard_error = (lead.estimate - lead.low) / z
    return min(MOST_TWEETS, math.ceil(rows * ((z + of_power) * standard_error / distance) ** 2))


def check_withdrawal(withdrawn: str | None) -> Check:
    """Check that nobody has withdrawn the model."""
    if withdrawn is None:
        return Check(name="withdrawal", result="passed", reason="Nobody has withdrawn it.")
    said = " ".join(withdrawn.split())
    advice = "Train a better model, or promote it by hand (step promote)."
    return Check(name="withdrawal", result="refused", reason=f'It was withdrawn by hand: "{said}". {advice}')
