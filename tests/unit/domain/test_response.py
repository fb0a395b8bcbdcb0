"""A small log, counted by hand."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from alerts.domain.response import Case, measure

#: 08:00 of 22 November in Beijing.
MORNING = datetime(2026, 11, 22, 0, 0, tzinfo=UTC).timestamp()
NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
DAYS = [date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)]


def case(answer: float | None = None, dispatch: float | None = None, arrive: float | None = None, **more: Any) -> Case:
    """Seconds after the raise, which is at MORNING unless `at` says otherwise."""
    raised = more.pop("at", MORNING)
    values: dict[str, Any] = {
        "group": 0,
        "type": "sos",
        "severity": "red",
        "drill": False,
        "state": "resolved",
        "outcome": "assisted",
        "raised": raised,
        "worsened": None,
        "acknowledged": None if answer is None else raised + answer,
        "dispatched": None if dispatch is None else raised + dispatch,
        "arrived": None if arrive is None else raised + arrive,
        "escalated": False,
    }
    worsened = more.pop("worsened", None)
    values |= more | {"worsened": None if worsened is None else raised + worsened}
    return Case(**values)


LOG = [
    case(4, 100, 600),
    case(10, 180, 900, outcome="hospital"),  # all three to the second
    case(10.1, 181, 901),
    case(61, outcome="false_alarm"),  # nobody had to be sent
    case(200, 300, state="arrived", outcome=None, arrive=1200, escalated=True),
    case(state="triggered", outcome=None, escalated=True),  # nobody, for two days
    case(state="triggered", outcome=None, at=NOW.timestamp() - 30, group=1),  # since half a minute: 10 s are over
    case(40, 190, 700, type="fall", worsened=30),  # red at 30: 10 s after that, 160, 670
    case(20, 300, type="fall", severity="orange"),  # answered before it was red: no rescue
    case(type="fall", severity="orange", state="cancelled", outcome=None),
    case(7, drill=True, outcome="drill"),
    case(9, 60, 300, drill=True, outcome="hospital"),  # somebody was in need after all
    # 23:59:59 and 00:00:00 in Beijing
    case(5, outcome="accidental", at=datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC).timestamp()),
    case(5, outcome="accidental", at=datetime(2026, 11, 21, 16, 0, 0, tzinfo=UTC).timestamp()),
]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return dict(measure(LOG, 2, DAYS, NOW))


def test_shares_beside_their_targets(told: dict[str, Any]) -> None:
    real = told["real"]
    assert {one["key"]: (one["met"], one["judged"], one["reached"]) for one in real["measures"]} == {
        # 4, 10, the fall's 10, the drill's 9, twice 5; not 10.1, 61, 200, and the two that nobody answered
        "answer_10": (6, 11, False),
        # 10.1 as well; the one of half a minute ago is not judged yet
        "answer_60": (7, 10, False),
        # and 61
        "answer_180": (8, 10, False),
        # 100, 180, the fall's 160, 60; not 181, 300, and the one that nobody answered
        "dispatch_180": (4, 7, False),
        # 600, 900, 670, 300; not 901, 1200, and the one that nobody answered
        "arrival_900": (4, 7, False),
    }
    assert [one["share"] for one in real["measures"]] == [0.5455, 0.7, 0.8, 0.5714, 0.5714]
    assert all(one["source"] for one in real["measures"])


def test_counts_and_times(told: dict[str, Any]) -> None:
    real = told["real"]
    assert (real["alerts"], real["rescues"], real["cancelled"]) == (13, 11, 1)
    assert (real["unanswered"], real["escalated"], real["closed_without_dispatch"]) == (1, 2, 3)
    assert real["by_severity"] == {"red": 11, "orange": 2, "yellow": 0, "blue": 0}
    # 4 5 5 9 10 10 10.1 61 200: the fifth; of nine the ninth (8.1 up)
    assert real["times"]["answer"] == {"count": 9, "median": 10.0, "p90": 200.0}
    # 60 100 160 180 181 300
    assert real["times"]["dispatch"] == {"count": 6, "median": 170.0, "p90": 300.0}
    # 300 600 670 900 901 1200
    assert real["times"]["arrival"] == {"count": 6, "median": 785.0, "p90": 1200.0}


def test_drills_apart(told: dict[str, Any]) -> None:
    drills = told["drills"]
    assert (drills["alerts"], drills["rescues"], drills["times"]["answer"]["median"]) == (1, 1, 7.0)


def test_days_are_beijings(told: dict[str, Any]) -> None:
    assert [(str(one["day"]), one["alerts"]) for one in told["days"]] == [
        ("2026-11-21", 1),
        ("2026-11-22", 11),
        ("2026-11-23", 0),
    ]
    assert told["days"][2]["shares"]["answer_10"] is None, "no alert is no share"
    assert [one["alerts"] for one in told["groups"]] == [12, 1]


def test_false_alarms_by_type(told: dict[str, Any]) -> None:
    fall, sos = told["types"]
    assert (fall["type"], fall["alerts"], fall["cancelled"], fall["false"], fall["false_share"]) == (
        "fall",
        3,
        1,
        1,
        0.3333,
    )
    assert (sos["type"], sos["alerts"], sos["open"]) == ("sos", 10, 3)
    assert (sos["false_alarm"], sos["accidental"], sos["false"], sos["false_share"]) == (1, 2, 3, 0.4286)


def test_a_share_that_only_rounding_would_pass_does_not_reach_its_target() -> None:
    log = [case(5)] * 94_999 + [case(11)] * 5_001
    [ten, *_] = measure(log, 1, [], NOW)["real"]["measures"]
    assert (ten["share"], ten["reached"]) == (0.95, False)
    assert measure([case(5)] * 95 + [case(11)] * 5, 1, [], NOW)["real"]["measures"][0]["reached"] is True


def test_nothing_is_no_figure() -> None:
    real = measure([], 1, [], NOW)["real"]
    assert all(one["share"] is None and one["reached"] is None for one in real["measures"])
    assert real["times"]["answer"] == {"count": 0, "median": None, "p90": None}
