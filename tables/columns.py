"""Guess by their names, and where names do not tell by what they hold, which columns hold what."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

Role = Literal["text", "author", "label", "date", "clock", "zone"]

# Names, the likeliest first, as `plain` writes them.
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
    # Columns of moments or days, then columns of times of day; either may turn out to be the other.
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
# Others that tables of tweets often have: they tell a header from what stands above it.
OTHERS = {
    "id", "tweet_id", "url", "link", "lien", "lang", "language", "langue", "likes", "retweets", "replies", "source",
    "location", "place", "pays", "country", "city", "ville", "predicted", "score", "flag", "airline", "compagnie",
}  # fmt: skip
KNOWN = OTHERS.union(*NAMES.values())
# Words of names that hold the word "text" or "tweet", and no texts.
NOT_TEXT = {"id", "ids", "count", "url", "date", "time", "lang", "source", "length", "created", "type", "user", "coord"}
TEXT_WORDS = {"text", "texte", "tweet", "message", "commentaire", "comment", "content", "contenu", "verbatim", "body"}


def plain(name: str) -> str:
    """Return a name without accents, case, punctuation and camelCase: "Créé le" and "creeLe" become "cree_le"."""
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", "_", name)
    letters = unicodedata.normalize("NFKD", spaced.casefold())
    return re.sub(r"[\W_]+", "_", "".join(each for each in letters if not unicodedata.combining(each))).strip("_")


def guess(columns: Sequence[str], role: Role) -> str | None:
    """Return the column whose name is the likeliest for a role, if one is likely at all."""
    return next(iter(candidates(columns, role)), None)


def candidates(columns: Sequence[str], role: Role) -> list[str]:
    """Return the columns whose names are likely for a role, the likeliest first."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(plain(column), column)
    exact = [by_name[name] for name in NAMES[role] if name in by_name]
    if exact or role != "text":
        return exact
    words = {column: set(name.split("_")) for name, column in by_name.items()}
    return [column for column, named in words.items() if named & TEXT_WORDS and not named & NOT_TEXT]


def known(cells: Sequence[str]) -> int:
    """Return how many names that columns of tweets have a row holds; several of one role count once."""
    names = {plain(cell) for cell in cells if not cell.rstrip().endswith(":")}  # "Source:" introduces a value
    roles = sum(not names.isdisjoint(role) for role in (*NAMES.values(), OTHERS))
    return min(roles, sum(name in KNOWN for name in names))
