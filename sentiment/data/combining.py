"""Combine the splits with other labelled tables: hold out parts of these, and add the rest to train, without leaks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from sentiment.data import splitting
from sentiment.data.checks import Labelled
from sentiment.data.errors import DataError
from sentiment.data.keys import keys_of, text_key
from sentiment.data.sources import Source
from sentiment.data.splitting import Frames

# Why a row of another table is neither held out nor added to train.
REASONS = (
    "text_empty",
    "label_ignored",
    "duplicates",
    "contradictions",
    "not_drawn",
    "text_in_splits",
    "group_held_out",
)
# With fewer rows of a class, the metrics of a target are not worth reading.
MIN_OF_CLASS = 10


@dataclass(kw_only=True)
class Extra:
    """What becomes of a table beside the main data.

    Attributes:
        labelled: the result of checking the table.
        rows: the rows to add to train: columns `text`, `negative`, `group` and `key`, the result of `text_key`; with
            soft labels, also `target`.
        held_out: the rows held out as a target, with the same columns; None without any.
        left_out: the number of all other rows by reason, one reason per row.
    """

    labelled: Labelled
    rows: pd.DataFrame
    held_out: pd.DataFrame | None = None
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def rows_read(self) -> int:
        """Return the number of rows of the table, whatever their label."""
        return len(self.rows) + self.rows_held_out + self.left_out.total()

    @property
    def rows_held_out(self) -> int:
        """Return the number of rows held out as a target."""
        return 0 if self.held_out is None else len(self.held_out)

    def drop(self, rows: pd.Series, reason: str) -> None:
        """Drop rows for a reason."""
        self.left_out[reason] += int(rows.sum())
        self.rows = self.rows[~rows]


@dataclass(frozen=True, kw_only=True)
class Combined:
    """The splits with other tables.

    Attributes:
        frames: the splits; train has a column `source` if its rows are of several sources.
        extras: what became of each table, by name.
        dropped: the number of rows of the main data that are not in train because their text or group is held out.
    """

    frames: Frames
    extras: dict[str, Extra]
    dropped: int

    @property
    def targets(self) -> Frames:
        """Return the held-out parts of other tables by name: columns `text`, `negative` and `group`."""
        columns = ["text", "negative", "group"]
        return {
            name: extra.held_out[columns].reset_index(drop=True)
            for name, extra in self.extras.items()
            if extra.held_out is not None
        }


def combine(
    frames: Frames,
    tables: Sequence[tuple[Source, Labelled]],
    *,
    name: str,
    data: pd.DataFrame,
    targets: Mapping[str, float],
    seed: int,
) -> Combined:
    """Hold out parts of tables, and add their other rows to train.

    Validation and test do not change. No text and no known group of train is in validation, test or a held-out part: if
    it is, its rows are dropped from train, even those of the main data. A text that several tables contain belongs to
    the groups of all of them, so that a table without groups leaks no author. Where tables repeat or contradict each
    other, the first one counts.

    Args:
        frames: the splits of the main data.
        tables: the other tables, checked.
        name: the name of the main data.
        data: all rows that the splits were made of, including duplicates and rows outside the sample.
        targets: the share of the groups of a table to hold out, by the table's name.
        seed: the seed of samples, and of the choice of what is held out.

    Raises:
        DataError: a table has fewer rows than its sample, or a target too few rows of a class.
    """
    known = with_keys(pd.concat([data, *(labelled.frame for _, labelled in tables)]))
    held_out = with_keys(pd.concat([frames["validation"], frames["test"]]))
    extras = {source.name: draw(source, labelled, seed=seed) for source, labelled in tables}
    for source_name, extra in extras.items():  # all of them before any row goes to train
        drop_leaks(extra, held_out, known)
        if source_name in targets:
            hold_out(extra, source_name, share=targets[source_name], seed=seed)
            held_out = pd.concat([held_out, extra.held_out])
    own = with_keys(frames["train"])
    train = [own[~in_texts(own, held_out) & ~in_groups(own, held_out, known)]]
    earlier = with_keys(data)
    for extra in extras.values():
        drop_leaks(extra, held_out, known)
        extra.drop(in_texts(extra.rows, pd.concat(train)), "text_in_splits")
        extra.drop(contradicts(extra.rows, earlier), "contradictions")
        train.append(extra.rows)
        earlier = pd.concat([earlier, with_keys(extra.labelled.frame)])
    sources = [rows.assign(source=source) for source, rows in zip([name, *extras], train, strict=True) if len(rows)]
    combined = frames | {"train": train[0].drop(columns="key")}
    if len(sources) > 1:
        combined["train"] = sources[0].drop(columns="key")
        combined = splitting.add_to_train(combined, pd.concat(sources[1:]).drop(columns="key"))
    return Combined(frames=combined, extras=extras, dropped=len(own) - len(train[0]))


def draw(source: Source, labelled: Labelled, *, seed: int) -> Extra:
    """Deduplicate a table, and draw its sample.

    Raises:
        DataError: the table has fewer rows than its sample.
    """
    unique = splitting.deduplicate(labelled.frame)
    drawn, size = unique.frame, source.settings["sample_size"]
    if size is not None:
        drawn = splitting.sample(drawn, size=size, seed=seed, section=source.section)
    left_out = {
        "text_empty": labelled.empty,
        "label_ignored": labelled.ignored,
        "duplicates": unique.duplicates,
        "contradictions": unique.contradictions,
        "not_drawn": len(unique.frame) - len(drawn),
    }
    return Extra(labelled=labelled, rows=with_keys(drawn), left_out=Counter(left_out))


def hold_out(extra: Extra, name: str, *, share: float, seed: int) -> None:
    """Hold out a share of the groups of a table; a share of 1 holds out all rows.

    Raises:
        DataError: the held-out part has fewer than `MIN_OF_CLASS` rows of a class.
    """
    held = pd.Series(True, index=extra.rows.index)
    if share < 1:
        held = splitting.assign(extra.rows, {name: share}, seed=seed) == name
    extra.held_out, extra.rows = extra.rows[held], extra.rows[~held]
    negative = int(extra.held_out["negative"].sum())
    if min(negative, len(extra.held_out) - negative) < MIN_OF_CLASS:
        raise DataError(
            f"split.targets.{name}={share:g} holds out {len(extra.held_out):,} rows, {negative:,} of them negative: at "
            f"least {MIN_OF_CLASS} of each class are required. Use a larger share or more rows, or remove the target."
        )


def drop_leaks(extra: Extra, held_out: pd.DataFrame, known: pd.DataFrame) -> None:
    """Drop the rows of a table whose text or group is held out."""
    extra.drop(in_texts(extra.rows, held_out), "text_in_splits")
    extra.drop(in_groups(extra.rows, held_out, known), "group_held_out")


def with_keys(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows, numbered anew, with the key of each text."""
    frame = frame.reset_index(drop=True)
    return frame.assign(key=keys_of(frame["text"], "look up", text_key))


def in_texts(rows: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Return which rows have a text of other rows."""
    return rows["key"].isin(others["key"])


def in_groups(rows: pd.DataFrame, others: pd.DataFrame, known: pd.DataFrame) -> pd.Series:
    """Return which rows have a group of other rows, or a text that belongs to such a group in the `known` rows."""
    groups = set(others["group"])
    return rows["group"].isin(groups) | rows["key"].isin(known["key"][known["group"].isin(groups)])


def contradicts(rows: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Return which rows have a text that has the other label in other rows."""
    negative = rows["negative"] == 1
    keys = {label: others["key"][others["negative"] == label] for label in (0, 1)}
    return (rows["key"].isin(keys[0]) & negative) | (rows["key"].isin(keys[1]) & ~negative)
