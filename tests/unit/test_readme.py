"""What the README promises is what the code has."""

import re
from pathlib import Path

from services.runtime.settings import described

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_setting_is_listed_with_its_default_and_meaning() -> None:
    rows = re.findall(r"^\| `(ANHU_[A-Z_]+)` \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
    expected = [(name, f"`{default}`" if default != "–" else default, what) for name, default, what in described()]
    assert rows == expected


def test_every_link_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}, which is not there"


def test_ci_runs_the_very_test_command_of_the_readme() -> None:
    assert "    make test\n" in README
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")
