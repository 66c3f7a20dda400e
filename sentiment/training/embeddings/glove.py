"""GloVe: published vectors, from the counts of which words stand near which; Twitter's were made of 2 billion tweets.

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
    """Return the published vectors of those words of the training split that have one.

    Args:
        corpus: the training split.
        path: a vectors file (a word and its values a line, no header) or the published archive; None downloads it.
        url: where the archive is published.
        size: its size in bytes.
        sha256: its checksum.
        cache: the folder that keeps the archive.
        member: the vectors file in the archive.
        vector_size: how many values a word has in it.
        min_count: how often a word must stand in the training split.
        spelling: tokens that we write otherwise than the vectors' authors did, each with what they wrote.

    Raises:
        EmbeddingError: the file is damaged, or holds no word of the training split.
        MissingFileError: there is no such file.
        sentiment.data.download.DownloadError: the archive could not be had.
    """
    file = Path(path).expanduser() if path else fetch(url, Path(cache).expanduser(), size=size, sha256=sha256)
    if not file.is_file():
        raise MissingFileError(f"No file {file.absolute()} (embed.path).")
    words = vocabulary(corpus.tokens, min_count)
    respelt = dict(spelling)
    theirs = {word: respelt.get(word, word) for word in words}
    try:
        with opened(file, member) as lines:
            found = read(lines, set(theirs.values()), vector_size, name=str(file))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise EmbeddingError(f"{file} (embed.path) is a damaged archive: {error}. Download it again.") from error
    kept = [word for word in words if theirs[word] in found]
    if not kept:
        raise EmbeddingError(
            f"{file} (embed.path) has a vector for none of the {len(words)} words of the training split."
        )
    log.info("%s: vectors for %d of the %d words of the training split.", file, len(kept), len(words))
    return WordEmbedding(words=kept, vectors=np.stack([found[theirs[word]] for word in kept]), vector_size=vector_size)


@contextmanager
def opened(file: Path, member: str) -> Iterator[Iterable[bytes]]:
    """Open a vectors file, or the one in an archive, as lines of bytes, with a progress bar."""
    if not zipfile.is_zipfile(file):
        with file.open("rb") as lines, bar(file.name, file.stat().st_size) as progress:
            yield counted(lines, progress)
        return
    with zipfile.ZipFile(file) as archive:
        if member not in archive.namelist():
            raise EmbeddingError(f"{file} holds no {member} (embed.member), only {', '.join(archive.namelist())}.")
        with archive.open(member) as lines, bar(member, archive.getinfo(member).file_size) as progress:
            yield counted(lines, progress)


def bar(name: str, size: int) -> tqdm:
    """Return a progress bar over bytes."""
    return tqdm(desc=name, total=size, unit="B", unit_scale=True, unit_divisor=1024, disable=None)


def counted(lines: Iterable[bytes], progress: tqdm) -> Iterator[bytes]:
    """Yield lines and move the progress bar on."""
    for line in lines:
        progress.update(len(line))
        yield line


def read(lines: Iterable[bytes], wanted: set[str], vector_size: int, *, name: str) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of the wanted words.

    Fields are separated by one space each; any other white space belongs to the word (GloVe has words with U+0085).

    Raises:
        EmbeddingError: a line is broken; it names the file and the line, counted from 1.
    """
    found: dict[str, NDArray[np.float32]] = {}
    lines_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        fields = line.rstrip(b"\r\n").split(b" ")
        if len(fields) != vector_size + 1:
            hint = (
                " A header as in word2vec's files is not part of this format."
                if number == 1 and len(fields) == 2
                else ""
            )
            raise EmbeddingError(
                f"{name}, line {number}: {len(fields) - 1} values, expected {vector_size} (embed.vector_size) "
                f"after the word, separated by one space each.{hint}"
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
        if word in found:
            raise EmbeddingError(f"{name}, line {number}: the word {word!r} stands in line {lines_of[word]} already.")
        found[word], lines_of[word] = vector, number
    return found
