"""Array types: labels and probabilities of tweets, shape (n,)."""

import numpy as np
from numpy.typing import NDArray

# 1 = negative tweet.
Labels = NDArray[np.int8]
# The probability that a tweet is negative.
Probabilities = NDArray[np.float64]
