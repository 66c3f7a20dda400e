"""`sentiment.data.cores`: what a scheduler or a container leaves to a process."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from sentiment.data import cores, corpus
from tests.corpora import TOKENIZER


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system binds no process to processors")
def test_a_process_that_is_bound_to_one_processor_has_one() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from sentiment.data import cores; print(cores.available())"
    unlimited = {name: value for name, value in os.environ.items() if name != "LOKY_MAX_CPU_COUNT"}
    done = subprocess.run([sys.executable, "-c", code], env=unlimited, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_no_more_processes_cut_tweets_than_there_are_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def pool(workers: int) -> ThreadPoolExecutor:
        asked.append(workers)
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(corpus, "CHUNK", 2)
    monkeypatch.setattr(cores, "available", lambda: 3)
    monkeypatch.setattr(corpus, "ProcessPoolExecutor", pool)
    assert corpus.tokenize(["late"] * 9, TOKENIZER) == [["late"]] * 9
    assert asked == [3]
