"""`sentiment.data.splitting`: properties of any table, and edge cases."""

from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data import leakage
from sentiment.data.errors import DataError
from sentiment.data.folders import SPLITS
from sentiment.data.keys import digest, hash_of, spelling, text_key
from sentiment.data.splitting import add_to_train, deduplicate, rest, sample, split

WORDS = st.sampled_from(
    [
        *("late", "LATE", "late ", "la\u200bte", "a &amp; b", "a & b", "A &AMP; B", "no", "on\u00a0time"),
        *("caf\u00c9", "caf&eacute;", "cafe\u0301", "don't", "don\u2019t", "DON`T", "\u2639\ufe0f", "\u2639"),
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
ROWS = st.tuples(TEXTS, st.integers(0, 1), st.sampled_from(["", "ana", "bo", "cy", "di"]))


def frame_of(rows: list[tuple[str, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["text", "negative", "group"]).astype({"negative": np.int8})


def random_rows(rows: int, *, groups: int | None = None, negative: float = 0.3, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "text": [f"tweet {number}" for number in range(rows)],
            "negative": (random.random(rows) < negative).astype(np.int8),
            "group": [f"user {user}" for user in random.integers(0, groups, rows)] if groups else "",
        }
    )


def messy_rows(rows: int, *, seed: int) -> pd.DataFrame:
    """Return rows as messy as real ones: duplicates that differ in case, wrong labels, authors of several texts."""
    random = np.random.default_rng(seed)
    texts = random.integers(0, 120, rows)
    forms = random.choice(["tweet {}", "TWEET {}"], rows)
    groups = random.choice(["", *(f"user {number}" for number in range(40))], rows)
    return pd.DataFrame(
        {
            "text": [form.format(text) for form, text in zip(forms, texts, strict=True)],
            "negative": ((texts % 2 == 1) ^ (random.random(rows) < 0.1)).astype(np.int8),
            "group": groups.astype(object),
        }
    )


@settings(max_examples=40)
@given(st.lists(ROWS, max_size=40))
def test_each_text_is_kept_once_or_dropped_as_a_contradiction(rows: list[tuple[str, int, str]]) -> None:
    unique = deduplicate(frame_of(rows))
    labels: dict[str, set[int]] = {}
    for text, negative, _ in rows:
        labels.setdefault(text_key(text), set()).add(negative)
    kept = dict(zip(unique.frame["text"].map(text_key), unique.frame["negative"], strict=True))
    assert len(kept) == len(unique.frame)
    assert kept == {key: min(values) for key, values in labels.items() if len(values) == 1}
    assert unique.contradictions == sum(len(labels[text_key(text)]) == 2 for text, _, _ in rows)
    assert len(unique.frame) + unique.duplicates + unique.contradictions == len(rows)
    assert (unique.frame["group"] != "").all()


@settings(max_examples=40)
@given(st.lists(ROWS, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[str, int, str]], random: Random) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    pd.testing.assert_frame_equal(deduplicate(frame_of(rows)).frame, deduplicate(frame_of(shuffled)).frame)


def test_lookalike_texts_are_duplicates_and_do_not_move_other_rows() -> None:
    variants = ["don't be late", "don\u2019t be late", "don`t be late", "don't be la\u200bte"]
    rows = frame_of([*((text, 1, "") for text in variants), *((f"tweet {row}", 0, "") for row in range(50))])
    unique = deduplicate(rows)
    assert unique.duplicates == 3
    one_kept = pd.concat([rows[rows["text"].isin(unique.frame["text"])], rows[4:]]).drop_duplicates()
    pd.testing.assert_frame_equal(deduplicate(one_kept).frame, unique.frame)
    order = hash_of(unique.frame["text"].map(spelling))
    assert order.tolist() == sorted(order)


@settings(max_examples=40)
@given(st.lists(ROWS, min_size=30, max_size=80), st.integers(0, 3))
def test_no_table_leaks_between_splits(rows: list[tuple[str, int, str]], seed: int) -> None:
    unique = deduplicate(frame_of(rows)).frame
    try:
        frames = split(unique, validation=0.2, test=0.2, seed=seed)
    except DataError as error:
        assert "Too few rows" in str(error)
        return
    leakage.require_none(leakage.measure(frames))
    assert sorted(text for frame in frames.values() for text in frame["text"]) == sorted(unique["text"])


@pytest.mark.parametrize("groups", [None, 6_000])
@pytest.mark.parametrize("negative", [0.5, 0.05])
def test_splits_have_the_requested_sizes_and_class_balance(groups: int | None, negative: float) -> None:
    rows = deduplicate(random_rows(20_000, groups=groups, negative=negative)).frame
    frames = split(rows, validation=0.15, test=0.15, seed=42)
    for name, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        assert len(frames[name]) / len(rows) == pytest.approx(share, abs=0.005)
        assert frames[name]["negative"].mean() == pytest.approx(rows["negative"].mean(), abs=0.01)


def test_a_split_depends_only_on_the_seed() -> None:
    rows = random_rows(500, groups=200)
    frames, again, another_seed = (digest(split(rows, validation=0.2, test=0.1, seed=seed)) for seed in (1, 1, 2))
    assert frames == again != another_seed
    shuffled = rows.sample(frac=1, random_state=3)
    assert digest(split(shuffled, validation=0.2, test=0.1, seed=1)) == frames


def test_a_group_too_large_for_a_small_split_goes_to_train() -> None:
    rows = random_rows(1_000, groups=300)
    rows.loc[rows.index[:400], "group"] = "newspaper"
    for seed in range(5):
        frames = split(rows, validation=0.15, test=0.15, seed=seed)
        assert "newspaper" in set(frames["train"]["group"])
        assert len(frames["test"]) == pytest.approx(150, abs=20)


@pytest.mark.parametrize("rows", [random_rows(4), random_rows(30, groups=2), random_rows(300, negative=0.005)])
def test_too_few_rows_are_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(
        DataError, match=r"Too few rows to split: \w+ lacks a class. There are \d+ rows, \d+ of them negative"
    ):
        split(
            rows.assign(group=rows["group"].where(rows["group"] != "", rows["text"])),
            validation=0.15,
            test=0.15,
            seed=1,
        )


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.3)])
def test_shares_that_leave_an_empty_split_are_refused(validation: float, test: float) -> None:
    with pytest.raises(DataError, match="must each be above 0, and their sum below 1"):
        split(random_rows(100), validation=validation, test=test, seed=1)


@pytest.mark.parametrize("size", [1, 333, 1_000])
def test_a_sample_has_the_exact_size_and_class_balance(size: int) -> None:
    rows = random_rows(1_000)
    drawn = sample(rows, size=size, seed=1, section="data")
    assert len(drawn) == drawn["text"].nunique() == size
    assert drawn["negative"].sum() == round(size * rows["negative"].mean())
    assert sample(rows, size=size, seed=1, section="data").equals(drawn)


def test_samples_differ_by_seed() -> None:
    assert not sample(random_rows(1_000), size=100, seed=1, section="data").equals(
        sample(random_rows(1_000), size=100, seed=2, section="data")
    )


@pytest.mark.parametrize("size", [0, -1, 101])
def test_a_sample_that_cannot_be_drawn_is_refused(size: int) -> None:
    with pytest.raises(DataError, match=rf"data.sample_size={size}: must be from 1 to 100"):
        sample(random_rows(100), size=size, seed=1, section="data")


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_the_rest_goes_to_train_unless_its_group_is_held_out(seed: int) -> None:
    unique = deduplicate(messy_rows(150, seed=seed)).frame
    drawn = sample(unique, size=len(unique) // 2, seed=seed, section="data")
    frames = split(drawn, validation=0.2, test=0.2, seed=seed)
    remaining = rest(unique, frames)
    assert set(remaining["text"]).isdisjoint(drawn["text"])
    held_out = {*frames["validation"]["group"], *frames["test"]["group"]}
    not_added = unique[~unique["text"].isin([*drawn["text"], *remaining["text"]])]
    assert set(not_added["group"]) <= held_out
    enlarged = add_to_train(frames, remaining)
    assert len(enlarged["train"]) == len(frames["train"]) + len(remaining)
    leakage.require_none(leakage.measure(enlarged))


def test_adding_training_rows_does_not_change_validation_or_test() -> None:
    rows = deduplicate(random_rows(2_000, groups=1_500)).frame
    frames = split(sample(rows, size=500, seed=1, section="data"), validation=0.2, test=0.2, seed=1)
    enlarged = add_to_train(frames, rest(rows, frames))
    assert len(enlarged["train"]) > 1_000
    for name in ("validation", "test"):
        pd.testing.assert_frame_equal(enlarged[name], frames[name])
        assert digest({name: enlarged[name]}) == digest({name: frames[name]})
    assert digest({"train": enlarged["train"]}) != digest({"train": frames["train"]})


def test_train_keeps_the_order_of_deduplication_when_rows_are_added() -> None:
    rows = deduplicate(random_rows(500, groups=400)).frame
    frames = split(rows, validation=0.2, test=0.2, seed=1)
    pd.testing.assert_frame_equal(add_to_train(frames, rows[:0])["train"], frames["train"])
    parts = {**frames, "train": frames["train"][1::2]}
    pd.testing.assert_frame_equal(add_to_train(parts, frames["train"][::2])["train"], frames["train"])


def test_the_digest_depends_only_on_the_content() -> None:
    frames = split(deduplicate(random_rows(200)).frame, validation=0.2, test=0.2, seed=1)
    backwards = {name: frames[name][::-1] for name in reversed(SPLITS)}
    swapped = {**frames, "test": frames["validation"], "validation": frames["test"]}
    flipped = {**frames, "test": frames["test"].assign(negative=1 - frames["test"]["negative"])}
    assert digest(backwards) == digest(frames)
    assert len({digest(frames), digest(swapped), digest(flipped)}) == 3
    assert len(digest(frames)) == 64
