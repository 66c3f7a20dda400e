"""The splits for machines: their origin, files and columns as Croissant (JSON-LD), the format of data set catalogues.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api import types

from sentiment.data.folders import file_of

VERSION = "http://mlcommons.org/croissant/1.0"
LICENCES = "https://spdx.org/licenses/"
# The words of Croissant in JSON-LD, as its specification lists them.
CONTEXT = Path(__file__).with_name("croissant_context.json")
MEANINGS = {
    "text": "The text, as written.",
    "negative": "1 if the text is negative, else 0.",
    "group": "Author, or another group that is in one split only; empty if unknown.",
    "target": "Probability that the text is negative, from which models learn.",
    "source": "Data set from which the row comes.",
}


def write(
    file: Path, splits: Path, frames: Mapping[str, pd.DataFrame], *, data: Mapping[str, Any], limits: Sequence[str]
) -> None:
    """Write the description of splits as JSON-LD, with the places of their files relative to its own.

    Args:
        file: the description.
        splits: the folder of the splits.
        frames: the splits by name.
        data: the section `data` of the configuration.
        limits: what readers should know, a sentence each.
    """
    files = {name: file_of(splits, name) for name in frames}
    described = {
        **origin(data, limits),
        "distribution": [
            *archive(data),
            *(split_file(name, path, os.path.relpath(path, file.parent)) for name, path in files.items()),
        ],
        "recordSet": [records(name, frame) for name, frame in frames.items()],
    }
    file.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def origin(data: Mapping[str, Any], limits: Sequence[str]) -> dict[str, Any]:
    """Return what is known of a data set as a whole; properties that nobody has stated are left out."""
    about = data["about"]
    stated = {
        "name": data["name"],
        "alternateName": about["title"],
        "description": " ".join(limits),
        "url": about["url"],
        "license": about["licence"] and LICENCES + about["licence"],
        "creator": [{"@type": "Person", "name": name} for name in about["authors"]],
        "datePublished": about["year"] and str(about["year"]),
        "version": data.get("package", "").partition("==")[2],
        "citeAs": about["citation"],
    }
    head = {"@context": json.loads(CONTEXT.read_text(encoding="utf-8")), "@type": "Dataset", "conformsTo": VERSION}
    return head | {name: value for name, value in stated.items() if value}


def archive(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the published file from which the splits were made, if its checksum is known."""
    if data.get("sha256"):
        yield {
            "@type": "cr:FileObject",
            "@id": "archive",
            "name": data.get("package", data["name"]),
            "description": "The published data set, from which the splits were made.",
            "contentUrl": data["about"]["archive"],
            "encodingFormat": data["about"]["format"],
            "sha256": data["sha256"],
        }


def split_file(name: str, file: Path, place: str) -> dict[str, Any]:
    """Return the description of the file of a split."""
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "description": f"The {name} split.",
        "contentUrl": place,
        "encodingFormat": "application/x-parquet",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


def records(name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Return the description of the rows of a split."""
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"The {name} split, {len(frame):,} rows.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": MEANINGS[column],
                "dataType": data_type(frame[column]),
                "source": {"fileObject": {"@id": file_of(Path(), name).name}, "extract": {"column": column}},
            }
            for column in map(str, frame.columns)
        ],
    }


def data_type(column: pd.Series) -> str:
    """Return the type of a column, as schema.org names it."""
    if types.is_integer_dtype(column):
        return "sc:Integer"
    return "sc:Float" if types.is_float_dtype(column) else "sc:Text"
