"""Tables in Markdown, and self-contained HTML pages."""

import base64
import re
from collections.abc import Collection
from pathlib import Path

import pandas as pd
from markdown_it import MarkdownIt

STYLE = """<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd }
pre { background: #f6f8fa; padding: .8rem 1rem; overflow-x: auto }
th { text-align: left } img { max-width: 100% } blockquote { margin: 1rem 0; padding: .1rem 1rem; background: #fff3cd }
</style>"""
IMAGE = re.compile(r'src="([a-z_]+\.png)"')


def page(text: str, folder: Path) -> str:
    """Return a Markdown report as one HTML page, with the plots of the folder embedded."""
    body = MarkdownIt("js-default").render(text)
    body = IMAGE.sub(lambda match: f'src="{data_uri(folder / match[1])}"', body)
    title = text.partition("\n")[0].removeprefix("# ")
    head = f'<meta charset="utf-8">\n<title>{title}</title>\n{STYLE}'
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}</body>\n</html>\n'


def data_uri(image: Path) -> str:
    """Return a PNG file as a data URI."""
    return "data:image/png;base64," + base64.b64encode(image.read_bytes()).decode()


def grid(table: pd.DataFrame, markdown: Collection[str] = ()) -> str:
    """Return a table in Markdown, with numbers right-aligned; the columns in `markdown` are not escaped."""
    numbers = [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    lines = [list(table.columns), ["---:" if number else "---" for number in numbers]]
    lines += [
        [str(value) if column in markdown else cell(value) for column, value in zip(table, row, strict=True)]
        for row in table.itertuples(index=False)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """Return a value formatted and escaped for a table."""
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else re.sub(r"([\\|`*_<\[])", r"\\\1", str(value))
