"""Normalize characters: undo what keyboards, programs and wrong encodings did to a tweet.

All kinds of apostrophes become `'`; entities and typed escapes are decoded. Every served model contains this module, so
it imports nothing heavy.
"""

import html
import re
import unicodedata

# An entity with its semicolon. Entities without one (`&copy 2009`) are decoded only in the first pass.
ENTITY = re.compile(r"&[^&;\s]+;")
# Escapes of JSON, JavaScript and Python typed into the text: don\u2019t, don\'t, two\nlines, \xe2\x80\x99.
ESCAPE = re.compile(r"(?:\\+u[0-9a-fA-F]{4})+|\\+U000[0-9a-fA-F]{5}|(?:\\+x[0-9a-fA-F]{2})+|\\+[nrt'\"]")
# Characters used as single and as double quotation marks; U+0091 to U+0094 come from Windows-1252 read as latin-1.
# Source: Unicode Technical Standard 39, confusables.txt (U+0027, U+0022), without letters.
SINGLE = (
    "\u0091\u0092\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02c8\u02ca\u02cb\u02f4\u0374\u0384\u055a\u055d\u05f3\u07f4\u07f5"
    "\u1fbd\u1fbf\u1fef\u1ffd\u1ffe\u2018\u2019\u201a\u201b\u2032\u2035\u275b\u275c\ua78c\uff07\uff40"
)
DOUBLE = "\u0093\u0094\u02ba\u02dd\u02ee\u02f6\u05f4\u201c\u201d\u201e\u201f\u2033\u2036\u275d\u275e\u301d\u301e\uff02"
QUOTES = str.maketrans({**dict.fromkeys(SINGLE, "'"), **dict.fromkeys(DOUBLE, '"')})
# A backtick is an apostrophe only between letters: elsewhere it has other uses.
BACKTICK = re.compile(r"(?<=[^\W\d_])`(?=[^\W\d_])")
# A curly apostrophe in UTF-8, read as Windows-1252 or latin-1.
MOJIBAKE = re.compile("\u00e2(?:\u20ac|\x80)[\u2122\u02dc\x98\x99]")
# U+FFFD replaces a lost character; between `n` and `t` (`don?t`), that was an apostrophe.
LOST_APOSTROPHE = re.compile(r"(?<=[nN])\ufffd(?=[tT]\b)")
# Code points that are invisible, and those that only change how a neighbouring emoji looks.
# Source: Unicode, DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
ALWAYS_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
EMOJI_MODIFIERS = "\u200d\ufe00-\ufe0f\U000e0000-\U000e0fff"
INVISIBLE = re.compile(f"[{ALWAYS_INVISIBLE}]|\u200d(?=\\w)")
IGNORABLE = re.compile(f"[{ALWAYS_INVISIBLE}{EMOJI_MODIFIERS}]")


def normalize(text: str) -> str:
    """Return a text as it was meant: decoded, accents composed, apostrophes straight, invisible characters removed.

    Keeps emoji sequences. An ASCII text changes only if it contains entities, escapes, or a backtick between letters.
    """
    if "\\" in text:
        text = ESCAPE.sub(decode_escape, text)
    if "&" in text:
        text = html.unescape(text)
        if "&" in text:  # some programs encode text that is already encoded
            text = ENTITY.sub(decode_entity, text)
        if "\\" in text:
            text = ESCAPE.sub(decode_escape, text)
    if text.isascii() and "`" not in text:
        return text
    return straighten(INVISIBLE.sub("", text))


def straighten(text: str) -> str:
    """Return a text with composed accents and with ASCII apostrophes and quotation marks."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", LOST_APOSTROPHE.sub("'", MOJIBAKE.sub("'", text)).translate(QUOTES))
    return BACKTICK.sub("'", text)


def decode_entity(entity: re.Match[str]) -> str:
    """Return the character of an entity, or the entity itself if it is unknown."""
    character = html.unescape(entity[0])
    return entity[0] if len(character) > 2 else character  # a few entities are two characters


def decode_escape(escape: re.Match[str]) -> str:
    """Return the characters of a typed escape; control characters become spaces."""
    typed = escape[0].lstrip("\\")
    kind = typed[0]
    if kind in "nrt":
        return " "
    if kind in "'\"":
        return kind
    octets = bytes.fromhex("".join(digit for digit in typed[1:] if digit not in "\\ux"))
    if kind == "u":  # two escapes may be one surrogate pair
        text = octets.decode("utf-16-be", errors="replace")
    elif kind == "U":
        text = octets.decode("utf-32-be", errors="replace")
    else:
        try:
            text = octets.decode("utf-8")
        except UnicodeDecodeError:
            text = octets.decode("cp1252", errors="replace")
    return "".join(character if character >= " " else " " for character in text)
