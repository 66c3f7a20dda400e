"""The language of a tweet, and what it means for an answer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.language import identify
from tests.in_process import started
from tests.packaged_model import save_packaged

FRENCH = "@AirParadis mon vol a encore deux heures de retard et personne ne répond http://t.co/x1"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_packaged(tmp_path_factory.mktemp("packaged") / "model")


@pytest.fixture
def client(packaged: Path) -> Iterator[TestClient]:
    with started(model=packaged) as client:
        yield client


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("@AirParadis two hours late and nobody tells us why :(", "en"),
        ("@AirParadis lovely crew on the flight to Rome, thank you so much!", "en"),
        ("OMG my flight got cancelled AGAIN smh #fail", "en"),
        (FRENCH, "fr"),
        ("#retard #bagage perdu, quelle compagnie de merde", "fr"),
        ("Mein Flug hat schon wieder zwei Stunden Verspätung", "de"),
        ("Otra vez dos horas de retraso y nadie nos dice nada", "es"),
        ("Il volo è in ritardo di due ore e nessuno dice niente", "it"),
        ("飛行機がまた二時間遅れています", "ja"),
        ("الرحلة متأخرة ساعتين", "ar"),
    ],
)
def test_the_language_of_a_sentence_is_found(text: str, language: str) -> None:
    assert identify(text) == language


@pytest.mark.parametrize("text", ["lol", "ok", "\U0001f620\U0001f620", "12:30", "@anna http://t.co/x1", "...", "sent"])
def test_the_language_of_a_word_or_less_is_unknown(text: str) -> None:
    assert identify(text) is None


def test_mentions_and_links_have_no_language() -> None:
    noise = "@quelquechose @bonjourmadame http://exemple.fr/une/adresse/francaise "
    assert identify(noise + "two hours late and nobody tells us why") == "en"


def test_a_tweet_that_the_model_does_not_read_is_uncertain_and_not_reliable(client: TestClient) -> None:
    answer = client.post("/predict", json={"text": f"{FRENCH} late again and rude"}).raise_for_status().json()
    assert (answer["language"], answer["certainty"], answer["uncertainty_reason"]) == ("fr", "uncertain", "language")
    assert not answer["reliable"]


def test_a_tweet_in_english_is_certain_unless_its_probability_is_in_the_uncertain_band(client: TestClient) -> None:
    texts = ["late again and rude, two hours and nobody told us", "seat 12"]
    certain, costly = client.post("/predict", json={"texts": texts}).raise_for_status().json()["predictions"]
    assert (certain["language"], certain["certainty"], certain["uncertainty_reason"]) == ("en", "certain", None)
    assert certain["reliable"]
    assert (costly["language"], costly["certainty"], costly["uncertainty_reason"]) == (None, "uncertain", "cost")


def test_a_model_reads_english_unless_its_description_says_otherwise(packaged: Path, tmp_path: Path) -> None:
    with started(model=packaged) as english:
        assert english.get("/model").json()["languages"] == ["en"]
    folder = save_packaged(tmp_path / "model")
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    (folder / "about.json").write_text(json.dumps(about | {"languages": ["en", "fr"]}), encoding="utf-8")
    with started(model=folder) as bilingual:
        assert bilingual.get("/model").json()["languages"] == ["en", "fr"]
        answer = bilingual.post("/predict", json={"text": FRENCH}).raise_for_status().json()
    assert answer["language"] == "fr"
    assert answer["uncertainty_reason"] != "language"


def test_the_metrics_count_why_answers_are_uncertain(client: TestClient) -> None:
    client.post("/predict", json={"texts": [FRENCH, "seat 12"]})
    exposed = client.get("/metrics").text
    assert 'tweet_sentiment_uncertain_total{reason="language"}' in exposed
    assert 'tweet_sentiment_uncertain_total{reason="cost"}' in exposed
