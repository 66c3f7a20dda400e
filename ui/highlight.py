"""The words of a tweet that weighed most, marked in its text."""

from collections.abc import Sequence
from html import escape
from typing import Any

# A word is marked where it adds at least this share of what the strongest one adds.
LEAST = 0.25
MOST_WORDS = 8
STYLE = """
<style>
.tweet {font-size: 1.15rem; line-height: 2.3; white-space: pre-wrap; overflow-wrap: anywhere}
.tweet mark {padding: .15em .3em; border-radius: .3em; color: inherit}
.tweet mark.negative {background: rgba(200, 60, 30, calc(.12 + .3 * var(--weight))); border-bottom: 3px solid #b3361b}
.tweet mark.positive {background: rgba(20, 110, 160, calc(.12 + .3 * var(--weight))); border-bottom: 3px dashed #14699b}
.tweet mark::before {font-size: .7em; margin-right: .2em}
.tweet mark.negative::before {content: "▼"}
.tweet mark.positive::before {content: "▲"}
.unseen {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap}
</style>"""


def strongest(contributions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the contributions that are to be marked, in the order of the text."""
    most = max((abs(word["contribution"]) for word in contributions), default=0.0)
    strong = [word for word in contributions if most > 0 and abs(word["contribution"]) >= LEAST * most]
    kept = sorted(strong, key=lambda word: -abs(word["contribution"]))[:MOST_WORDS]
    return sorted(kept, key=lambda word: word["start"])


def html(text: str, contributions: Sequence[dict[str, Any]], *, negative: str, positive: str) -> str:
    """Return a tweet with its strongest words marked: by a sign and a line, not by colour alone.

    Args:
        text: the tweet, as it was typed.
        contributions: what each word adds to the log-odds of negative, and where it stands in the text (code points).
        negative: what is said of a word that pushes towards negative, to those who hear the page.
        positive: the same towards positive.
    """
    marked = strongest(contributions)
    most = max((abs(word["contribution"]) for word in marked), default=1.0)
    parts, end = [], 0
    for word in marked:
        towards = "negative" if word["contribution"] > 0 else "positive"
        said = negative if towards == "negative" else positive
        weight = abs(word["contribution"]) / most
        parts.append(escape(text[end : word["start"]]))
        parts.append(
            f'<mark class="{towards}" style="--weight: {weight:.2f}" title="{escape(said)}">'
            f'{escape(text[word["start"] : word["end"]])}<span class="unseen"> ({escape(said)})</span></mark>'
        )
        end = word["end"]
    parts.append(escape(text[end:]))
    return f'{STYLE}<div class="tweet">{"".join(parts)}</div>'
