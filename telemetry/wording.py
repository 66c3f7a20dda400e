"""Files of words: the wording of alarms in each language, and the reasons of complaints."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import yaml

from monitoring.reasons import OTHER, Taxonomy

Language = Literal["en", "fr"]
HERE = Path(__file__).parent
REASONS = HERE / "reasons.yaml"
FIELDS = {"label", "advice", "words"}


class Reasons(NamedTuple):
    """The reasons of complaints, and their label and advice in each language."""

    taxonomy: Taxonomy
    labels: Mapping[str, Mapping[Language, str]]
    advice: Mapping[str, Mapping[Language, str]]


@lru_cache
def wording(language: Language) -> Mapping[str, Any]:
    """Return the wording of alarms in a language."""
    words: dict[str, Any] = yaml.safe_load((HERE / "languages" / f"{language}.yaml").read_text(encoding="utf-8"))
    return words


@lru_cache
def reasons(file: Path | None) -> Reasons:
    """Read the reasons of complaints.

    Args:
        file: of a team's own reasons; None takes those of an airline.

    Raises:
        ValueError: the file cannot be read, or is not like `telemetry/reasons.yaml`.
    """
    try:
        found = yaml.safe_load((file or REASONS).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ValueError("is not YAML in UTF-8") from None
    if not isinstance(found, dict) or not found:
        raise ValueError("must name reasons, as telemetry/reasons.yaml does")
    for name, reason in found.items():
        if not isinstance(reason, dict) or reason.keys() != FIELDS:
            raise ValueError(f"the reason {name} must have the fields {', '.join(sorted(FIELDS))}, and no others")
        for field in ("label", "advice"):
            if not isinstance(reason[field], dict) or not set(get_args(Language)) <= reason[field].keys():
                raise ValueError(f"the reason {name} needs a {field} in each language: {', '.join(get_args(Language))}")
        if not isinstance(reason["words"], list) or not all(isinstance(word, str) for word in reason["words"]):
            raise ValueError(
                f"the words of the reason {name} must be a list of texts; put `on` and `no` in quotation marks"
            )
    labels, advice = ({name: reason[field] for name, reason in found.items()} for field in ("label", "advice"))
    labels[OTHER] = {language: wording(language)["other"] for language in get_args(Language)}
    advice[OTHER] = {language: wording(language)["advice_other"] for language in get_args(Language)}
    return Reasons(Taxonomy({name: reason["words"] for name, reason in found.items()}), labels, advice)
