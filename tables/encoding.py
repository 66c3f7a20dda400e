"""Detect the encoding of a text file, and decode it."""

import codecs
import difflib
import re
from typing import Literal, NamedTuple

from tables.errors import TableError

# Common names of encodings that Python does not know.
ALIASES = {
    "ansi": "cp1252",
    "windows": "cp1252",
    "win-1252": "cp1252",
    "win1252": "cp1252",
    "excel": "cp1252",
    "western": "cp1252",
    "iso-latin-1": "latin-1",
    "utf-8-bom": "utf-8-sig",
    "utf8-bom": "utf-8-sig",
    "utf8-sig": "utf-8-sig",
    "utf-8-with-bom": "utf-8-sig",
    "utf-8-mark": "utf-8-sig",
    "unicode": "utf-16",
    "mac": "mac-roman",
    "mac-os-roman": "mac-roman",
    "dos": "cp850",
    "oem": "cp850",
}
OFFERED = ("utf-8", "utf-16", "cp1252", "latin-1", "iso-8859-15", "mac-roman", "cp850")
LABELS = {"cp1252": "Windows-1252", "mac-roman": "Mac Roman", "cp850": "DOS (850)", "utf-8-sig": "UTF-8"}
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# First bytes of pictures, archives and documents.
OTHER_FILES = {
    b"%PDF": "PDF document",
    b"\x89PNG": "picture",
    b"\xff\xd8\xff": "picture",
    b"GIF8": "picture",
    b"Rar!": "RAR archive",
    b"7z\xbc\xaf": "7-Zip archive",
    b"SQLite format 3": "SQLite database",
    b"{\\rtf": "RTF document",
}
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")
LINE_END = re.compile(r"\r\n|\n|\r")
# Non-ASCII letters and signs of Western European languages: the right encoding is the one that yields them.
WESTERN = set("àâäáãåæçéèêëíîïñóôöõœúùûüÿßÀÂÄÁÅÆÇÉÈÊËÍÎÏÑÓÔÖŒÚÙÛÜ«»’‘“”–—…€£°•\xa0¿¡")

Source = Literal["given", "mark", "content", "assumed"]


class Decoded(NamedTuple):
    """The text of a file.

    Attributes:
        text: the text, without byte order mark.
        encoding: the Python name of the encoding.
        source: how it was determined: "given" by the caller, by a byte order "mark", by the "content", or "assumed".
        damaged: the number of characters that could not be decoded, and were replaced by U+FFFD.
    """

    text: str
    encoding: str
    source: Source
    damaged: int


def label(encoding: str) -> str:
    """Return the usual name of an encoding."""
    return LABELS.get(encoding, encoding.upper())


def lookup(name: str) -> str:
    """Return the Python name of an encoding.

    Raises:
        TableError: "unknown_encoding".
    """
    plain = re.sub(r"[\s_]+", "-", name.strip().lower())
    encoding = ALIASES.get(plain, plain)
    try:
        "".encode(encoding)  # unlike codecs.lookup, rejects codecs for bytes, such as base64
    except (LookupError, UnicodeError, ValueError) as error:
        near = difflib.get_close_matches(plain, [*OFFERED, *ALIASES], n=2)
        offered = ", ".join(dict.fromkeys([*near, *OFFERED]))
        raise TableError(
            "unknown_encoding", f"Unknown encoding {name!r}; choose one of {offered}.", found=name, offered=offered
        ) from error
    return encoding


def decode(content: bytes, encoding: str | None = None, *, strict: bool = False) -> Decoded:
    """Decode the content of a text file.

    Detects UTF-8 and UTF-16; a few damaged bytes do not stop a file from being UTF-8. Everything else is decoded as
    Windows-1252, or as Mac Roman or DOS 850 if only these yield Western letters. NUL characters within a text count as
    damaged; those after its end are removed.

    Args:
        content: the content of the file.
        encoding: any Python name or common name of an encoding; None detects it.
        strict: whether bytes that are invalid in the given encoding are an error.

    Raises:
        TableError: "unknown_encoding", "undecodable" (strict) or "not_text".
    """
    for start, kind in OTHER_FILES.items():
        if content.startswith(start):
            raise TableError("not_text", f"The file is not a table, but a {kind}.", found=kind)
    decoded = _decode_as(content, lookup(encoding), "given", strict) if encoding else _detect(content)
    text = decoded.text.lstrip("\ufeff").rstrip("\0\x1a")
    if (controls := len(CONTROLS.findall(text))) > 2 and controls > 0.05 * len(text):
        raise TableError("not_text", "The file contains no text: it is damaged, or not a table.", found="binary")
    nul = text.count("\0")
    return decoded._replace(text=text.replace("\0", "\ufffd"), damaged=decoded.damaged + nul)


def _decode_as(content: bytes, encoding: str, source: Source, strict: bool = False) -> Decoded:
    try:
        return Decoded(content.decode(encoding), encoding, source, 0)
    except UnicodeDecodeError as error:
        if strict:
            row = 1 + len(LINE_END.findall(content[: error.start].decode(encoding, errors="ignore")))
            raise TableError(
                "undecodable",
                f"Line {row} contains bytes that are not {label(encoding)}: the file is damaged, or in another "
                "encoding.",
                row=row,
                encoding=encoding,
            ) from error
    except UnicodeError as error:  # UTF-16 without a byte order mark, which Python requires
        raise TableError(
            "undecodable", f"The file is not {label(encoding)}: {error}.", row=1, encoding=encoding
        ) from error
    text = content.decode(encoding, errors="replace")
    return Decoded(text, encoding, source, len(text) - len(content.decode(encoding, errors="ignore")))


def _detect(content: bytes) -> Decoded:
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return _decode_as(content, encoding, "mark")
    if wide := _utf16_without_mark(content):
        return _decode_as(content, wide, "content")
    decoded = _decode_as(content, "utf-8", "content")
    if not decoded.damaged or _is_damaged_utf8(content, decoded):
        return decoded
    return _decode_as(content, _western(content), "assumed")


def is_wide(content: bytes) -> bool:
    """Return whether a content is UTF-16 or UTF-32, by its byte order mark or its NUL bytes."""
    marks = tuple(mark for mark, encoding in MARKS if encoding != "utf-8")
    return content.startswith(marks) or _utf16_without_mark(content) is not None


def _utf16_without_mark(content: bytes) -> str | None:
    """Return the byte order of UTF-16 if, at the start, either most even or most odd bytes are NUL, and no others."""
    even, odd = content[:4096:2], content[1:4096:2]
    if odd.count(0) > 0.5 * len(odd) and not even.count(0):
        return "utf-16-le"
    return "utf-16-be" if even.count(0) > 0.5 * len(even) and not odd.count(0) else None


def _is_damaged_utf8(content: bytes, decoded: Decoded) -> bool:
    """Return whether this is damaged UTF-8: most non-ASCII bytes are valid, or belong to a truncated character."""
    kept = content.decode("utf-8", errors="ignore")
    valid = sum(map(len, re.findall(r"[^\x00-\x7f]+", kept)))
    cut_short = len(content) - len(kept.encode()) - decoded.damaged
    return valid + cut_short >= decoded.damaged


def _western(content: bytes) -> str:
    """Return Windows-1252, unless another encoding yields far more Western letters."""
    high = bytes(byte for byte in content[:1_000_000] if byte >= 0x80)

    def letters(encoding: str) -> int:
        return sum(character in WESTERN for character in high.decode(encoding, errors="replace"))

    best = max(("cp1252", "mac-roman", "cp850"), key=letters)
    return best if letters(best) > 2 * letters("cp1252") and letters(best) > 0.8 * len(high) else "cp1252"
