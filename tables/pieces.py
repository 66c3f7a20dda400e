"""Read a file piece by piece, so that memory does not grow with its size: bytes, text, lines."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import AnyStr, NamedTuple

from tables.encoding import Decoded, decode, is_wide, label
from tables.errors import TableError
from tables.rows import lines_of

# Bytes, or characters, read at a time. The first piece decides on the layout of a text file.
PIECE = 2 << 20
# Other than ASCII bytes that decide on the encoding, and bytes at the beginning that do.
MAX_EVIDENCE, HEAD = 4 << 20, 64 << 10
NOT_ASCII = re.compile(rb"[\x80-\xff]+")


class Piece(NamedTuple):
    """Some lines of a text file, which end where a row ends.

    Attributes:
        lines: the lines with their ends.
        above: the number of lines of the file above them.
        placeholder: stands for carriage returns within fields; None if there are none.
        last: whether the file ends with these lines.
        damaged: the number of NUL characters, replaced by U+FFFD.
    """

    lines: list[str]
    above: int
    placeholder: str | None
    last: bool
    damaged: int


def content(path: Path) -> Iterator[bytes]:
    """Yield the content of a file, decompressed if necessary.

    Raises:
        TableError: "damaged".
        OSError: the file cannot be read.
    """
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not compressed:
            while piece := raw.read(PIECE):
                yield piece
            return
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                while piece := file.read(PIECE):
                    yield piece
        except (OSError, EOFError, zlib.error) as error:
            raise TableError("damaged", f"The compressed file is truncated or corrupt: {error}") from error


def whole_lines(pieces: Iterable[AnyStr], end: AnyStr) -> Iterator[AnyStr]:
    """Yield pieces that end with a line, except the last one; a line longer than a piece is cut."""
    rest = end[:0]
    for piece in pieces:
        rest += piece
        cut = rest.rfind(end) + 1
        if cut == 0 and len(rest) >= PIECE:
            cut = len(rest)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def encoding_of(path: Path, encoding: str | None) -> Decoded:
    """Return the encoding of a text file, how it was determined, and how many characters cannot be decoded.

    The beginning and all other than ASCII bytes (up to MAX_EVIDENCE) decide: they are what the detection counts in a
    whole file. They are also the text of the result.

    Raises:
        TableError: "damaged", "unknown_encoding" or "not_text".
    """
    head, other, size = b"", list[bytes](), 0
    for piece in whole_lines(content(path), b"\n"):
        rest = piece
        if not head:
            head, rest = piece[:HEAD], piece[HEAD:]
            if (cut := head.rfind(b"\n") + 1) and rest:
                head, rest = head[:cut], head[cut:] + rest
        if size < MAX_EVIDENCE and not rest.isascii():
            other += NOT_ASCII.findall(rest)
            size = sum(map(len, other))
    if is_wide(head):  # its bytes are not characters, and the beginning may end within one
        return decode(head, encoding)._replace(damaged=0)
    known = decode(head + b" ".join(other), encoding)
    return known._replace(damaged=known.damaged - head.rstrip(b"\0\x1a").count(b"\0"))  # `pieces` count these


def decoded(path: Path, encoding: str, *, strict: bool) -> Iterator[str]:
    """Yield the text of a file, without byte order mark.

    Raises:
        TableError: "damaged", or "undecodable" (strict).
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict" if strict else "replace")
    first, line = True, 1
    for piece in chain(content(path), [None]):
        try:
            text = decoder.decode(piece or b"", final=piece is None)
        except UnicodeError as error:
            if isinstance(error, UnicodeDecodeError):
                line += error.object[: error.start].count(b"\n")
            raise TableError(
                "undecodable",
                f"Line {line} contains bytes that are not {label(encoding)}: the file is damaged, or in another "
                "encoding.",
                row=line,
                encoding=encoding,
            ) from error
        line += text.count("\n")
        if first and text:
            text, first = text.lstrip("\ufeff"), False
        if text:
            yield text


def pieces(path: Path, encoding: str, *, strict: bool, quoted: bool) -> Iterator[Piece]:
    """Yield the lines of a text file in pieces.

    Args:
        path: the file.
        encoding: the Python name of its encoding.
        strict: whether undecodable bytes are an error; otherwise they are replaced.
        quoted: whether quotation marks may enclose line breaks. Pieces then contain an even number of them, if the
            next one follows soon.

    Raises:
        TableError: as `decoded`.
    """
    texts = decoded(path, encoding, strict=strict)
    first = next(texts, "")
    end = "\n" if "\n" in first or "\r" not in first else "\r"  # old Macs
    above, rest, waiting = 0, "", ""
    for text in whole_lines(chain([first], texts), end):
        if waiting:
            piece, rest = _piece(rest + waiting, above, last=False, end=end, quoted=quoted)
            if piece.lines:
                yield piece
            above += len(piece.lines)
        waiting = text
    piece, _ = _piece((rest + waiting).rstrip("\0\x1a"), above, last=True, end=end, quoted=quoted)
    yield piece


def _piece(text: str, above: int, *, last: bool, end: str, quoted: bool) -> tuple[Piece, str]:
    """Return the lines of a text up to the end of a row, and the rest of the text."""
    damaged = text.count("\0")
    text = text.replace("\0", "\ufffd")
    unended = end == "\n" and not text.endswith("\n")
    lines, placeholder = lines_of(text + "\n" if unended else text)
    if unended and lines:
        lines[-1] = lines[-1][:-1]
        if not lines[-1]:
            lines.pop()
    rest = ""
    if quoted and not last and text.count('"') % 2 and len(text) < 3 * PIECE:
        cut = max(number for number, line in enumerate(lines) if line.count('"') % 2)
        rest = "".join(lines[cut:])
        if placeholder:
            rest = rest.replace(placeholder, "\r")
        lines = lines[:cut]
    return Piece(lines, above, placeholder, last, damaged), rest
