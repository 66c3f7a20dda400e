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


def test_targets_stand_beside_validation() -> None:
    row = {**dict.fromkeys(comparison.COLUMNS, 0.5), **CANDIDATE, "link": "http://x", "name": "bilstm"}
    row |= {"people_roc_auc": 0.911, "people_accuracy": 0.822, "people_log_loss": 0.4, "people_expected_cost": 250.0}
    terminal = Console(width=80, file=StringIO())
    terminal.print(comparison.terminal(pd.DataFrame([row]), "Candidates"))
    assert isinstance(terminal.file, StringIO)
    assert "AUC people" in terminal.file.getvalue()
    assert "0.911" in terminal.file.getvalue()
    text = comparison.markdown(pd.DataFrame([row]), "Candidates", "", plots=())
    for heading in ("AUC people", "accuracy people", "log loss people", "cost people"):
        assert f"| {heading} |" in text


def test_a_column_on_a_target_is_formatted_as_on_validation() -> None:
    assert comparison.heading_and_format("people_accuracy_at_half") == ("accuracy at 0.5 people", "{:.3f}")
    assert comparison.heading_and_format("a_b_f1") == ("F1 a_b", "{:.3f}")
