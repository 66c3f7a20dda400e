"""HTML of a tweet with its decisive words highlighted."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

# A word is highlighted if its contribution is at least this share of the strongest one.
LEAST_SHARE = 0.25
MOST_WORDS = 8
# What X and Twitter write for &, < and >, escaped once more.
ENTITY = re.compile("&amp;(amp|lt|gt);")
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
    """Return the contributions to highlight, in the order of the text."""
    most = max((abs(word["contribution"]) for word in contributions), default=0.0)
    candidates = [word for word in contributions if most > 0 and abs(word["contribution"]) >= LEAST_SHARE * most]
    kept = sorted(candidates, key=lambda word: -abs(word["contribution"]))[:MOST_WORDS]
    return sorted(kept, key=lambda word: word["start"])


def html(text: str, contributions: Sequence[dict[str, Any]], *, negative: str, positive: str) -> str:
    """Return a tweet with its strongest words highlighted by symbol and underline as well as by colour.

    Args:
        text: the tweet, as it was typed.
        contributions: of each word: log-odds it adds to negative, and its position in the text (code points).
        negative: tooltip and screen-reader text of words that push towards negative.
        positive: tooltip and screen-reader text of words that push away from negative.
    """
    highlighted = strongest(contributions)
    most = max((abs(word["contribution"]) for word in highlighted), default=1.0)
    fragments, end = [], 0
    for word in highlighted:
        direction = "negative" if word["contribution"] > 0 else "positive"
        label = escape(negative if direction == "negative" else positive)
        weight = abs(word["contribution"]) / most
        fragments.append(shown(text[end : word["start"]]))
        fragments.append(
            f'<mark class="{direction}" style="--weight: {weight:.2f}" title="{label}">'
            f'{shown(text[word["start"] : word["end"]])}<span class="unseen"> ({label})</span></mark>'
        )
        end = word["end"]
    fragments.append(shown(text[end:]))
    return f'{STYLE}<div class="tweet">{"".join(fragments)}</div>'


def shown(text: str) -> str:
    """Return the HTML of a text, with the characters for which tweets come with an entity, such as & for &amp;."""
    return ENTITY.sub(r"&\1;", escape(text))
