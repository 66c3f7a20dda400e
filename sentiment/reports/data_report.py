"""Report the content of the splits and the rows removed on the way: Markdown, HTML, JSON and plots."""

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sentiment.data.checks import Labelled
from sentiment.data.combining import REASONS, Extra
from sentiment.data.keys import has_unknown_group
from sentiment.data.leakage import Leakage
from sentiment.data.splits import Splits
from sentiment.inference.text import PROSE, WORD
from sentiment.reports.canvas import COLOURS, blank
from sentiment.reports.pages import page
from sentiment.reports.templates import render

CLASSES = {"negative": (1, COLOURS[1]), "positive": (0, COLOURS[0])}
WORDS_PER_CLASS = 15
MAX_TEXTS_FOR_WORDS = 100_000
MIN_TEXTS_WITH_WORD = 5
# Weight of the prior (both classes together), in words: it keeps rare words from the top.
PRIOR_WORDS = 500.0

Frames = Mapping[str, pd.DataFrame]


def write(
    folder: Path, *, name: str, splits: Splits, leakage: Leakage, definitions: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write `report.md`, `report.html` (one file with its plots), `report.json`, `leakage.json` and plots to a folder.

    Args:
        folder: the folder; created if missing.
        name: the name of the data set.
        splits: the splits, and the number of rows removed or added on the way.
        leakage: the overlap of the splits.
        definitions: what other definitions of the label would change, a row each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = {**gather(splits), "definitions": pd.DataFrame(definitions)}
    figures = {
        "class_balance": plot_balance(splits.frames, name),
        "text_length": plot_lengths(splits.frames, name),
        "frequent_words": plot_words(content["frequent_words"], name),
    }
    save(figures, folder)
    write_json(folder / "leakage.json", asdict(leakage))
    write_json(folder / "report.json", {"data": name, **content, "leakage": asdict(leakage)})
    text = markdown(name, content, leakage)
    (folder / "report.md").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(page(text, folder), encoding="utf-8")


def gather(splits: Splits) -> dict[str, Any]:
    """Return the content of the report: tables, and numbers by name."""
    return {
        "splits": splits_table({**splits.frames, **splits.targets}),
        "sources": sources_table(splits.frames["train"]),
        "labels": splits.labelled.labels,
        "rows": count_rows(splits),
        "damage": damage_table(splits.labelled),
        "extras": {name: gather_extra(extra) for name, extra in splits.extras.items()},
        "lengths": lengths_table(splits.frames),
        "frequent_words": characteristic_words(splits.frames["train"]),
    }


def gather_extra(extra: Extra) -> dict[str, Any]:
    """Return the content of the report on another table."""
    left_out = {reason: extra.left_out[reason] for reason in REASONS}
    rows = {"read": extra.rows_read, **left_out, "held_out": extra.rows_held_out, "added": len(extra.rows)}
    return {
        "rows": {**rows, "without_group": extra.labelled.without_group},
        "labels": extra.labelled.labels,
        "damage": damage_table(extra.labelled),
    }


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write the content of a report as JSON, each table as a list of rows."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=lambda table: table.to_dict("records"))
    file.write_text(text + "\n", encoding="utf-8")


def markdown(source: str, content: Mapping[str, Any], leakage: Leakage) -> str:
    """Return the report as Markdown; its plots are files in the same folder."""
    return render(
        "data_report",
        source=source,
        **content,
        shared=pd.DataFrame([{"between": pair, **counts} for pair, counts in leakage.shared.items()]),
        unknown=sum(leakage.unknown.values()),
        unknown_by_split=leakage.unknown,
        near_duplicates=leakage.near_duplicates,
        words_from=MAX_TEXTS_FOR_WORDS,
        rows_with_word=MIN_TEXTS_WITH_WORD,
    )


def splits_table(frames: Frames) -> pd.DataFrame:
    """Return rows, classes and groups by split and target."""
    total = sum(map(len, frames.values()))
    return pd.DataFrame(
        {
            "split": name,
            "rows": len(frame),
            "share": len(frame) / total,
            "negative": int(frame["negative"].sum()),
            "negative share": float(frame["negative"].mean()),
            "groups": frame["group"][~has_unknown_group(frame)].nunique(),
            "of unknown group": int(has_unknown_group(frame).sum()),
        }
        for name, frame in frames.items()
    )


def sources_table(train: pd.DataFrame) -> pd.DataFrame:
    """Return rows and classes of train by source; empty if there is only one."""
    if "source" not in train:
        return pd.DataFrame()
    table = train.groupby("source")["negative"].agg(rows="size", negative="sum", share="mean").reset_index()
    return table.rename(columns={"share": "negative share"})


def count_rows(splits: Splits) -> dict[str, int]:
    """Return the number of rows of the raw table at each stage, and of those added to train from elsewhere."""
    labelled, unique = splits.labelled, splits.deduplicated
    in_splits = sum(map(len, splits.frames.values()))
    added = sum(len(extra.rows) for extra in splits.extras.values())
    return {
        "read": len(labelled.frame) + labelled.ignored + labelled.empty,
        "empty": labelled.empty,
        "ignored": labelled.ignored,
        "duplicates": unique.duplicates,
        "contradictions": unique.contradictions,
        "not_drawn": len(unique.frame) - (in_splits - added + splits.dropped - splits.rest),
        "rest": splits.rest,
        **({"dropped": splits.dropped, "extra": added} if splits.extras else {}),
        "in_splits": in_splits,
        "without_group": labelled.without_group,
    }


def damage_table(labelled: Labelled) -> pd.DataFrame:
    """Return the number of rows with each kind of encoding damage."""
    return pd.DataFrame(labelled.damaged.items(), columns=["kind", "rows"])


def lengths_table(frames: Frames) -> pd.DataFrame:
    """Return quantiles of the length of texts, in characters, by class."""
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
    """Return the most characteristic words, `WORDS_PER_CLASS` for each class, most negative first.

    Columns: `word`, `negative` and `positive` (share of the texts of the class that contain it) and `score`: the
    log-odds ratio with an informative Dirichlet prior, in standard deviations.

    Source: Monroe, Colaresi and Quinn, 2008, Fightin' Words, equations 15, 19, 20 and 22.
    """
    frame = frame.sample(min(len(frame), MAX_TEXTS_FOR_WORDS), random_state=0)
    counts = pd.DataFrame(
        {name: count_words(frame["text"][frame["negative"] == value]) for name, (value, _) in CLASSES.items()}
    )
    counts = counts.reindex(columns=list(CLASSES)).fillna(0.0).sort_index()
    prior = PRIOR_WORDS * counts.sum(axis="columns") / max(counts.to_numpy().sum(), 1.0)
    smooth = counts.add(prior, axis="index")
    odds = smooth / (counts.sum() + PRIOR_WORDS - smooth)
    score = np.log(odds["negative"] / odds["positive"]) / np.sqrt((1 / smooth).sum(axis="columns"))
    sizes = [max((frame["negative"] == value).sum(), 1) for value, _ in CLASSES.values()]
    common = counts.sum(axis="columns") >= MIN_TEXTS_WITH_WORD
    words = counts.div(sizes, axis="columns").assign(score=score)[common]
    words = words.sort_values("score", ascending=False, kind="stable").rename_axis("word").reset_index()
    return pd.concat([words[words["score"] > 0].head(WORDS_PER_CLASS), words[words["score"] < 0].tail(WORDS_PER_CLASS)])


def count_words(texts: Iterable[str]) -> pd.Series:
    """Return the number of texts that contain each word, ignoring case."""
    counts = Counter(word for text in texts for word in set(WORD.findall(PROSE(text).lower())))
    return pd.Series(counts, dtype=float)


def plot_balance(frames: Frames, source: str) -> Figure:
    """Plot the shares of the classes in each split, with the numbers of rows."""
    figure, axes = blank(f"Class balance by split, {source}", width=7.2, height=2.8)
    left = np.zeros(len(frames))
    for (label, (value, colour)), position, side in zip(CLASSES.items(), (1, 99), ("left", "right"), strict=True):
        rows = [int((frame["negative"] == value).sum()) for frame in frames.values()]
        shares = np.array([100 * count / len(frame) for count, frame in zip(rows, frames.values(), strict=True)])
        axes.barh(list(frames), shares, left=left, color=colour, label=label, height=0.65)
        for row, (count, share) in enumerate(zip(rows, shares, strict=True)):
            axes.text(position, row, f"{count:,} ({share:.1f} %)", ha=side, va="center", color="white", fontsize=9)
        left += shares
    axes.invert_yaxis()
    axes.set(xlabel="share of the rows, %", xlim=(0, 100))
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def plot_lengths(frames: Frames, source: str) -> Figure:
    """Plot the length of the texts of each class, in characters, without the longest 0.5 %."""
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
    """Plot the most characteristic words of both classes, the most negative at the top."""
    figure, axes = blank(f"Characteristic words, {source}", width=7.2, height=1.6 + 0.21 * len(words))
    positions = np.arange(len(words))
    for name, of_class in {"negative": words["score"] > 0, "positive": words["score"] < 0}.items():
        mask = of_class.to_numpy()
        axes.barh(positions[mask], words["score"][mask], color=CLASSES[name][1], label=f"more in {name} texts")
    axes.set_yticks(positions, words["word"].tolist(), fontsize=9)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.set_xlabel("log-odds ratio, standard deviations")
    axes.legend(loc="lower right", frameon=False)
    return figure


def save(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write figures as PNG files."""
    with warnings.catch_warnings():
        # Words in a script that the font lacks are drawn as boxes; the table shows them correctly.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.png")
