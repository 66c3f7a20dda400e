"""The headline results in the README."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline import headline, runs
from pipeline.headline import BEGIN, END, FIGURES, HeadlineError
from steps import document


def result(title: str, **roc_auc: float) -> dict[str, Any]:
    """Return a result with one stage; spaces replace underscores in the names of its candidates."""
    candidates = [
        {"name": name.replace("_", " "), **dict.fromkeys(FIGURES, 0.5), "roc_auc": auc} for name, auc in roc_auc.items()
    ]
    return {
        "title": title,
        "selected": candidates[0]["name"],
        "cores": 2,
        "data": {"data": "tweets", "splits": {"train": {"rows": 7000}, "validation": {"rows": 1500}}},
        "settings": {"cost.missed_negative": "2.0", "cost.false_alarm": "1.0"},
        "stages": {"01 all": candidates},
        "metrics": {"test_roc_auc": 0.91, "test_accuracy": 0.8, "test_expected_cost": 210.4},
    }


STUDY = result(
    "A study",
    dummy_stem=0.5,
    characters_stem=0.8,
    bilstm_use_stem=0.85,
    average_use_stem=0.82,
    finetune=0.9,
    blend=0.92,
)


def test_the_best_of_each_approach_is_shown_without_blends() -> None:
    assert [(row["approach"], row["name"]) for row in headline.best_of_each_approach(STUDY)] == [
        ("baseline", "characters stem"),
        ("Keras network", "bilstm use stem"),
        ("BERT", "finetune"),
    ]


def test_an_approach_without_candidates_is_omitted() -> None:
    assert [row["approach"] for row in headline.best_of_each_approach(result("BERT alone", finetune=0.9))] == ["BERT"]


def test_the_first_result_is_tabulated_and_every_winner_listed() -> None:
    text = headline.render([STUDY, result("More tweets", finetune=0.95)])
    assert "7,000 tweets of tweets and compared on 1,500 validation tweets" in text
    assert "0.950" not in text
    assert "| More tweets | finetune | 0.910 | 0.800 | 210 | 0.50 | 0.5 |" in text


def test_other_costs_than_those_of_the_study_are_stated() -> None:
    other = result("Spam", finetune=0.95)
    other["settings"] = {"cost.missed_negative": "1", "cost.false_alarm": "5"}
    text = headline.render([STUDY, result("More tweets", finetune=0.95), other])
    assert "| Spam | finetune | 0.910 | 0.800 | 210 (1, 5) | 0.50 | 0.5 |" in text
    assert "| More tweets | finetune | 0.910 | 0.800 | 210 | 0.50 | 0.5 |" in text
    assert "In parentheses: other costs" in text
    assert "In parentheses" not in headline.render([STUDY])


def test_the_area_on_each_target_is_shown_beside_that_on_validation() -> None:
    study = result("A study", finetune=0.9)
    study["stages"]["01 all"][0] |= {"airline_roc_auc": 0.96, "airline_accuracy": 0.9}
    text = headline.render([study])
    assert "| approach | candidate | AUC | AUC airline | accuracy | cost | ms | MB |" in text
    assert "| BERT | finetune | 0.900 | 0.960 | 0.500 |" in text


def test_published_figures_are_shown_with_their_source() -> None:
    peer = {"model": "LSTM", "tweets": "10,000", "accuracy": 0.6917, "source": "A paper", "link": "https://example.org"}
    text = headline.render([STUDY], [peer])
    assert "| LSTM | 10,000 | 0.692 | [A paper](https://example.org) |" in text


@pytest.mark.parametrize(("suffix", "explained"), [("", False), ("_distilled", True)])
def test_a_suffix_is_explained_only_if_it_is_shown(suffix: str, explained: bool) -> None:
    text = headline.render([result("A study", **{f"bilstm_use_stem{suffix}": 0.9})])
    assert ("`distilled` also learned from unlabelled tweets." in text) is explained


def test_only_the_text_between_the_markers_is_replaced(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{BEGIN}old\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        headline.write(readme, [STUDY])
        text = readme.read_text(encoding="utf-8")
        assert text == f"before\n\n{BEGIN}\n{headline.render([STUDY])}\n{END}\nafter\n"


def test_a_readme_without_markers_is_refused(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}no end\n", encoding="utf-8")
    with pytest.raises(HeadlineError, match="lacks the lines"):
        headline.write(readme, [STUDY])
    assert readme.read_text(encoding="utf-8") == f"{BEGIN}no end\n"


def test_without_runs_and_results_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        document.main(["--folder", str(tmp_path / "docs")])
    assert "contains no results: name a finished run of main" in capsys.readouterr().err
    assert not (tmp_path / "docs").exists()


def test_documents_are_regenerated_from_stored_results_without_runs(tmp_path: Path) -> None:
    shutil.copytree(runs.PROJECT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("pictures"))
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}{END}", encoding="utf-8")
    before = (tmp_path / "docs/results.md").read_text(encoding="utf-8")
    document.main(["--folder", str(tmp_path / "docs")])
    assert (tmp_path / "docs/results.md").read_text(encoding="utf-8") == before
    assert "| BERT |" in readme.read_text(encoding="utf-8")
