"""`tables.columns`: guessing the content of columns from their names."""

import pytest

from tables.columns import guess, plain


@pytest.mark.parametrize(
    ("columns", "text", "author", "label"),
    [
        (["tweet_id", "airline_sentiment", "name", "text", "tweet_created"], "text", "name", "airline_sentiment"),
        (["Texte", "Heure", "Auteur", "Catégorie"], "Texte", "Auteur", "Catégorie"),
        ([" Text ", "DATE"], " Text ", None, None),
        (["content", "text"], "text", None, None),
        (["ID", "Texte du tweet", "Nom d'utilisateur"], "Texte du tweet", "Nom d'utilisateur", None),
        (["tweet_id", "tweetText", "screenName"], "tweetText", "screenName", None),
        (["Tweet (FR)", "tweet_count"], "Tweet (FR)", None, None),
        (["target", "ids", "user"], None, "user", "target"),
        (["Polarité"], None, None, "Polarité"),
        (["none", "None", "aucune"], None, None, None),
        (["a", "b"], None, None, None),
        ([], None, None, None),
    ],
)
def test_columns_are_guessed_from_their_names(
    columns: list[str], text: str | None, author: str | None, label: str | None
) -> None:
    assert (guess(columns, "text"), guess(columns, "author"), guess(columns, "label")) == (text, author, label)


def test_names_are_compared_without_accents_case_and_punctuation() -> None:
    assert {plain(name) for name in ("Créé le", "creeLe", "CRÉÉ_LE ", "cre\u0301e\u0301-le")} == {"cree_le"}
