"""`sentiment.splitting`: what holds for any table, and the cases that are easily got wrong."""

import html
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment import splitting
from sentiment.checks import DataError
from sentiment.splitting import LeakageError, deduplicate, digest, leakage, require_no_leakage, sample, split, text_key

WORDS = st.sampled_from(
    ["late", "LATE", "late ", "a &amp; b", "a & b", "A &AMP; B", "caf\u00c9", "caf&eacute;", "no", "on\u00a0time"]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
ROWS = st.tuples(TEXTS, st.integers(0, 1), st.sampled_from(["", "ana", "bo", "cy", "di"]))


def frame_of(rows: list[tuple[str, int, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["text", "negative", "group"]).astype({"negative": np.int8})


def many(rows: int, *, groups: int | None = None, negative: float = 0.3, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "text": [f"tweet {number}" for number in range(rows)],
            "negative": (random.random(rows) < negative).astype(np.int8),
            "group": [f"user {user}" for user in random.integers(0, groups, rows)] if groups else "",
        }
    )


@pytest.mark.parametrize(
    "other",
    ["tom & jerry", "Tom &amp; JERRY", " tom  &amp;amp;\n&nbsp;jerry ", "TOM &#38; jerry", "tom &AMP; jerry\u3000"],
)
def test_key_ignores_case_spaces_and_entities(other: str) -> None:
    assert text_key(other) == "tom & jerry"


def test_key_tells_other_texts_apart() -> None:
    assert len({text_key(text) for text in ["tom & jerry", "tom and jerry", "tom&jerry", "tom & jerry!"]}) == 4


@settings(deadline=None)
@given(st.text(max_size=30))
def test_key_is_its_own_key(text: str) -> None:
    assert text_key(text_key(text)) == text_key(text)
    assert text_key(html.escape(text)) == text_key(text)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, max_size=40))
def test_each_text_is_kept_once_or_disputed(rows: list[tuple[str, int, str]]) -> None:
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


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_the_file_does_not_matter(rows: list[tuple[str, int, str]], random: Random) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)
    pd.testing.assert_frame_equal(deduplicate(frame_of(rows)).frame, deduplicate(frame_of(shuffled)).frame)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROWS, min_size=30, max_size=80), st.integers(0, 3))
def test_nothing_is_on_two_sides_for_any_table(rows: list[tuple[str, int, str]], seed: int) -> None:
    unique = deduplicate(frame_of(rows)).frame
    try:
        frames = split(unique, validation=0.2, test=0.2, seed=seed)
    except DataError as error:
        assert "Too few rows" in str(error)
        return
    assert not any(count for counts in leakage(frames).values() for count in counts.values())
    assert sorted(text for frame in frames.values() for text in frame["text"]) == sorted(unique["text"])


@pytest.mark.parametrize("groups", [None, 6_000])
@pytest.mark.parametrize("negative", [0.5, 0.05])
def test_shares_and_classes_come_out(groups: int | None, negative: float) -> None:
    rows = deduplicate(many(20_000, groups=groups, negative=negative)).frame
    frames = split(rows, validation=0.15, test=0.15, seed=42)
    for name, share in {"train": 0.7, "validation": 0.15, "test": 0.15}.items():
        assert len(frames[name]) / len(rows) == pytest.approx(share, abs=0.005)
        assert frames[name]["negative"].mean() == pytest.approx(rows["negative"].mean(), abs=0.01)


def test_split_depends_on_the_seed_and_on_nothing_else() -> None:
    rows = many(500, groups=200)
    frames, again, other = (digest(split(rows, validation=0.2, test=0.1, seed=seed)) for seed in (1, 1, 2))
    assert frames == again != other
    shuffled = rows.sample(frac=1, random_state=3)
    assert digest(split(shuffled, validation=0.2, test=0.1, seed=1)) == frames


def test_a_group_too_large_for_a_small_split_goes_to_train() -> None:
    rows = many(1_000, groups=300)
    rows.loc[rows.index[:400], "group"] = "newspaper"
    for seed in range(5):
        frames = split(rows, validation=0.15, test=0.15, seed=seed)
        assert "newspaper" in set(frames["train"]["group"])
        assert len(frames["test"]) == pytest.approx(150, abs=20)


@pytest.mark.parametrize("rows", [many(4), many(30, groups=2), many(300, negative=0.005)])
def test_too_few_rows_are_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"Too few rows to split: \w+ lacks a class. There are \d+ rows, of which \d+"):
        split(
            rows.assign(group=rows["group"].where(rows["group"] != "", rows["text"])),
            validation=0.15,
            test=0.15,
            seed=1,
        )


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.3)])
def test_shares_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(DataError, match="must be above 0, together below 1"):
        split(many(100), validation=validation, test=test, seed=1)


@pytest.mark.parametrize("size", [1, 333, 1_000])
def test_sample_has_exactly_the_size_and_the_classes(size: int) -> None:
    rows = many(1_000)
    drawn = sample(rows, size=size, seed=1)
    assert len(drawn) == drawn["text"].nunique() == size
    assert drawn["negative"].sum() == round(size * rows["negative"].mean())
    assert sample(rows, size=size, seed=1).equals(drawn)


def test_samples_differ_by_seed() -> None:
    assert not sample(many(1_000), size=100, seed=1).equals(sample(many(1_000), size=100, seed=2))


@pytest.mark.parametrize("size", [0, -1, 101])
def test_a_sample_that_cannot_be_drawn_is_refused(size: int) -> None:
    with pytest.raises(DataError, match=rf"data.sample_size={size}: after deduplication 100 rows"):
        sample(many(100), size=size, seed=1)


def test_leakage_is_counted_and_refused() -> None:
    frames = {
        "train": frame_of([("late", 1, "ana"), ("fine", 0, "bo")]),
        "validation": frame_of([("LATE ", 1, "cy")]),
        "test": frame_of([("other", 1, "ana"), ("more", 0, "bo")]),
    }
    counts = leakage(frames)
    assert counts == {
        "train and validation": {"texts": 1, "groups": 0},
        "train and test": {"texts": 0, "groups": 2},
        "validation and test": {"texts": 0, "groups": 0},
    }
    with pytest.raises(LeakageError, match="1 texts in both train and validation; 2 groups in both train and test"):
        require_no_leakage(counts)
    require_no_leakage({"train and test": {"texts": 0, "groups": 0}})


def test_digest_is_of_the_content() -> None:
    frames = split(deduplicate(many(200)).frame, validation=0.2, test=0.2, seed=1)
    backwards = {name: frames[name][::-1] for name in reversed(splitting.SPLITS)}
    swapped = {**frames, "test": frames["validation"], "validation": frames["test"]}
    flipped = {**frames, "test": frames["test"].assign(negative=1 - frames["test"]["negative"])}
    assert digest(backwards) == digest(frames)
    assert len({digest(frames), digest(swapped), digest(flipped)}) == 3
    assert len(digest(frames)) == 64


def test_hashes_are_the_same_everywhere() -> None:
    assert splitting.hash_of(pd.Series(["late", ""])).tolist() == [13945258056716969149, 1760245841805064774]
