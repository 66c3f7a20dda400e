"""Report what the splits hold and what was taken out on the way: Markdown, HTML, JSON and plots."""

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sentiment.data.checks import Labelled
from sentiment.data.splitting import Deduplicated, Extra
from sentiment.inference.text import PROSE, WORD
from sentiment.reports.pages import grid, page
from sentiment.reports.plots import COLOURS, blank

CLASSES = {"negative": (1, COLOURS[1]), "positive": (0, COLOURS[0])}
WORDS_SHOWN = 15
WORDS_FROM = 100_000
ROWS_WITH_WORD = 5
# Weight of what both classes say together, in words: what is seen a few times only cannot come out on top.
PRIOR_WORDS = 500.0

# Why rows of `data.extra_training` are left out: the reasons of `sentiment.data.splitting.Extra`, in words.
LEFT_OUT = {
    "label_ignored": "left out for their label",
    "duplicates": "duplicates removed",
    "contradictions": "contradictions removed (with each other or with the data)",
    "text_in_splits": "left out for their text stands in a split",
    "group_in_validation_or_test": "left out for their group stands in validation or test",
}

Tables = dict[str, pd.DataFrame]
Frames = Mapping[str, pd.DataFrame]


def write(
    folder: Path,
    *,
    name: str,
    synthetic: bool,
    labelled: Labelled,
    deduplicated: Deduplicated,
    rest: int,
    extra: Extra | None,
    frames: Frames,
    leaks: Mapping[str, Mapping[str, int]],
) -> None:
    """Write `report.md`, `report.html` (one file, plots and all), `report.json` and the plots to a folder.

    Args:
        folder: made if missing.
        name: of the data set.
        synthetic: whether nobody wrote these texts; the title says so.
        labelled: what the checks found.
        deduplicated: what deduplication removed.
        rest: the rows added to train that were not drawn into the sample.
        extra: what another table added to train; None without one.
        frames: the splits.
        leaks: what stands in two of them, as `sentiment.data.splitting.leakage` counts it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    words = characteristic_words(frames["train"])
    source = f"{name} (synthetic texts)" if synthetic else name
    figures = {
        "class_balance": plot_balance(frames, source),
        "text_length": plot_lengths(frames, source),
        "frequent_words": plot_words(words, source),
    }
    save(figures, folder)
    tables = {
        "Splits": splits_table(frames),
        "Labels": labelled.labels,
        "Rows": rows_table(labelled, deduplicated, rest, extra, frames),
        "Encoding damage": damage_table(labelled),
        **(extra_tables(extra) if extra else {}),
        "Leakage": pd.DataFrame([{"between": pair, **counts} for pair, counts in leaks.items()]),
        "Lengths": lengths_table(frames),
        "Words": words,
    }
    content = {key.lower().replace(" ", "_"): table.to_dict("records") for key, table in tables.items()}
    summary = json.dumps({"data": name, "synthetic": synthetic, **content}, indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(summary + "\n", encoding="utf-8")
    text = markdown(f"Data report: {source}", synthetic, tables)
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(page(text, folder), encoding="utf-8")


def markdown(title: str, synthetic: bool, tables: Tables) -> str:
    """Return the report as Markdown; the plots are files beside it."""
    made_up = [
        "> These texts are synthetic: a program made them, nobody wrote them. Figures computed from them show that the "
        "chain works, and say nothing about real tweets."
    ]
    blocks = [
        f"# {title}",
        *(made_up if synthetic else []),
        "## Splits",
        "`negative` is the class that is looked for; `positive` is the other one. A group (an author, where the data "
        "name one) is in one split only.",
        grid(tables["Splits"]),
        "![Class balance by split](class_balance.png)",
        "How each label was read:",
        grid(tables["Labels"]),
        "## What was removed",
        "A text is a duplicate if it differs from another in case, spaces and HTML entities only. Texts that carry "
        "both labels are removed altogether.",
        grid(tables["Rows"]),
        "## Encoding damage",
        "Rows of those read that show it; they are kept as they are:",
        grid(tables["Encoding damage"]),
        *extra_blocks(tables),
        "## Leakage",
        "Counted on the files written: texts (compared as duplicates are) and groups that stand in two splits. "
        "The step fails unless all are 0.",
        grid(tables["Leakage"]),
        "## Length of texts",
        "In characters, as written; all splits.",
        grid(tables["Lengths"]),
        "![Length of texts by class](text_length.png)",
        "## Words that tell the classes apart",
        f"Training split only (at most {WORDS_FROM:,} texts), mentions and links left out, words in at least "
        f"{ROWS_WITH_WORD} texts. The score is a log-odds ratio in standard deviations (Monroe et al. 2008): above 0 "
        "for negative texts.",
        "![Words by class](frequent_words.png)",
        grid(tables["Words"]),
    ]
    return "\n\n".join(blocks) + "\n"


def splits_table(frames: Frames) -> pd.DataFrame:
    """Return rows, classes and groups by split."""
    total = sum(map(len, frames.values()))
    return pd.DataFrame(
        {
            "split": name,
            "rows": len(frame),
            "share": len(frame) / total,
            "negative": int(frame["negative"].sum()),
            "negative share": float(frame["negative"].mean()),
            "groups": frame["group"].nunique(),
        }
        for name, frame in frames.items()
    )


def rows_table(
    labelled: Labelled, deduplicated: Deduplicated, rest: int, extra: Extra | None, frames: Frames
) -> pd.DataFrame:
    """Return where the rows of the raw table have gone, and how many came to train from elsewhere."""
    in_splits = sum(map(len, frames.values()))
    added = len(extra.frame) if extra else 0
    steps = {
        "read": len(labelled.frame) + labelled.ignored,
        "left out for their label": labelled.ignored,
        "duplicates removed": deduplicated.duplicates,
        "contradictions removed": deduplicated.contradictions,
        "not drawn into the sample": len(deduplicated.frame) - (in_splits - added - rest),
        "of these, added to train (their group is not in validation or test)": rest,
        **({} if extra is None else {"extra training rows, added to train": added}),
        "in the splits": in_splits,
        "of no known group (before duplicates were removed)": labelled.without_group,
    }
    return pd.DataFrame(steps.items(), columns=["rows", "number"])


def extra_tables(extra: Extra) -> Tables:
    """Return where the rows of the table of extra training data have gone, and how they were read."""
    steps = {
        "read": extra.rows_read,
        **{words: extra.left_out[reason] for reason, words in LEFT_OUT.items()},
        "added to train": len(extra.frame),
        "of no known group (before duplicates were removed)": int((extra.labelled.frame["group"] == "").sum()),
    }
    return {
        "Extra rows": pd.DataFrame(steps.items(), columns=["rows", "number"]),
        "Extra labels": extra.labelled.labels,
        "Extra encoding damage": damage_table(extra.labelled),
    }


def extra_blocks(tables: Tables) -> list[str]:
    """Return what the report says of extra training data; nothing where there are none."""
    if "Extra rows" not in tables:
        return []
    return [
        "## Extra training data",
        "Rows of another table (`data.extra_training`) for train only: validation and test are what they are without "
        "it. A row is of the group that this table names, and of those that the data name for the same text.",
        grid(tables["Extra rows"]),
        "How each label was read:",
        grid(tables["Extra labels"]),
        "Encoding damage of the rows read; they are kept as they are:",
        grid(tables["Extra encoding damage"]),
    ]


def damage_table(labelled: Labelled) -> pd.DataFrame:
    """Return how many rows show each kind of encoding damage."""
    return pd.DataFrame(labelled.damaged.items(), columns=["kind", "rows"])


def lengths_table(frames: Frames) -> pd.DataFrame:
    """Return how long texts are, in characters, by class."""
    quantiles = {"5 %": 0.05, "median": 0.5, "95 %": 0.95, "longest": 1.0}
    return pd.DataFrame(
        {"class": name, **{key: int(lengths.quantile(share)) for key, share in quantiles.items()}}
        for name, lengths in lengths_by_class(frames).items()
    )


def lengths_by_class(frames: Frames) -> dict[str, pd.Series]:
    """Return the lengths in characters of all texts of each class."""
    rows = pd.concat(frames.values(), ignore_index=True)
    lengths = rows["text"].str.len()
    return {name: lengths[rows["negative"] == value] for name, (value, _) in CLASSES.items()}


def characteristic_words(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the words that tell the classes apart best, `WORDS_SHOWN` for each class, most negative first.

    Columns: `word`, `negative` and `positive` (share of the texts of the class that hold it) and `score`: the log-odds
    ratio with an informative Dirichlet prior, in standard deviations.

    Source: Monroe, Colaresi and Quinn, 2008, Fightin' Words, equations 15, 19, 20 and 22.
    """
    frame = frame.sample(min(len(frame), WORDS_FROM), random_state=0)
    counts = pd.DataFrame(
        {name: count_words(frame["text"][frame["negative"] == value]) for name, (value, _) in CLASSES.items()}
    )
    counts = counts.reindex(columns=list(CLASSES)).fillna(0.0).sort_index()
    prior = PRIOR_WORDS * counts.sum(axis="columns") / max(counts.to_numpy().sum(), 1.0)
    smooth = counts.add(prior, axis="index")
    odds = smooth / (counts.sum() + PRIOR_WORDS - smooth)
    score = np.log(odds["negative"] / odds["positive"]) / np.sqrt((1 / smooth).sum(axis="columns"))
    sizes = [max((frame["negative"] == value).sum(), 1) for value, _ in CLASSES.values()]
    common = counts.sum(axis="columns") >= ROWS_WITH_WORD
    words = counts.div(sizes, axis="columns").assign(score=score)[common]
    words = words.sort_values("score", ascending=False, kind="stable").rename_axis("word").reset_index()
    return pd.concat([words[words["score"] > 0].head(WORDS_SHOWN), words[words["score"] < 0].tail(WORDS_SHOWN)])


def count_words(texts: Iterable[str]) -> pd.Series:
    """Return in how many of the texts each word stands, whatever its case."""
    counts = Counter(word for text in texts for word in set(WORD.findall(PROSE(text).lower())))
    return pd.Series(counts, dtype=float)


def plot_balance(frames: Frames, source: str) -> Figure:
    """Plot the shares of the classes in each split, with the numbers of rows."""
    figure, axes = blank(f"Class balance by split, {source}", width=7.2, height=2.8)
    left = np.zeros(len(frames))
    for (label, (value, colour)), place, side in zip(CLASSES.items(), (1, 99), ("left", "right"), strict=True):
        rows = [int((frame["negative"] == value).sum()) for frame in frames.values()]
        shares = np.array([100 * count / len(frame) for count, frame in zip(rows, frames.values(), strict=True)])
        axes.barh(list(frames), shares, left=left, color=colour, label=label, height=0.65)
        for row, (count, share) in enumerate(zip(rows, shares, strict=True)):
            axes.text(place, row, f"{count:,} ({share:.1f} %)", ha=side, va="center", color="white", fontsize=9)
        left += shares
    axes.invert_yaxis()
    axes.set(xlabel="share of the rows, %", xlim=(0, 100))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def plot_lengths(frames: Frames, source: str) -> Figure:
    """Plot how long the texts of each class are, in characters; the longest one in 200 is left out."""
    figure, axes = blank(f"Length of texts, {source}", width=7.2, height=3.8)
    lengths = lengths_by_class(frames)
    longest = int(max(1, pd.concat(lengths.values()).quantile(0.995)))
    edges = np.arange(0, longest + 2, max(1, longest // 40))
    for name, (_, colour) in CLASSES.items():
        counts, _ = np.histogram(lengths[name], edges)
        median = lengths[name].median()
        axes.stairs(
            100 * counts / len(lengths[name]),
            edges,
            color=colour,
            linewidth=2,
            label=f"{name}, median {median:.0f} (dotted)",
        )
        axes.axvline(median, color=colour, linestyle=":", linewidth=1.2)
    axes.set(xlabel="characters", ylabel="share of the class, %", xlim=(0, edges[-1]))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def plot_words(words: pd.DataFrame, source: str) -> Figure:
    """Plot the words that tell the classes apart, the most negative above."""
    figure, axes = blank(f"Words that tell the classes apart, {source}", width=7.2, height=1.6 + 0.21 * len(words))
    places = np.arange(len(words))
    for name, chosen in {"negative": words["score"] > 0, "positive": words["score"] < 0}.items():
        mask = chosen.to_numpy()
        axes.barh(places[mask], words["score"][mask], color=CLASSES[name][1], label=f"more in {name} texts")
    axes.set_yticks(places, words["word"].tolist(), fontsize=9)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.set_xlabel("log-odds ratio, standard deviations")
    axes.legend(loc="lower right", frameon=False)
    return figure


def save(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write figures as PNG files."""
    with warnings.catch_warnings():
        # A word in a script that the font lacks is drawn as boxes; the table beside it has it right.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.png")
