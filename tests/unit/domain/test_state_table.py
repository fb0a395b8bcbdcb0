"""The state table of ARCHITECTURE.md and the code say the same."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.domain.alert import Change, Refusal, State
from alerts.domain.intake import cancel
from alerts.domain.transitions import (
    Acknowledge,
    Arrive,
    Dispatch,
    FollowUp,
    Move,
    Resolve,
    allowed_moves,
    decide_move,
)
from tests.unit.domain.making import FALL, LI, after, alert, event

PAGE = (Path(__file__).parents[3] / "ARCHITECTURE.md").read_text("utf-8")
MOVES: dict[str, Move] = {
    "acknowledge": Acknowledge(),
    "dispatch": Dispatch("赵某"),
    "arrive": Arrive(),
    "resolve": Resolve("assisted"),
    "follow_up": FollowUp("好"),
}


def table() -> list[tuple[str, str, str]]:
    """(state, move, cell) of every cell of the page's table."""
    block = re.search(r"<!-- state table.*?-->\n(.*?)<!-- end of state table -->", PAGE, re.DOTALL)
    assert block is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]
    heads = rows[0][1:]
    return [(row[0], move, cell) for row in rows[2:] for move, cell in zip(heads, row[1:], strict=True)]


def test_the_table_names_every_state_and_every_move() -> None:
    cells = table()
    assert {state for state, _, _ in cells} == set(State)
    assert {move for _, move, _ in cells} == {*MOVES, "cancel"}


@pytest.mark.parametrize(("state", "move", "cell"), [row for row in table() if row[1] != "cancel"])
def test_a_move_does_what_the_table_says(state: str, move: str, cell: str) -> None:
    before = alert(state)
    decided = decide_move(before, MOVES[move], LI, after(9))
    if cell in ("–", "attention"):
        assert isinstance(decided, Refusal)
        assert decided.detail
        assert move not in allowed_moves(before)
    else:
        assert isinstance(decided, Change)
        assert decided.alert.state == cell
        assert (decided.alert.version, decided.alert.last_move_at) == (2, after(9))
        assert [entry.actor for entry in decided.entries] == [LI]
        assert move in allowed_moves(before)

    asking = replace(before, attention=True, occurrences=2)
    decided = decide_move(asking, MOVES[move], LI, after(9))
    if cell == "attention":
        assert isinstance(decided, Change)
        assert (decided.alert.state, decided.alert.attention) == (before.state, False)
        assert decided.alert.holder is not None
        assert decided.alert.holder.id == LI.id
    else:
        assert isinstance(decided, Refusal) == (cell == "–")


@pytest.mark.parametrize(("state", "move", "cell"), [row for row in table() if row[1] == "cancel"])
def test_a_cancel_does_what_the_table_says(state: str, move: str, cell: str) -> None:
    before = alert(state, type="fall", severity=FALL.severity, title=FALL.title)
    decided = cancel(before, FALL, event("cancel", cancels="e1"), True, after(9))
    assert decided.alert.state == (cell if cell != "note" else before.state)
    assert [entry.kind for entry in decided.entries] == ["cancelled" if cell != "note" else "cancel_pressed"]
