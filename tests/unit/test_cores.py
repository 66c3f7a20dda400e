"""`sentiment.inference.cores`: how many processors a process may use."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from sentiment.data import corpus
from sentiment.inference import cores
from tests.corpora import TOKENIZER


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_cpu_affinity_limits_the_processors() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from sentiment.inference import cores; print(cores.available())"
    unlimited = {name: value for name, value in os.environ.items() if name != "LOKY_MAX_CPU_COUNT"}
    completed = subprocess.run([sys.executable, "-c", code], env=unlimited, capture_output=True, text=True, check=True)
    assert completed.stdout == "1\n"


def test_tokenizing_starts_no_more_processes_than_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    pool_sizes = []

    def pool(workers: int) -> ThreadPoolExecutor:
        pool_sizes.append(workers)
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(corpus, "CHUNK", 2)
    monkeypatch.setattr(cores, "available", lambda: 3)
    monkeypatch.setattr(corpus, "ProcessPoolExecutor", pool)
    assert corpus.tokenize(["late"] * 9, TOKENIZER) == [["late"]] * 9
    assert pool_sizes == [3]
