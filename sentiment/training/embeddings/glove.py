"""GloVe: published vectors, trained on counts of words that occur together; Twitter's come from 2 billion tweets.

Source: Pennington, Socher and Manning, GloVe: Global Vectors for Word Representation, 2014.
"""

import logging
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sentiment.data.download import fetch
from sentiment.inference.errors import MissingFileError
from sentiment.training.embedding import Corpus, EmbeddingError, WordEmbedding, vocabulary

log = logging.getLogger(__name__)

# The first bytes of a ZIP archive, even of a truncated one, which `zipfile.is_zipfile` does not recognise.
ZIP_SIGNATURE = b"PK\x03\x04"


def fit(
    *,
    corpus: Corpus,
    path: str | None,
    url: str,
    size: int | None,
    sha256: str | None,
    cache: str,
    member: str,
    vector_size: int,
    min_count: int,
    spelling: Iterable[tuple[str, str]],
) -> WordEmbedding:
    """Return the published vectors of the words of the training split.

    Args:
        corpus: the training split.
        path: a vectors file (a word and its values per line, no header) or the published archive; None downloads it.
        url: where the archive is published.
        size: its size in bytes.
        sha256: its checksum.
        cache: the folder for the downloaded archive.
        member: the vectors file in the archive.
        vector_size: the number of values per word.
        min_count: how often a word must occur in the training split.
        spelling: tokens that the vectors' authors wrote differently, each with their spelling.

    Raises:
        EmbeddingError: the file is damaged, or contains no word of the training split.
        MissingFileError: the file does not exist.
        sentiment.data.download.DownloadError: the archive could not be downloaded.
    """
    file = Path(path).expanduser() if path else fetch(url, Path(cache).expanduser(), size=size, sha256=sha256)
    if not file.is_file():
        raise MissingFileError(f"No file {file.absolute()} (embed.path).")
    words = vocabulary(corpus.tokens, min_count)
    respelled = dict(spelling)
    published = {word: respelled.get(word, word) for word in words}
    try:
        with open_lines(file, member) as lines:
            vectors = read(lines, set(published.values()), vector_size, name=str(file))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise EmbeddingError(f"{file} (embed.path) is truncated or corrupt: {error}. Download it again.") from error
    kept = [word for word in words if published[word] in vectors]
    if not kept:
        raise EmbeddingError(
            f"{file} (embed.path) has no vectors for any of the {len(words)} words of the training split."
        )
    log.info("%s: found vectors for %d of the %d words of the training split.", file, len(kept), len(words))
    return WordEmbedding(
        words=kept, vectors=np.stack([vectors[published[word]] for word in kept]), vector_size=vector_size
    )


@contextmanager
def open_lines(file: Path, member: str) -> Iterator[Iterable[bytes]]:
    """Open a vectors file, or the one in an archive, as lines of bytes with a progress bar."""
    with file.open("rb") as lines:
        is_archive = lines.read(len(ZIP_SIGNATURE)) == ZIP_SIGNATURE
    if not is_archive:
        with file.open("rb") as lines, bar(file.name, file.stat().st_size) as progress:
            yield with_progress(lines, progress)
        return
    with zipfile.ZipFile(file) as archive:
        if member not in archive.namelist():
            raise EmbeddingError(f"{file} lacks {member} (embed.member). It contains: {', '.join(archive.namelist())}.")
        with archive.open(member) as lines, bar(member, archive.getinfo(member).file_size) as progress:
            yield with_progress(lines, progress)


def bar(name: str, size: int) -> tqdm:
    """Return a progress bar over bytes."""
    return tqdm(desc=name, total=size, unit="B", unit_scale=True, unit_divisor=1024, disable=None)


def with_progress(lines: Iterable[bytes], progress: tqdm) -> Iterator[bytes]:
    """Yield lines, and advance the progress bar."""
    for line in lines:
        progress.update(len(line))
        yield line


def read(lines: Iterable[bytes], wanted: set[str], vector_size: int, *, name: str) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of the wanted words.

    Fields are separated by single spaces; any other white space belongs to the word (GloVe has words with U+0085).

    Raises:
        EmbeddingError: a line is malformed; the message names the file and the line, counted from 1.
    """
    vectors: dict[str, NDArray[np.float32]] = {}
    line_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        fields = line.rstrip(b"\r\n").split(b" ")
        if len(fields) != vector_size + 1:
            hint = (
                " Remove the header: this format has none, unlike word2vec's."
                if number == 1 and len(fields) == 2
                else ""
            )
            raise EmbeddingError(
                f"{name}, line {number}: {len(fields) - 1} values after the word, expected {vector_size} "
                f"(embed.vector_size), separated by single spaces.{hint}"
            )
        try:
            word = fields[0].decode("utf-8")
            if word not in wanted:
                continue
            vector = np.array(fields[1:], dtype=np.float32)
        except ValueError as error:
            raise EmbeddingError(f"{name}, line {number}: {error}") from error
        if not np.isfinite(vector).all():
            raise EmbeddingError(f"{name}, line {number}: a value is not finite.")
        if word in vectors:
            raise EmbeddingError(f"{name}, line {number}: the word {word!r} is already in line {line_of[word]}.")
        vectors[word], line_of[word] = vector, number
    return vectors
