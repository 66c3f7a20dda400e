"""The table of candidates on the terminal."""

from io import StringIO

import pandas as pd
from rich.console import Console

from sentiment.reports import comparison

METRICS = {"roc_auc": 0.8585, "accuracy": 0.757, "f1": 0.792, "expected_cost": 296.4}
CANDIDATE = {**METRICS, "fit_seconds": 34.6, "predict_milliseconds": 0.36, "megabytes": 3.8}


def test_a_long_name_leaves_room_for_the_metrics() -> None:
    name = "bilstm word2vec lemmatize batch_size=128 extra_texts=folder/of_many/tweets_without_labels.parquet"
    terminal = Console(width=80, file=StringIO())
    terminal.print(comparison.terminal(pd.DataFrame([{"name": name, **CANDIDATE}]), "Candidates"))
    assert isinstance(terminal.file, StringIO)
    output = terminal.file.getvalue()
    assert all(figure in output for figure in ("0.859", "0.757", "0.792", "296", "34.6", "0.36", "3.8"))
    assert name.replace(" ", "") in "".join(line[:34] for line in output.splitlines()).replace(" ", "")
