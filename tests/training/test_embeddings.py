"""`sentiment.training.embeddings`: every option of conf/embed."""

import inspect
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hydra import compose, initialize
from hydra.utils import get_method, instantiate

from sentiment.training.embedding import Corpus, Embedding, EmbeddingError, SentenceEmbedding, WordEmbedding
from tests.corpora import TOKENIZER
from tests.sentence_encoder import Length, save_encoder

OPTIONS = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "embed").glob("*.yaml"))
TWEETS = [
    ["late", "again", "and", "rude", "crew"],
    ["delayed", "again", "and", "rude", "staff"],
    ["lovely", "crew", "thank", "you"],
    ["lovely", "staff", "thank", "you"],
]
CORPUS = Corpus(tokens=TWEETS * 30, texts=["late again", "thank you"], tokenizer=TOKENIZER)
SETTINGS = ["embed.vector_size=8", "embed.epochs=2", "embed.min_count=2"]


def fit(option: str, *overrides: str, corpus: Corpus = CORPUS) -> Embedding:
    with initialize(version_base="1.3", config_path="../../conf"):
        cfg = compose("config", overrides=[f"embed={option}", *overrides])
    embedding: Embedding = instantiate(cfg.embed, _partial_=True, _convert_="all")(corpus=corpus)
    return embedding


def words_of(option: str, *overrides: str, corpus: Corpus = CORPUS) -> WordEmbedding:
    embedding = fit(option, *overrides, corpus=corpus)
    assert isinstance(embedding, WordEmbedding)
    return embedding


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_matches_the_signature_of_its_fit(option: str) -> None:
    with initialize(version_base="1.3", config_path="../../conf"):
        settings: dict[str, Any] = dict(compose("config", overrides=[f"embed={option}"]).embed)
    signature = inspect.signature(get_method(settings.pop("_target_")))
    signature.bind(corpus=CORPUS, **settings)
    assert all(parameter.default is parameter.empty for parameter in signature.parameters.values())
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in signature.parameters.values())


@pytest.mark.parametrize("option", ["word2vec", "fasttext"])
def test_trained_vectors_are_the_same_for_the_same_seed(option: str) -> None:
    first, repeated, other = (words_of(option, *SETTINGS, f"seed={seed}") for seed in (1, 1, 2))
    assert set(first.words) == {word for tweet in TWEETS for word in tweet}
    assert first.vectors is not None
    assert first.vectors.shape == (len(first.words), 8)
    assert first.vectors.dtype == np.float32
    assert first.words == repeated.words
    assert np.array_equal(first.vectors, repeated.vectors)
    assert not np.array_equal(first.vectors, other.vectors)


@pytest.mark.parametrize("option", ["word2vec", "fasttext"])
def test_extra_texts_add_words_but_not_those_of_held_out_texts(option: str, tmp_path: Path) -> None:
    (tmp_path / "extra.txt").write_text("Diverted to Reykjavik\nTHANK  you\n" * 3, encoding="utf-8")
    words = words_of(option, *SETTINGS, f"embed.extra_texts={tmp_path / 'extra.txt'}").words
    assert {"diverted", "reykjavik"} < set(words)
    corpus = Corpus(tokens=CORPUS.tokens, texts=["diverted to reykjavik"], tokenizer=TOKENIZER)
    words = words_of(option, *SETTINGS, f"embed.extra_texts={tmp_path / 'extra.txt'}", corpus=corpus).words
    assert "reykjavik" not in words


@pytest.mark.parametrize("option", ["word2vec", "fasttext", "learned"])
def test_too_small_a_corpus_is_refused(option: str) -> None:
    with pytest.raises(EmbeddingError, match=r"embed\.min_count"):
        fit(option, "embed.min_count=500")


def test_a_learned_embedding_has_no_vectors_yet() -> None:
    learned = words_of("learned", "embed.vector_size=8", "embed.min_count=60")
    assert set(learned.words) == {"again", "and", "crew", "lovely", "rude", "staff", "thank", "you"}
    assert learned.vectors is None
    assert learned.vector_size == 8


LINES = ["late 0.1 0.2 0.3", "a\u0085b 1 1 1", "\u00a0 2 2 2", "<user> 3 3 3", " 4 4 4", "crew -1e-3 5 6.5"]
GLOVE = ["embed.vector_size=3"]
GLOVE_CORPUS = Corpus(tokens=[["@user", "crew", "late", "unheard-of"], ["crew"]], texts=[], tokenizer=TOKENIZER)


def write(path: Path, lines: list[str], end: str = "\n") -> str:
    path.write_bytes("".join(line + end for line in lines).encode())
    return f"embed.path={path}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_glove_keeps_the_words_of_the_training_split(tmp_path: Path, end: str) -> None:
    glove = words_of("glove", *GLOVE, write(tmp_path / "glove.txt", LINES, end), corpus=GLOVE_CORPUS)
    assert glove.words == ["crew", "@user", "late"]
    assert glove.vectors is not None
    assert np.allclose(glove.vectors, [[-0.001, 5, 6.5], [3, 3, 3], [0.1, 0.2, 0.3]])


def test_glove_is_read_from_the_published_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "glove.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("glove.twitter.27B.3d.txt", "\n".join(LINES))
        archive.writestr("glove.twitter.27B.50d.txt", "x 1\n")
    override = f"embed.path={tmp_path / 'glove.zip'}"
    assert words_of("glove", *GLOVE, override, corpus=GLOVE_CORPUS).words == ["crew", "@user", "late"]
    with pytest.raises(
        EmbeddingError, match=r"lacks glove\.twitter\.27B\.200d\.txt \(embed\.member\)\. It contains: glove"
    ):
        fit("glove", override, "embed.vector_size=200")


@pytest.mark.parametrize(
    ("compression", "damage", "reason"),
    [
        (
            zipfile.ZIP_STORED,
            lambda content: content.replace(b"late 0.1 0.2 0.3", b"late 0.1 0.2 0.4", 1),
            "Bad CRC-32",
        ),
        (
            zipfile.ZIP_DEFLATED,
            lambda content: content[:80] + bytes(40) + content[120:],
            "Error -3 while decompressing",
        ),
        (zipfile.ZIP_DEFLATED, lambda content: content[: len(content) // 2], "File is not a zip file"),
    ],
    ids=["changed", "overwritten", "truncated"],
)
def test_a_truncated_or_corrupt_archive_is_refused(
    tmp_path: Path, compression: int, damage: Callable[[bytes], bytes], reason: str
) -> None:
    file = tmp_path / "glove.zip"
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(
            "glove.twitter.27B.3d.txt", "\n".join([*LINES, *(f"word{number} 1 2 3" for number in range(99))])
        )
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(EmbeddingError, match=rf"glove\.zip \(embed\.path\) is truncated or corrupt: .*{reason}"):
        fit("glove", *GLOVE, f"embed.path={file}")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["6 3", *LINES], "line 1: 1 values after the word, expected 3 .* Remove the header"),
        ([*LINES[:2], "crew 1 2", *LINES[3:]], "line 3: 2 values after the word, expected 3"),
        ([*LINES, "very much 1 2 3"], "line 7: 4 values after the word, expected 3"),
        ([*LINES, ""], "line 7: 0 values after the word, expected 3"),
        (["late 1 2 three"], "line 1: could not convert string to float"),
        (["late 1 2 nan"], "line 1: a value is not finite"),
        ([*LINES, "late 7 7 7"], "line 7: the word 'late' is already in line 1"),
        (["nothing 1 2 3"], "has no vectors for any of the 4 words"),
    ],
)
def test_a_broken_vectors_file_is_refused_by_line(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(EmbeddingError, match=rf"glove\.txt.*{message}"):
        fit("glove", *GLOVE, write(tmp_path / "glove.txt", lines), corpus=GLOVE_CORPUS)


def test_a_vectors_file_that_is_not_utf8_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_bytes(b"late 1 2 3\ncaf\xe9 1 2 3\n")
    with pytest.raises(EmbeddingError, match=r"glove\.txt, line 2: 'utf-8' codec can't decode"):
        fit("glove", *GLOVE, f"embed.path={tmp_path / 'glove.txt'}", corpus=GLOVE_CORPUS)


def test_a_missing_vectors_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.txt \(embed\.path\)"):
        fit("glove", f"embed.path={tmp_path / 'absent.txt'}")


def test_a_sentence_encoder_is_loaded_from_a_folder(tmp_path: Path) -> None:
    encoder = save_encoder(tmp_path / "encoder")
    assert fit("use", f"embed.handle={encoder}") == SentenceEmbedding(encoder=encoder, vector_size=4)


@pytest.mark.parametrize("content", [None, {}, {"saved_model.pb": b"cut off"}])
def test_a_folder_without_a_sentence_encoder_is_refused(tmp_path: Path, content: dict[str, bytes] | None) -> None:
    folder = tmp_path / "encoder"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    with pytest.raises(EmbeddingError, match=r"embed\.handle"):
        fit("use", f"embed.handle={folder}")


def test_an_encoder_that_returns_no_vectors_is_refused(tmp_path: Path) -> None:
    tf.saved_model.save(Length(), str(tmp_path / "length"))
    with pytest.raises(EmbeddingError, match=r"The encoder returned shape \(1,\) for 1 texts"):
        fit("use", f"embed.handle={tmp_path / 'length'}")
