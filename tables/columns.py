"""Guess the role of columns by their names, or by their content if the names are unknown."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

Role = Literal["text", "author", "label", "date", "clock", "zone"]

# Names for each role, likeliest first, as returned by `plain`.
NAMES: dict[Role, tuple[str, ...]] = {
    "text": (
        "text", "tweet", "message", "texte", "contenu", "content", "full_text", "tweet_text", "text_tweet",
        "tweet_content", "texte_du_tweet", "texte_tweet", "body", "comment", "commentaire", "review", "avis",
        "verbatim", "post", "publication", "msg", "tweets", "texts", "textes", "messages", "commentaires", "comments",
    ),
    "author": (
        "author", "user", "name", "auteur", "utilisateur", "screen_name", "username", "user_name", "nom_utilisateur",
        "nom_d_utilisateur", "pseudo", "compte", "handle", "account", "author_id", "user_id", "auteur_id", "nom",
    ),
    "label": (
        "label", "sentiment", "airline_sentiment", "polarity", "polarite", "categorie", "category", "classe", "class",
        "target", "etiquette", "true_sentiment", "humeur", "tonalite", "labels", "negative",
    ),
    # Columns of moments or days, then columns of times of day; either may contain the other.
    "date": (
        "created_at", "tweet_created", "created", "timestamp", "datetime", "date_time", "date_heure", "date_et_heure",
        "horodatage", "horodateur", "time", "date", "published_at", "posted_at", "published", "date_creation",
        "date_de_creation", "date_publication", "date_de_publication", "publie_le", "cree_le", "moment", "jour", "day",
        "tweet_date", "created_date", "date_created", "date_du_tweet", "created_time", "posted", "epoch", "utc_time",
        "time_utc", "date_utc",
    ),
    "clock": (
        "time", "heure", "clock", "hour", "hours", "heures", "horaire", "time_of_day", "heure_creation",
        "heure_de_creation", "heure_publication", "heure_de_publication", "tweet_time", "created_time", "moment",
    ),
    "zone": ("timezone", "time_zone", "tz", "zone", "fuseau", "fuseau_horaire", "utc_offset"),
}  # fmt: skip
# Other common column names of tweets: they help to tell a header from the lines above it.
OTHERS = {
    "id", "tweet_id", "url", "link", "lien", "lang", "language", "langue", "likes", "retweets", "replies", "source",
    "location", "place", "pays", "country", "city", "ville", "predicted", "score", "flag", "airline", "compagnie",
}  # fmt: skip
KNOWN = OTHERS.union(*NAMES.values())
# Words in names with "text" or "tweet" that show that the column contains no texts.
NOT_TEXT = {"id", "ids", "count", "url", "date", "time", "lang", "source", "length", "created", "type", "user", "coord"}
TEXT_WORDS = {"text", "texte", "tweet", "message", "commentaire", "comment", "content", "contenu", "verbatim", "body"}


def plain(name: str) -> str:
    """Return a name without accents, case, punctuation and camelCase: "Créé le" and "creeLe" become "cree_le"."""
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", "_", name)
    letters = unicodedata.normalize("NFKD", spaced.casefold())
    return re.sub(r"[\W_]+", "_", "".join(letter for letter in letters if not unicodedata.combining(letter))).strip("_")


def guess(columns: Sequence[str], role: Role) -> str | None:
    """Return the column with the likeliest name for a role, or None."""
    return next(iter(candidates(columns, role)), None)


def candidates(columns: Sequence[str], role: Role) -> list[str]:
    """Return the columns with likely names for a role, likeliest first."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(plain(column), column)
    exact = [by_name[name] for name in NAMES[role] if name in by_name]
    if exact or role != "text":
        return exact
    words = {column: set(name.split("_")) for name, column in by_name.items()}
    return [column for column, name_words in words.items() if name_words & TEXT_WORDS and not name_words & NOT_TEXT]


def count_known_names(cells: Sequence[str]) -> int:
    """Count the known column names in a row; several names of one role count once."""
    names = {plain(cell) for cell in cells if not cell.rstrip().endswith(":")}  # "Source:" introduces a value
    roles = sum(not names.isdisjoint(role) for role in (*NAMES.values(), OTHERS))
    return min(roles, sum(name in KNOWN for name in names))
