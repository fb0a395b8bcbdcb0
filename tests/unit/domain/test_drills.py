"""Drills: the table of ARCHITECTURE.md, what may be asked for, when one is over, and what it came to."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.domain.drills import NEXT, Happening, Press, Progress, State, Wanted, flaws, happening, report
from alerts.domain.intake import raise_alert
from tests.unit.domain.making import NOON, SOS, STATION, after, event, home

PAGE = (Path(__file__).parents[3] / "ARCHITECTURE.md").read_text("utf-8")


def test_the_page_and_the_code_say_the_same() -> None:
    block = re.search(r"<!-- drill table.*?-->\n(.*?)<!-- end of drill table -->", PAGE, re.DOTALL)
    assert block is not None
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]
    told = {(row[0], what): cell for row in rows for what, cell in zip(head[1:], row[1:], strict=True)}
    assert set(told) == {(state.value, what.value) for state in State for what in Happening}
    assert {key: cell for key, cell in told.items() if cell != "–"} == {
        (state.value, what.value): then.value for (state, what), then in NEXT.items()
    }


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, []),
        ({"organization_id": None}, ["scope"]),
        ({"device_ids": frozenset({"wb-1"})}, ["scope"]),
        ({"starts_at": after(-600)}, ["starts_at"]),
        ({"ends_at": after(30)}, ["ends_at"]),
        ({"ends_at": after(5 * 3600)}, ["ends_at"]),
        ({"starts_at": after(91 * 86400), "ends_at": after(91 * 86400 + 600)}, ["starts_at"]),
        ({"starts_at": after(86400), "ends_at": after(86400 + 4 * 3600)}, []),
    ],
)
def test_what_may_be_asked_for(changes: dict[str, Any], where: list[str]) -> None:
    wanted = replace(Wanted("演练", None, after(1800), None, STATION), **changes)
    assert [flaw.where for flaw in flaws(wanted, NOON)] == where


@pytest.mark.parametrize(
    ("changes", "seconds", "what"),
    [
        ({"state": State.PLANNED}, -1, None),
        ({"state": State.PLANNED}, 0, Happening.BEGIN),
        ({}, 10, None),
        ({"pressed": 2}, 10, None),
        ({"pressed": 3, "unresolved": 1}, 10, None),  # it sounds until somebody closes it
        ({"pressed": 3}, 10, Happening.COMPLETE),
        ({"pressed": 3, "unresolved": 1}, 600, Happening.TIME_UP),
        ({"state": State.ENDED}, 600, None),
    ],
)
def test_when_it_begins_and_is_over(changes: dict[str, Any], seconds: float, what: Happening | None) -> None:
    drill = replace(Progress(State.RUNNING, NOON, after(600), expected=3, pressed=0, unresolved=0), **changes)
    assert happening(drill, after(seconds)) == what


def test_a_report() -> None:
    def pressed(device: str, answer: float | None, other: int = 0) -> Press:
        answered = None if answer is None else after(60 + answer)
        return Press(device, after(59), after(60), after(62), answered, answered and answered + timedelta(60), other)

    told = report([pressed("a", 4), pressed("b", 70, other=1), pressed("c", None), Press("d")])
    assert (told["expected"], told["pressed"], told["seen"], told["answered"], told["closed"]) == (4, 3, 3, 2, 2)
    assert (told["answered_in_10"], told["answered_in_60"], told["answered_in_180"]) == (1, 1, 2)
    assert (told["answer_median_seconds"], told["answer_slowest_seconds"]) == (37.0, 70.0)
    assert (told["not_pressed"], told["not_answered"], told["other_presses"]) == (["d"], ["c"], 1)
    assert report([])["answer_median_seconds"] is None


def test_whatever_shows_the_title_says_that_it_is_a_drill() -> None:
    change = raise_alert(event(drill=True), SOS, home(), STATION, NOON)
    assert (change.alert.drill, change.alert.title) == (True, "紧急救援 · 本人呼救 · 演练")
    assert raise_alert(event(), SOS, home(), STATION, NOON).alert.title == SOS.title
