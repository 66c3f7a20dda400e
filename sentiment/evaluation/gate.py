"""The gate that a model must pass to become the champion: its requirements, check by check."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from sentiment.evaluation.bootstrap import Interval, signed
from sentiment.evaluation.metrics import HIGHER_IS_BETTER
from sentiment.evaluation.verdict import Check, Verdict

# The probability that the number of tweets named by an undecided verdict is enough to decide, if the lead is as
# estimated.
POWER = 0.8
MAX_TWEETS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """The requirements for a served model (section `select` of the configuration).

    Attributes:
        floor: the worst acceptable value of the metric on validation; None if beating a constant answer is enough.
        margin: how much worse than the best champion so far it may be, in the metric; above 0.
        max_megabytes: the largest size of the served form, in units of 10**6 bytes.
        max_milliseconds: the longest time to predict one tweet.
        families: the families that may be served.
    """

    floor: float | None
    margin: float
    max_megabytes: float
    max_milliseconds: float
    families: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """The champion, and its comparison with the challenger.

    Attributes:
        rows: the number of tweets that neither model has seen: used neither for training nor for choosing an epoch, a
            calibration or a threshold.
        authors: the number of authors of these tweets; a tweet without a known author counts as one.
        lead: the challenger's lead over it on these tweets; None if the two cannot be compared.
        obstacle: why they cannot be compared, as a sentence; None if they can.
        behind: its estimated lead over the best champion so far, in the metric: 0 or negative.
    """

    rows: int
    authors: int
    lead: Interval | None
    obstacle: str | None = None
    behind: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """The comparison with the champion on the feedback set: answers of the service that people have labelled.

    Attributes:
        rows: the number of tweets of the set that neither model has seen.
        correct: how many of them the challenger classifies correctly.
        champion_correct: how many the champion does.
        lead: the challenger's lead in accuracy; None if the two cannot be compared.
        obstacle: why they cannot be compared, as a sentence; None if they can.
    """

    rows: int
    correct: int = 0
    champion_correct: int = 0
    lead: Interval | None = None
    obstacle: str | None = None


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
    feedback: Feedback | None = None,
    withdrawn: str | None,
) -> Verdict:
    """Run all checks of whether a model may become the champion.

    Args:
        requirements: the requirements.
        family: the model's family.
        metric: the metric that models are ranked by.
        quality: the model's metric on validation, with its confidence interval.
        constant: the best value there of a classifier with the same answer for every tweet.
        megabytes: the size of its served form, in units of 10**6 bytes.
        milliseconds: the time to predict one tweet.
        champion: the champion; None if there is none, or the model is the champion.
        feedback: the comparison on the feedback set; None if there is no such set, or no other champion.
        withdrawn: why a person has withdrawn the model; None if nobody has.
    """
    return Verdict(
        [
            check_family(family, requirements.families),
            check_quality(metric, quality, constant, requirements.floor),
            check_budget(
                "size", "The served form takes", megabytes, "MB", requirements.max_megabytes, "select.max_megabytes"
            ),
            check_budget(
                "latency",
                "Predicting a tweet takes",
                milliseconds,
                "ms",
                requirements.max_milliseconds,
                "select.max_milliseconds",
            ),
            check_champion(metric, champion, requirements.margin),
            *([] if feedback is None else [check_feedback(feedback)]),
            check_withdrawal(withdrawn),
        ]
    )


def check_family(family: str, allowed: Sequence[str]) -> Check:
    """Check that the model's family may be served."""
    rule = f"select.families allows {', '.join(allowed)}"
    if family in allowed:
        return Check(name="family", result="passed", reason=f"{family} may be served: {rule}.")
    advice = "Choose a model of another family, or add this family to select.families."
    return Check(name="family", result="refused", reason=f"{family} may not be served: {rule}. {advice}")


def check_quality(metric: str, quality: Interval, constant: float, floor: float | None) -> Check:
    """Check that the metric on validation reaches the floor and is significantly better than a constant answer's."""
    higher = HIGHER_IS_BETTER[metric]
    sign, bound = (1, quality.low) if higher else (-1, quality.high)
    facts = f"{metric} is {quality.estimate:.5g} on validation ({quality.low:.5g} to {quality.high:.5g})"
    facts += f"; a constant answer reaches {constant:.5g}"
    facts += "." if floor is None else f", and at {'least' if higher else 'most'} {floor:g} is required."
    if not sign * (bound - constant) > 0:  # NaN fails, too
        reason = f"{facts} It is not significantly better than a constant answer. Train a better model."
        return Check(name="quality", result="refused", reason=reason)
    if floor is not None and not sign * (quality.estimate - floor) >= 0:
        reason = f"{facts} Train a better model, or {'lower' if higher else 'raise'} select.floor.{metric}."
        return Check(name="quality", result="refused", reason=reason)
    return Check(name="quality", result="passed", reason=facts)


def check_budget(name: str, subject: str, value: float, unit: str, limit: float, setting: str) -> Check:
    """Check that a value is within its limit, both in the same unit."""
    facts = f"{subject} {value:.5g} {unit}; the limit is {limit:g} {unit}."
    if value <= limit:
        return Check(name=name, result="passed", reason=facts)
    return Check(name=name, result="refused", reason=f"{facts} Choose a lighter model, or raise {setting}.")


def check_champion(metric: str, champion: Rival | None, margin: float) -> Check:
    """Check that a model is not worse than the champion by more than the margin (non-inferiority test).

    Passes if the lower bound of the lead is above minus the margin. Refuses if the upper bound is below 0, or the
    estimate is at or below minus the margin. In between, the verdict is undecided: more tweets are needed. The losses
    of earlier champions against the best of them count, too: otherwise many small losses within the margin could add up
    to a large one.

    Source: Piaggio et al., Reporting of noninferiority and equivalence randomized trials, JAMA 308, 2012;
    Everson-Stewart and Emerson, Bio-creep in non-inferiority clinical trials, Statistics in Medicine 29, 2010.
    """
    if champion is None:
        return Check(name="champion", result="passed", reason="There is no other champion to compare it with.")
    promote = "promote it manually (step promote)"
    if champion.lead is None:
        reason = f"It cannot be compared with the champion: {champion.obstacle} Decide manually (step promote)."
        return Check(name="champion", result="undecided", reason=reason)
    lead, behind, setting = champion.lead, champion.behind, f"select.margin.{metric}={margin:g}"
    facts = f"The lead over the champion in {metric} is {signed(lead)} on {champion.rows:,} tweets unseen by both"
    facts += f" (by {champion.authors:,} authors)" * (champion.authors < champion.rows)
    facts += f"; the champion is {-behind:.4g} behind the best one so far" * (behind < 0)
    if lead.high < 0 or lead.estimate + behind <= -margin:
        reason = f"{facts}: worse than the champion. Train a better model, or {promote}."
        return Check(name="champion", result="refused", reason=reason)
    if lead.low + behind > -margin:
        conclusion = "better than the champion" if lead.low > 0 else f"not worse by {setting}"
        return Check(name="champion", result="passed", reason=f"{facts}: {conclusion}.")
    needed = tweets_needed(lead, champion.rows, lead.estimate + behind + margin)
    more = f"About {needed - champion.rows:,}" if needed < MAX_TWEETS else f"More than {MAX_TWEETS:,}"
    reason = f"{facts}: it may be worse by more than {setting}. {more} more test tweets are needed to decide"
    return Check(name="champion", result="undecided", reason=f"{reason} (with a power of {POWER:.0%}), or {promote}.")


def check_feedback(feedback: Feedback) -> Check:
    """Check that a model classifies at least as many tweets of the feedback set correctly as the champion.

    There is no margin: most of these tweets are errors of some champion, so that an equally good model does better.
    """
    if feedback.lead is None:
        reason = f"It cannot be compared on the feedback set: {feedback.obstacle} Decide manually (step promote)."
        return Check(name="feedback", result="undecided", reason=reason)
    facts = (
        f"It classifies {feedback.correct:,} of {feedback.rows:,} tweets of the feedback set correctly, the champion "
        f"{feedback.champion_correct:,}; the lead in accuracy is {signed(feedback.lead)}"
    )
    if feedback.correct < feedback.champion_correct:
        advice = "Train on more labels (data.extra_training), or promote it manually (step promote)."
        return Check(name="feedback", result="refused", reason=f"{facts}: worse than the champion. {advice}")
    return Check(name="feedback", result="passed", reason=f"{facts}: not worse than the champion.")


def tweets_needed(lead: Interval, rows: int, distance: float) -> int:
    """Return the number of tweets needed to tell a lead from one smaller by `distance`, with a power of `POWER`.

    The width of an interval is inversely proportional to the square root of the number of tweets.

    Source: Chow, Shao and Wang, Sample size calculations in clinical research, 2008, chapter 3.
    """
    z, z_power = NormalDist().inv_cdf((1 + lead.confidence) / 2), NormalDist().inv_cdf(POWER)
    standard_error = (lead.estimate - lead.low) / z
    return min(MAX_TWEETS, math.ceil(rows * ((z + z_power) * standard_error / distance) ** 2))


def check_withdrawal(withdrawn: str | None) -> Check:
    """Check that nobody has withdrawn the model."""
    if withdrawn is None:
        return Check(name="withdrawal", result="passed", reason="Nobody has withdrawn it.")
    reason = " ".join(withdrawn.split())
    advice = "Train a better model, or promote it manually (step promote)."
    return Check(name="withdrawal", result="refused", reason=f'It was withdrawn: "{reason}". {advice}')
