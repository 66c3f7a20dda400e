"""A rehearsal of releases, with processes and a tiny model: `make rehearsal` does more, and with containers."""

import os
import shutil
from pathlib import Path

import pytest

from tests.rehearsal.rehearse import Rehearsal, RehearsalError, rehearse

pytestmark = [pytest.mark.slow, pytest.mark.extended]


@pytest.fixture(autouse=True)
def _haproxy() -> None:
    if shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("HAProxy is missing (Debian: apt-get install haproxy)")


@pytest.fixture
def passing(tmp_path: Path) -> Path:
    file = tmp_path / "test_of_the_tag.py"
    file.write_text("def test_passes(): pass\n")
    return file


def test_a_release_shifts_the_traffic_and_a_worse_one_is_rolled_back(passing: Path, tmp_path: Path) -> None:
    """The rehearsal itself checks that no request fails, except those that the worse version has answered."""
    page = tmp_path / "rehearsal.md"
    scenes = (Rehearsal.next_release, Rehearsal.failing_version, Rehearsal.unsigned_model, Rehearsal.rollback)
    rehearse(page, tests=[str(passing)], scenes=scenes, use_champion=False, window_seconds=0.5)
    rows = {row.split(" | ")[1]: row for row in page.read_text(encoding="utf-8").splitlines() if row.startswith("| ")}
    assert "v2 is in production." in rows["Release v2 under load"]
    assert "by v1" in rows["Release v2 under load"]
    assert "none failed" in rows["Release v2 under load"]
    failing = rows["Release v4, which fails every fifth prediction"]
    assert "failed while v4 was watched" in failing
    assert "Rolled back: v2 has 100 % of the traffic." in failing
    unsigned = rows["Release v7, whose model is not signed"]
    assert "v7 cannot start: SERVICE_MODEL_PUBLIC_KEY" in unsigned
    assert "v1 has 100 % of the traffic; before: v2 100 %." in rows["Roll back"]


def test_nothing_is_released_if_a_test_of_the_tag_fails(tmp_path: Path) -> None:
    failing = tmp_path / "test_of_the_tag.py"
    failing.write_text("def test_fails(): assert False\n")
    page = tmp_path / "rehearsal.md"
    with pytest.raises(RehearsalError, match="ended with 1, not 0"):
        rehearse(page, tests=[str(failing)], use_champion=False)
    text = page.read_text(encoding="utf-8")
    assert "| Test the tag | **failed**:" in text
    assert "Release" not in text.partition("\n## Log")[0].replace("# Rehearsal of a release", "")
