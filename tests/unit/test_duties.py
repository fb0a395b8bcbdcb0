"""docs/privacy.md and docs/security.md: every file and test that they name is there, and no line is without one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["privacy.md", "security.md"])
def test_what_is_named_is_there_and_no_line_is_without(name: str) -> None:
    text = (ROOT / "docs" / name).read_text("utf-8")
    for path, test in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", text):
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{path}::{test}"
    for path in re.findall(r"`((?:services|alerts|gateway)/[\w/]+\.py)`", text):
        assert (ROOT / path).is_file(), path
    duties = [line for line in text.splitlines() if re.match(r"\| (API?\d|\d)", line)]
    assert len(duties) > 20
    for line in duties:
        assert "`tests/" in line or "**not met**" in line, line
