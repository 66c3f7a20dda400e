"""French and English: the same sentences with the same placeholders, and each language's number formats."""

import ast
import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
import yaml

from tables import reading
from telemetry import events, jobs
from ui import client, proportions, stream
from ui.language import DEFAULT, LANGUAGES, flatten, preferred, speak
from ui.views import live, model, promises, relabel, try_tweet

UI = Path(client.__file__).parent
CODE = sorted(UI.rglob("*.py"))
SPACE = "[\u00a0\u202f]"
# All error codes of tables, and those that the page cannot cause: only strict or explicit reading does.
CODES = {
    str(node.args[0].value)
    for path in Path(reading.__file__).parent.glob("*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "TableError" and isinstance(node.args[0], ast.Constant)
} | {"long_row", *(code for code, _ in reading.REFUSED.values())}
NOT_FROM_PAGE = {
    *("ambiguous_quotes", "broken_quotes", "duplicate_column", "preamble", "too_many_rows"),
    *(
        "bad_delimiter",
        "no_texts",
        "not_records",
        "not_texts",
        "unknown_column",
        "unknown_encoding",
        "unknown_sheet",
        "unknown_zone",
    ),
}
# Values of the expressions in braces in the sentence names that the code builds.
BRACE_VALUES = {
    "name": ("try", "watch", "model", "mail", "webhook"),
    "number": tuple(range(1, try_tweet.EXAMPLES + 1)),
    "sentiment": ("negative", "positive"),
    "wording": ("likely", "barely", "unsure"),
    "error.reason": get_args(client.Reason),
    "error.code": sorted(CODES - NOT_FROM_PAGE),
    "report.encoding_source": ("assumed", "given"),
    "kind": ("long", "short", "typed_quotes"),
    "header": ("header", "no_header"),
    "order": ("day_first", "month_first"),
    "width": tuple(proportions.WIDTHS),
    "kept": ("masked", "raw"),
    "hours": tuple(stream.SPANS),
    "level": tuple(live.STATES),
    "crisis['level']": ("watch", "alarm"),
    "source": get_args(events.Source),
    "code": model.ERRORS,
    "one['predicted_sentiment']": ("negative", "positive"),
    "one['true_sentiment']": ("negative", "positive"),
    "reason": ("clock", "short", "long"),
    "value": ("certain", "uncertain"),
    "worker['name']": (jobs.RULE, jobs.BUZZ, jobs.FORWARD, jobs.PRUNE, "mail", "webhook"),
}
# Names that take only some of the values above.
RESTRICTED_NAMES = {
    "{name}.title": ("try", "watch", "model", "relabel"),
    "model.{name}": ("mail", "webhook"),
    "live.{level}_help": ("calm", "learning"),
    "live.since_{level}": ("watch", "alarm", "silent"),
    "relabel.{item['reason']}": ("reported", "disagreement", "uncertain"),
    "relabel.{error.reason}": relabel.GONE,
    "try.{item['sentiment']}": ("negative", "positive"),
    **{f"relabel.{{name}}{part}": ("accept", "correct", "discard", "skip") for part in ("", "_help", "_key")},
    "watch.width_{name}": (*proportions.WIDTHS, *stream.LENGTHS),
    "peaks.{name}": ("language", "certainty"),
}
PROMISES = {f"{view}.promise{number}" for view in ("try", "watch") for number in range(1, promises.PROMISES + 1)}


def used_sentences(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield the names of the sentences that the code uses, braces filled in, and the values passed to each."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say" and node.args:
            passed = {keyword.arg or "**" for keyword in node.keywords}
            for name in names(node.args[0]):
                yield name, passed


def names(argument: ast.expr) -> list[str]:
    """Return the names that the argument of `say` can have."""
    if isinstance(argument, ast.IfExp):
        return names(argument.body) + names(argument.orelse)
    if isinstance(argument, ast.Constant):
        return [str(argument.value)]
    if not isinstance(argument, ast.JoinedStr):
        return []  # a variable: its values are constants elsewhere
    pattern = ast.unparse(argument)[2:-1]
    if pattern == "{view}.promise{number}":
        return sorted(PROMISES)
    (brace,) = re.findall(r"\{(.*?)\}", pattern)
    values = RESTRICTED_NAMES.get(pattern) or BRACE_VALUES[brace]
    return [pattern.replace(f"{{{brace}}}", str(value)) for value in values]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def constants() -> set[str]:
    """Return all constant strings of the code."""
    nodes = (node for path in CODE for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_both_languages_have_the_same_sentences_in_the_same_order() -> None:
    french, english = (list(speak(code).sentences) for code in ("fr", "en"))
    assert french == english
    assert set(LANGUAGES) == {path.stem for path in (UI / "languages").iterdir()}


def test_a_sentence_has_the_same_placeholders_in_both_languages() -> None:
    english = speak("en").sentences
    for name, sentence in speak("fr").sentences.items():
        assert placeholders(sentence) == placeholders(english[name]), name


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sentence_is_a_nonempty_string(code: str) -> None:
    """YAML does not read `true`, `yes` or `12:30` as strings."""
    loaded = yaml.safe_load((UI / "languages" / f"{code}.yaml").read_text(encoding="utf-8"))
    assert all(isinstance(name, str) for page in loaded.values() for name in page)
    for name, sentence in flatten(loaded).items():
        assert isinstance(sentence, str), name
        assert sentence.strip(), name


def test_the_two_languages_differ() -> None:
    same = {name for name, sentence in speak("fr").sentences.items() if sentence == speak("en").sentences[name]}
    # The examples are of the airline's English tweets.
    assert same <= {
        *(f"try.example{number}" for number in range(1, 9)),
        *(
            "watch.text",
            "watch.tweets",
            "watch.time",
            "watch.time_axis",
            "watch.tweets_of",
            "live.minutes",
            "watch.width_15min",
        ),
        *("model.version", "model.when", "model.forwarding", "page.version"),
        *("relabel.correct_key", "relabel.back_key"),
    }


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sentence_in_use_exists_with_its_placeholders(path: Path, code: str) -> None:
    sentences = speak(code).sentences
    for name, passed in used_sentences(path):
        assert name in sentences, f"{path.name} uses {name}"
        if "**" not in passed:
            assert placeholders(sentences[name]) == passed, f"{path.name} uses {name}"


def test_no_sentence_is_unused() -> None:
    used = {name for path in CODE for name, _ in used_sentences(path)} | constants()
    assert set(speak("en").sentences) - used == set()


def test_every_table_error_has_a_sentence() -> None:
    translated = {name.removeprefix("table.") for name in speak("fr").sentences if name.startswith("table.")}
    assert translated == CODES - NOT_FROM_PAGE


def test_an_unknown_sentence_or_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        speak("en")("try.no_such_sentence")
    with pytest.raises(KeyError):
        speak("en")("try.chance")


def test_braces_in_a_value_are_kept() -> None:
    assert "{percent}" in speak("en")("reading.no_time", count="1", column="{percent}")


def test_numbers_follow_each_language() -> None:
    french, english = speak("fr"), speak("en")
    assert english.number(7228) == "7,228"
    assert english.number(0.8765, 3) == "0.876"  # half to even
    assert english.number(1234.5, 2) == "1,234.50"
    assert re.fullmatch(f"7{SPACE}228", french.number(7228))
    assert french.number(0.8765, 3) == "0,876"
    assert french.number(0) == english.number(0) == "0"


def test_dates_and_delimiters_follow_each_language() -> None:
    french, english = speak("fr"), speak("en")
    assert (french.day_first, english.day_first) == (True, False)
    assert (french.delimiter, english.delimiter) == (";", ","), "Excel's delimiter where the comma is the decimal mark"
    assert french.day(datetime(2026, 2, 1, tzinfo=UTC)) == "1er février 2026"
    assert french.day(datetime(2026, 2, 11, tzinfo=UTC)) == "11 février 2026"


def test_no_line_of_french_begins_with_a_punctuation_mark() -> None:
    for name, sentence in speak("fr").sentences.items():
        assert not re.search(r" [:;?!»](\s|$)|« ", sentence), name
    assert speak("fr")("try.example1").endswith("why :("), "a smiley is not punctuation"


def test_percentages_follow_each_language() -> None:
    french, english = speak("fr"), speak("en")
    assert english.percent(0.123) == "12%"
    assert re.fullmatch(f"12{SPACE}%", french.percent(0.123)), "a no-break space"
    assert english.percent(1) == "100%"
    assert english.percent(0) == "0%"


def test_days_and_moments_follow_each_language() -> None:
    when = datetime(2015, 2, 3, 14, 5, tzinfo=UTC)
    assert speak("fr").day(when) == "3 février 2015"
    assert speak("en").day(when) == "February 3, 2015"
    assert speak("fr").moment(when) == "3 février 2015 à 14\u00a0h\u00a005"
    assert speak("en").moment(when) == "February 3, 2015, 14:05"
    naive = when.replace(tzinfo=None)
    assert speak("en").moment(naive) == speak("en").moment(when), "a time without a zone is UTC"


@pytest.mark.parametrize(
    ("width", "english", "french"),
    [
        ("15min", "February 2, 2015, 14:00", "2 février 2015 à 14\u00a0h\u00a000"),
        ("h", "February 2, 2015, 14:00", "2 février 2015 à 14\u00a0h\u00a000"),
        ("D", "February 2, 2015", "2 février 2015"),
        ("W", "week of February 2, 2015", "semaine du 2 février 2015"),
        ("MS", "February 2015", "février 2015"),
    ],
)
def test_a_period_is_named_as_people_name_it(width: str, english: str, french: str) -> None:
    start = datetime(2015, 2, 2, 14, tzinfo=UTC)
    assert (speak("en").period(start, width), speak("fr").period(start, width)) == (english, french)


def test_languages_are_named_in_the_language_of_the_page() -> None:
    assert (speak("en").language("fr"), speak("fr").language("en")) == ("French", "anglais")
    assert speak("en").language("qqq") is None
    assert speak("en").language("") is None


@pytest.mark.parametrize(("probability", "shown"), [(0.9237, "92%"), (0.9999, "99%"), (0.0001, "1%"), (0.5, "50%")])
def test_no_probability_is_shown_as_certain_or_impossible(probability: float, shown: str) -> None:
    assert speak("en").chance(probability) == shown


@pytest.mark.parametrize(
    ("preferences", "code"),
    [
        ((), DEFAULT),
        ((None, None, None), DEFAULT),
        (("fr",), "fr"),
        (("en",), "en"),
        (("FR",), "fr"),
        (("fr-CA",), "fr"),
        (("fr_FR",), "fr"),
        (("de", "fr"), "fr"),
        (("de", None, "ja-JP"), DEFAULT),
        ((None, "fr", "en"), "fr"),
        (("en", "fr"), "en"),
        (("", "fr"), "fr"),
        (("<script>", "fr"), "fr"),
    ],
)
def test_the_first_supported_preference_is_chosen(preferences: tuple[str | None, ...], code: str) -> None:
    assert preferred(*preferences) == code
