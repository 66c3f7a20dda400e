"""Count the CPU cores available to this process."""

import joblib


def available() -> int:
    """Return the number of cores that the scheduler (affinity) and the container (cgroup) allow this process.

    scikit-learn uses the same number for `n_jobs=-1`; the environment variable `LOKY_MAX_CPU_COUNT` lowers it.
    """
    return int(joblib.cpu_count())
