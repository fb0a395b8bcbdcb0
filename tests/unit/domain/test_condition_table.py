"""The table of conditions in ARCHITECTURE.md and the code say the same."""

import re
from pathlib import Path

from alerts.domain.conditions import NEXT, Condition, Happening, before

PAGE = (Path(__file__).parents[3] / "ARCHITECTURE.md").read_text("utf-8")


def table() -> dict[tuple[str, str], str]:
    """(state, happening) -> cell of every cell of the page's table."""
    block = re.search(r"<!-- condition table.*?-->\n(.*?)<!-- end of condition table -->", PAGE, re.DOTALL)
    assert block is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]
    return {(row[0], head): cell for row in rows[2:] for head, cell in zip(rows[0][1:], row[1:], strict=True)}


def test_the_page_has_every_state_and_every_happening() -> None:
    assert set(table()) == {(state.value, what.value) for state in Condition for what in Happening}


def test_the_code_does_what_the_page_says() -> None:
    assert {key: cell for key, cell in table().items() if cell != "–"} == {
        (state.value, what.value): then.value for (state, what), then in NEXT.items()
    }


def test_sql_is_asked_for_the_states_in_which_something_happens() -> None:
    for what in Happening:
        assert before(what) == [
            state for (state, happening), cell in table().items() if happening == what and cell != "–"
        ]
