"""`sentiment.reports.templates`: templates are found from any folder, and a missing value is an error."""

from pathlib import Path

import jinja2
import pytest

from sentiment.reports import templates

NAMES = sorted(path.name.removesuffix(".md.j2") for path in Path(templates.__file__).parent.glob("*.md.j2"))


def test_templates_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    templates.environment.cache_clear()
    assert NAMES
    for name in NAMES:
        assert templates.environment().get_template(f"{name}.md.j2")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_value_is_an_error(name: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        templates.render(name)


def test_an_unknown_report_is_an_error() -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        templates.render("no_such_report")


def test_user_text_cannot_break_a_table() -> None:
    template = templates.environment().from_string("| {{ value | cell }} |")
    assert template.render(value="so|so [x](y)") == "| so\\|so \\[x](y) |"
