"""The message about a crisis, in English and French."""

from typing import Any

import pytest

from monitoring.alarm import Check, Level
from monitoring.crises import Crisis, Kind
from telemetry.brief import Brief, DistinctTweet
from telemetry.buzz import CrisisAlert
from telemetry.channels import mail
from telemetry.messages import lines, title
from telemetry.settings import Settings

SINCE = 1_758_384_000.0  # 2025-09-20 16:00 UTC, a Saturday
WORST = Check(
    time=SINCE + 3600,
    level=Level.ALARM,
    learning=False,
    evidence=9.0,
    seconds=3600,
    tweets=150,
    negative=120,
    reach=1_340,
    usual_tweets=60,
    usual_negative=38,
)
STRIKE = [f"@user {airport} is closed, the strike desk says nothing #strike" for airport in ("lyon", "nice", "brest")]
TEXTS = [*STRIKE * 20, *["my bag is lost in paris"] * 20, *["worst airline ever"] * 20]
USUAL = ["my bag is lost in paris", "late again and rude", "worst airline ever", "late again"] * 50


def alert(kind: Kind = "negative", **known: Any) -> CrisisAlert:
    tweets = [DistinctTweet(text, SINCE, 0.9, 1) for text in known.pop("texts", TEXTS)]
    brief = Brief(**({"people": 97, "unknown": 0, "tweets": tweets, "usual": USUAL, "has_text": True} | known))
    crisis = Crisis(kind=kind, since=SINCE, level=Level.ALARM, raised=SINCE + 900, worst=WORST)
    return CrisisAlert(3, SINCE + 900, crisis, brief if kind == "negative" else None)


def settings(**values: Any) -> Settings:
    return Settings(buzz_zone="Europe/Paris", **values)


def test_a_message_in_english_says_since_when_how_unusual_why_and_what_to_do() -> None:
    chosen = settings(buzz_link="https://sentiment.example.org/")
    assert title(alert(), chosen) == "Tweet sentiment: 120 negative tweets in 60 min, 3.2 times as many as usual"
    assert lines(alert(), chosen) == [
        "Since Saturday 2025-09-20, 18:00 (Europe/Paris); alarm raised Saturday 2025-09-20, 18:15.",
        "3.2 times the usual number for a Saturday at 19:00: 120 negative tweets in 60 min, usually 38.",
        "Share of negative tweets: 80%, usually 63%.",
        "People: 97 have written negative tweets.",
        "Reach: 1,340 tweets, repetitions included.",
        "Reasons: late or cancelled flight 60%, luggage 20%, no known reason 20%.",
        "Words that stand out: “#strike” (60), “closed” (60), “strike desk” (60), “brest” (20), “lyon” (20), "
        "“nice” (20).",
        "Typical tweets:",
        "– @user lyon is closed, the strike desk says nothing #strike",
        "– @user nice is closed, the strike desk says nothing #strike",
        "– @user brest is closed, the strike desk says nothing #strike",
        "– my bag is lost in paris",
        "– worst airline ever",
        "What you could do: say what happened, when the next news follows, and what passengers are entitled to; give "
        "the contact of the luggage desk, and say when luggage will be delivered.",
        "More: https://sentiment.example.org/watch?part=1758384000-1758387600&lang=en",
    ]


def test_a_message_in_french_says_the_same() -> None:
    chosen = settings(buzz_language="fr")
    assert (
        title(alert(), chosen)
        == "Sentiment des tweets\u00a0: 120 tweets négatifs en 60 min, 3,2 fois le nombre habituel"
    )
    said = [line.replace("\u00a0", " ") for line in lines(alert(), chosen)]
    assert said[:6] == [
        "Depuis le samedi 20/09/2025 à 18 h 00 (Europe/Paris) ; alerte déclenchée le samedi 20/09/2025 à 18 h 15.",
        "3,2 fois le nombre habituel un samedi à 19 h : 120 tweets négatifs en 60 min, au lieu de 38.",
        "Part de tweets négatifs : 80 %, d’habitude 63 %.",
        "Personnes : 97 ont écrit des tweets négatifs.",
        "Portée : 1\u202f340 tweets, répétitions comprises.",
        "Motifs : vol en retard ou annulé 60 %, bagages 20 %, sans motif connu 20 %.",
    ]
    assert not said[-1].startswith("En savoir plus")


def test_without_texts_a_message_has_numbers_only_and_says_so() -> None:
    said = lines(alert(texts=[], usual=[], has_text=False), settings())
    assert said[-1] == "No reasons or examples: the service does not store texts."
    assert not any(line.startswith(("Reasons:", "Typical", "New")) for line in said)


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"people": 0, "unknown": 120}, "People: unknown, since tweets come without their authors."),
        ({"people": 20, "unknown": 9}, "People: at least 20 have written negative tweets; 9 tweets came without"),
    ],
)
def test_a_message_does_not_guess_the_number_of_people(known: dict[str, Any], sentence: str) -> None:
    assert any(line.startswith(sentence) for line in lines(alert(**known), settings()))


def test_when_nothing_stands_out_the_message_says_so_and_advises_to_read() -> None:
    said = lines(alert(texts=["hm", "well"], usual=USUAL), settings())
    assert "No word or hashtag stands out." in said
    assert "What you could do: read the typical tweets, and find out what happened." in said


def test_a_silent_feed_is_announced_in_both_languages() -> None:
    assert title(alert("silent"), settings()) == "Tweet sentiment: no tweets since Saturday 2025-09-20, 18:00"
    assert "plus aucun tweet depuis le samedi" in title(alert("silent"), settings(buzz_language="fr"))
    assert lines(alert("silent"), settings(buzz_language="fr"))[0].startswith(
        "Constaté le samedi 20/09/2025 à 18 h 15."
    )


def test_an_email_keeps_the_accents_of_the_message() -> None:
    sent = mail(
        alert(), settings(buzz_language="fr", mail_to="a@example.org", mail_from="b@example.org", smtp_host="x")
    )
    assert "alerte déclenchée" in sent.get_content()


def test_a_team_can_have_reasons_of_its_own(tmp_path: Any) -> None:
    file = tmp_path / "reasons.yaml"
    file.write_text("paris: {label: {en: Paris, fr: Paris}, advice: {en: go, fr: aller}, words: [paris]}", "utf-8")
    assert "Reasons: Paris 20%, no known reason 80%." in lines(alert(), settings(buzz_reasons=file))
