"""Why people complain: reasons by words, terms that mark a crisis, and typical tweets."""

import math
import random
from pathlib import Path

import pytest

from benchmarks.reasons import cleaned, scores
from monitoring.keyness import Marked, keyness, new_terms, typical
from monitoring.reasons import OTHER, Share, Taxonomy, shares
from monitoring.terms import terms
from telemetry.wording import reasons, wording

SMALL = Taxonomy({"delay": ["late", "delay*", "two hours late"], "luggage": ["bag", "bags"], "staff": []})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Late AGAIN", "delay"),
        ("#delayed", "delay"),
        ("my bag is late late late", "delay"),
        ("my bag, all my bags are late", "luggage"),
        ("two  hours late with my bag and bags", "delay"),
        ("baggage lately", OTHER),
        ("", OTHER),
    ],
)
def test_a_reason_is_found_by_its_words(text: str, reason: str) -> None:
    assert SMALL.reason(text) == reason


def test_the_most_frequent_reason_is_first_and_the_unknown_last() -> None:
    texts = ["hm", "hm", "hm", "bag", "bag", "late"]
    assert shares(map(SMALL.reason, texts)) == [Share("luggage", 2), Share("delay", 1), Share(OTHER, 3)]


@pytest.mark.parametrize("words", [{"a": ["late"], "b": ["late"]}, {"a": [" "]}, {"other": ["late"]}])
def test_reasons_that_contradict_each_other_are_refused(words: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="given once|call yours something else"):
        Taxonomy(words)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("my flight is delayed for three hours and nobody says why", "delay"),
        ("vol annulé, trois heures de retard", "delay"),
        ("where is my suitcase? it was not on the carousel", "luggage"),
        ("ma valise est perdue", "luggage"),
        ("the gate agent was so rude", "staff"),
        ("when do I get my refund", "refund"),
        ("j'attends mon remboursement depuis un mois", "refund"),
        ("your website does not accept my reservation", "booking"),
        ("no legroom and the food was cold", "comfort"),
        ("smoke in the cabin, emergency landing", "safety"),
        ("worst airline ever", OTHER),
    ],
)
def test_an_airlines_reasons_are_found_in_english_and_french(text: str, reason: str) -> None:
    assert reasons(None).taxonomy.reason(text) == reason


def test_every_reason_has_a_label_and_an_advice_in_each_language() -> None:
    known = reasons(None)
    for name in known.taxonomy.names:
        assert all(known.labels[name][language] and known.advice[name][language] for language in ("en", "fr"))


def test_both_languages_have_the_same_sentences() -> None:
    assert wording("en").keys() == wording("fr").keys()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("a: [", "is not YAML"),
        ("[]", "must name reasons"),
        ("delay: {label: {en: a, fr: b}}", "the reason delay must have the fields advice, label, words"),
        ("delay: {label: {en: a}, advice: {en: a, fr: b}, words: []}", "needs a label in each language"),
        ("delay: {label: {en: a, fr: b}, advice: {en: a, fr: b}, words: [on, no]}", "must be a list of texts"),
    ],
)
def test_a_file_of_reasons_that_cannot_be_used_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "reasons.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        reasons(file)


def test_terms_are_words_hashtags_and_phrases_without_function_words() -> None:
    assert terms("RT @anna: The check-in desk is closed! #strike http://t.co/x") == {
        *("check-in", "desk", "closed", "#strike", "check-in desk"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Late DELAYED and late", {"late", "delayed", "late delayed"}),
        ("won't 'late' l'avion", {"won't", "late", "l'avion"}),
        ("#DelayedAgain is it", {"#delayedagain"}),
        ("déçu, retardé ÉNERVÉ", {"déçu", "retardé", "énervé", "retardé énervé"}),
        ("de\u0301c\u0327u", {"déçu"}),
        ("won’t", {"won't"}),
        ("@air_paradis delay @anna2much delay", {"delay"}),
        ("flight 1234 at 10:30, b737", {"flight"}),
        ("no on 😠 :( ''", set()),
        ("", set()),
        ("Ελληνικά 飛行機が遅い", {"ελληνικά", "飛行機が遅い", "ελληνικά 飛行機が遅い"}),
    ],
)
def test_terms_are_split_as_people_read_them(text: str, expected: set[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize("usual", [[], [{"late"}] * 5])
def test_a_single_term_marks_nothing(usual: list[set[str]]) -> None:
    assert keyness([{"late"}] * 9, usual) == []


def test_what_is_more_frequent_than_usual_marks_the_tweets() -> None:
    usual = [{"late", f"word{number % 20}"} for number in range(200)]
    crisis = [{"late", "strike"} for _ in range(20)]
    marked = keyness(crisis, usual)
    assert [each.term for each in marked] == ["strike", "late"]
    assert marked[0].tweets == 20
    assert marked[0].z > 3 > marked[1].z
    assert [each.term for each in new_terms(marked, 5)] == ["strike"]


def test_the_log_odds_are_those_of_the_formula() -> None:
    (marked,) = keyness([{"a"}], [{"b"}, {"b"}, {"a"}])
    prior = 500 * 2 / 4
    first, second = 1 + prior, 1 + prior
    odds = math.log(first / (1 + 500 - first)) - math.log(second / (3 + 500 - second))
    assert marked.z == pytest.approx(odds / math.sqrt(1 / first + 1 / second))


def test_terms_of_the_same_tweets_seldom_mark_half_of_them() -> None:
    choice = random.Random(1)
    tweets = [{f"word{choice.randrange(50)}" for _ in range(8)} for _ in range(400)]
    assert new_terms(keyness(tweets[:200], tweets[200:]), 5) == []


def test_without_usual_tweets_nothing_is_new() -> None:
    assert new_terms(keyness([{"late", "strike"}] * 5, []), 5) == []


def test_a_phrase_takes_the_place_of_its_words() -> None:
    marked = [
        Marked("desk", 10, 9.0),
        Marked("desk closed", 9, 8.0),
        Marked("closed", 9, 7.0),
        Marked("#strike", 5, 6.0),
    ]
    assert [each.term for each in new_terms(marked, 5)] == ["desk closed", "#strike"]


def test_typical_tweets_say_different_things() -> None:
    marked = [Marked("strike", 9, 9.0), Marked("desk", 5, 5.0)]
    tweets = [{"hello"}, {"strike"}, {"strike"}, {"desk"}]
    assert typical(tweets, marked, 2) == [1, 3]
    assert typical(tweets, marked, 9) == [1, 3, 0]


def test_the_benchmark_removes_the_traces_of_labels_from_tweets() -> None:
    assert (
        cleaned("was Cancelled Flightled, Late Flightr than Flight Booking Problems")
        == "was cancelled, later than booking"
    )


def test_the_benchmark_scores_a_reason_that_is_never_found_with_0() -> None:
    assert scores(["a", "a", "b"], ["a", "a", "a"]) == pytest.approx((2 / 3, 0.4))


@pytest.mark.parametrize("seed", range(20))
def test_each_typical_tweet_is_the_one_that_says_most_that_is_new(seed: int) -> None:
    choice = random.Random(seed)
    tweets, usual = ([set(choice.choices("abcdefghij", k=choice.randint(1, 4))) for _ in range(30)] for _ in range(2))
    marked = keyness(tweets, usual)
    weights = {each.term: max(each.z, 0.0) for each in marked}
    rest = [index for index, said in enumerate(tweets) if said not in tweets[:index]]
    for chosen in typical(tweets, marked, 5):
        scores_of = {index: math.fsum(weights[term] for term in tweets[index]) for index in rest}
        assert chosen == max(rest, key=lambda index: (scores_of[index], -index))
        rest.remove(chosen)
        weights |= {term: weights[term] / 2 for term in tweets[chosen]}
