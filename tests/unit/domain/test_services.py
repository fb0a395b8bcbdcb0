"""The table of docs/services.md and the code say the same."""

import re
from pathlib import Path
from uuid import UUID

import pytest

from alerts.domain.services import NotNow, Request, RequestState, Step, Wish, allowed_steps, decide_step
from tests.unit.domain.making import LI, WANG

PAGE = (Path(__file__).parents[3] / "docs" / "services.md").read_text("utf-8")


def table() -> list[tuple[str, str, str]]:
    block = re.search(r"<!-- service table.*?-->\n(.*?)<!-- end of service table -->", PAGE, re.DOTALL)
    assert block is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]
    return [(row[0], step, cell) for row in rows[2:] for step, cell in zip(rows[0][1:], row[1:], strict=True)]


def request(state: str) -> Request:
    held = state not in ("open", "withdrawn")
    return Request(UUID(int=1), RequestState(state), *((WANG.id, WANG.name) if held else (None, None)), None, None, 1)


def test_the_table_names_every_state_and_every_step() -> None:
    assert {state for state, _, _ in table()} == set(RequestState)
    assert {step for _, step, _ in table()} == set(Step)


@pytest.mark.parametrize(("state", "step", "cell"), table())
def test_a_step_does_what_the_table_says(state: str, step: str, cell: str) -> None:
    decided = decide_step(request(state), Wish(Step(step), "某家政公司（虚构）", 5), LI)
    assert (Step(step) in allowed_steps(RequestState(state))) is (cell != "–")
    if cell == "–":
        assert isinstance(decided, NotNow)
        assert decided.detail
    else:
        assert isinstance(decided, Request)
        assert (decided.state, decided.version) == (cell, 2)


def test_whoever_had_it_keeps_it_when_somebody_else_assigns() -> None:
    assigned = decide_step(request("accepted"), Wish(Step.ASSIGN, "某家政公司（虚构）"), LI)
    assert isinstance(assigned, Request)
    assert (assigned.holder_id, assigned.assigned_to) == (WANG.id, "某家政公司（虚构）")
    at_once = decide_step(request("open"), Wish(Step.ASSIGN, "某家政公司（虚构）"), LI)
    assert isinstance(at_once, Request)
    assert at_once.holder_id == LI.id
