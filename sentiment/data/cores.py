"""How many processors this process may use."""

import joblib


def available() -> int:
    """Return how many processors the scheduler (affinity) and the container (cgroup) leave to this process.

    It is what scikit-learn's `n_jobs=-1` goes by; `LOKY_MAX_CPU_COUNT` in the environment lowers it.
    """
    return int(joblib.cpu_count())
