"""Methods from the literature that `benchmarks.buzz` compares the alarm with. Not a benchmark itself.

Each returns a score for each bucket, from the counts up to it; an alarm is a score above a threshold. They see the
last 60 minutes at each bucket, more often than their authors had in mind, so that none loses time by waiting for the
full hour.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.buzz_streams import PER_DAY, PER_HOUR, Counts, Stream

Scores = npt.NDArray[np.float64]
EARS_DAYS, EARS_GAP_DAYS, EARS_SUM_HOURS = 7, 2, 3
BOLLINGER_HOURS = 20
LANEY_DAYS = 28


def rolling(values: npt.NDArray[np.int64], buckets: int = PER_HOUR) -> Scores:
    """Return the sum of the last buckets at each one."""
    padded = np.concatenate([np.zeros(buckets), np.cumsum(values)])
    sums: Scores = padded[buckets:] - padded[:-buckets]
    return sums


def p_chart(stream: Stream) -> Scores:
    """Score the share of negative tweets by a p chart, whose centre is the share of the stream so far.

    Source: NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.2.
    """
    tweets, negative = rolling(stream.tweets), rolling(stream.negative)
    centre = np.cumsum(stream.negative) / np.maximum(1, np.cumsum(stream.tweets))
    return standardized(negative, tweets, centre)


def laney(stream: Stream) -> Scores:
    """Score the share by Laney's p' chart, whose limits are widened by the variation between hours.

    Source: Laney (2002), Improved control charts for attributes, Quality Engineering 14, 531-537: sigma z is the mean
    moving range of the standardized shares over 1.128. The last 28 days are the baseline.
    """
    scores = p_chart(stream)
    hourly = pd.Series(scores[PER_HOUR - 1 :: PER_HOUR])
    sigma = (hourly.diff().abs() / 1.128).rolling(LANEY_DAYS * 24, min_periods=24).mean()
    widened = pd.Series(np.nan, index=range(len(scores)))
    widened.iloc[PER_HOUR - 1 :: PER_HOUR] = sigma.shift(1)
    return np.nan_to_num(scores / widened.ffill().to_numpy(), nan=0.0)


def standardized(negative: Scores, tweets: Scores, centre: Scores) -> Scores:
    """Return by how many binomial standard deviations a share is above its centre."""
    deviation = np.sqrt(np.maximum(1e-9, centre * (1 - centre) * tweets))
    return np.where(tweets > 0, (negative - tweets * centre) / deviation, 0.0)


def same_hours(values: Scores, gap_days: int) -> npt.NDArray[np.float64]:
    """Return the counts at the same time of the seven days before a gap, shape (7, buckets); NaN before the first."""
    return np.stack([lagged(values, (gap_days + 1 + day) * PER_DAY) for day in range(EARS_DAYS)])


def deviations(values: Scores, before: npt.NDArray[np.float64], lost: int) -> Scores:
    """Return by how many standard deviations, 0.5 at least, values are above the mean of earlier ones.

    Args:
        values: shape (buckets,).
        before: earlier values of each, shape (earlier, buckets); where some are missing, the result is 0.
        lost: degrees of freedom that the mean takes.
    """
    spread = np.maximum(0.5, before.std(axis=0, ddof=lost))
    scores: Scores = np.nan_to_num((values - before.mean(axis=0)) / spread, nan=0.0)
    return scores


def lagged(values: Scores, buckets: int) -> Scores:
    """Return the values of some buckets earlier; NaN before the first."""
    return np.concatenate([np.full(min(buckets, len(values)), np.nan), values[:-buckets]])


def ears(stream: Stream, gap_days: int) -> Scores:
    """Score the negative tweets of an hour against the same hour of seven days.

    Source: Hutwagner, Thompson, Seeman, Treadwell (2003), The bioterrorism preparedness and response Early Aberration
    Reporting System (EARS), Journal of Urban Health 80, i89-i96: (count - mean) / standard deviation of seven days, C1
    of those just before, C2 of those two days earlier.
    """
    values = rolling(stream.negative)
    before = same_hours(values, gap_days)
    return deviations(values, before, 1)


def ears_c1(stream: Stream) -> Scores:
    """Score by EARS C1."""
    return ears(stream, 0)


def ears_c2(stream: Stream) -> Scores:
    """Score by EARS C2."""
    return ears(stream, EARS_GAP_DAYS)


def ears_c3(stream: Stream) -> Scores:
    """Score by EARS C3: the sum of C2 - 1, if positive, of the last three periods, which are hours here."""
    excess = np.maximum(0.0, ears(stream, EARS_GAP_DAYS) - 1)
    total = excess.copy()
    for hours in range(1, EARS_SUM_HOURS):
        total[hours * PER_HOUR :] += excess[: -hours * PER_HOUR]
    return total


def bollinger(stream: Stream) -> Scores:
    """Score the negative tweets of an hour by Bollinger bands: mean and standard deviation of the last 20 hours.

    Source: Bollinger (2001), Bollinger on Bollinger Bands, McGraw-Hill: 20 periods, here hours before the latest one.
    """
    values = rolling(stream.negative)
    before = np.stack([lagged(values, hours * PER_HOUR) for hours in range(1, BOLLINGER_HOURS + 1)])
    return deviations(values, before, 0)


def cusum(negative: Counts, means: Scores, sizes: Scores, ratio: float = 2.0) -> Scores:
    """Score the negative tweets by a CUSUM of likelihood ratios of negative binomial distributions.

    Source: Hohle and Paul (2008), Count data regression charts for the monitoring of surveillance time series,
    Computational Statistics and Data Analysis 52, 4357-4368, section 2.2. The expected numbers and the dispersion are
    those of the alarm's own baseline, so that only the method differs.

    Args:
        negative: number of negative tweets, shape (buckets,).
        means: expected numbers, shape (buckets,).
        sizes: of the negative binomial distributions, shape (buckets,).
        ratio: of the means, out of and in control.
    """
    steps = negative * np.log(ratio) - (negative + sizes) * np.log((sizes + ratio * means) / (sizes + means))
    scores, value = np.zeros(len(steps)), 0.0
    for number, step in enumerate(steps.tolist()):
        value = max(0.0, value + step)
        scores[number] = value
    return scores


REFERENCES = {
    "p chart": p_chart,
    "Laney's p'": laney,
    "EARS C1": ears_c1,
    "EARS C2": ears_c2,
    "EARS C3": ears_c3,
    "Bollinger bands": bollinger,
}
