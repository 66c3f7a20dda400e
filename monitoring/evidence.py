"""How much a number of tweets, and of negative ones among them, speaks for a crisis."""

from dataclasses import dataclass
from math import lgamma, log, log1p, sqrt

from monitoring.baseline import Expected


@dataclass(frozen=True, kw_only=True)
class Errors:
    """How often the classifier is right, measured on labelled tweets that it has not learned from.

    Attributes:
        sensitivity: share of negative tweets that it calls negative.
        specificity: share of other tweets that it does not call negative.
    """

    sensitivity: float = 1.0
    specificity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a classifier that knows nothing.

        Raises:
            ValueError: the two are no shares, or add up to 1 or less, as by tossing a coin.
        """
        if not (0 <= self.sensitivity <= 1 and 0 <= self.specificity <= 1 < self.sensitivity + self.specificity):
            raise ValueError(
                f"A sensitivity of {self.sensitivity} and a specificity of {self.specificity} cannot be corrected for: "
                "both must be between 0 and 1, and their sum more than 1."
            )

    def corrected(self, negative: float, tweets: float) -> float:
        """Return how many of the tweets are negative in truth, given how many are called so.

        Source: adjusted count; Forman (2008), Quantifying counts and costs via classification, Data Mining and
        Knowledge Discovery 17, 164-206, equation 1.
        """
        false = (1 - self.specificity) * tweets
        return min(tweets, max(0.0, (negative - false) / (self.sensitivity + self.specificity - 1)))


def log_likelihood_ratio(
    tweets: int,
    negative: int,
    usual: Expected,
    *,
    ratio: float,
    dispersion: float,
    correlation: float,
    errors: Errors,
) -> float:
    """Return the natural logarithm of how much likelier the counts are in a crisis than usually.

    It answers two questions together: are there more tweets than usual (negative binomial distribution), and is the
    share of negative ones among them higher (beta-binomial distribution)? A crisis adds negative tweets: `ratio` times
    the usual number of truly negative ones, of which the classifier finds its share. More negative tweets never make it
    smaller; by Markov's inequality, usual counts reach log(A) with a probability of 1 / A at most.

    Args:
        tweets: number of voices.
        negative: number of them that the classifier calls negative.
        usual: what is expected of both; more than 0.
        ratio: of the negative tweets in a crisis to the usual ones, more than 1.
        dispersion: of the number of tweets, see `monitoring.baseline.Baseline`.
        correlation: of the labels, likewise.
        errors: of the classifier.
    """
    # A floor: where the classifier's false alarms explain all usual negative tweets, a crisis still adds some.
    truly_negative = max(errors.corrected(usual.negative, usual.tweets), 0.05 * usual.tweets)
    added = (ratio - 1) * truly_negative
    raised = usual.tweets + added
    size = 1 / dispersion
    volume = tweets * log(raised / usual.tweets) - (tweets + size) * log((size + raised) / (size + usual.tweets))
    share, crisis_share = usual.negative / usual.tweets, (usual.negative + errors.sensitivity * added) / raised
    if crisis_share <= share:
        return volume
    total = 1 / correlation - 1
    return (
        volume
        + _beta_binomial(tweets, negative, crisis_share * total, (1 - crisis_share) * total)
        - _beta_binomial(tweets, negative, share * total, (1 - share) * total)
    )


def _beta_binomial(tweets: int, negative: int, a: float, b: float) -> float:
    """Return the log-likelihood, without the binomial coefficient, which cancels, and for a fixed a + b."""
    return lgamma(negative + a) - lgamma(a) + lgamma(tweets - negative + b) - lgamma(b)


def deviations(count: int, mean: float, dispersion: float) -> float:
    """Return by how many standard deviations a count is above its mean."""
    return (count - mean) / sqrt(mean + dispersion * mean**2)


def log_probability_of_none(mean: float, dispersion: float) -> float:
    """Return the natural logarithm of the probability that nothing comes where `mean` tweets are expected."""
    return -log1p(dispersion * mean) / dispersion
