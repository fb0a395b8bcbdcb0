"""Which bridges are gone, and whom that concerns."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.stations.bridges import Bridge, gone_of, is_listening, states_of
from services.stations.problems import warnings_of

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ONE = Bridge("watch-1", "watch", "online", AT, AT + timedelta(hours=1), silent=False)
LOST = replace(ONE, name="watch-2", state="lost", silent=True)
SILENT = replace(ONE, name="watch-3", silent=True)
STOPPED = replace(ONE, name="watch-4", state="stopped", silent=True)
CLOUD = replace(LOST, name="cloud-1", kind="cloud")


@pytest.mark.parametrize(
    ("found", "listening", "told"),
    [
        ([ONE, STOPPED], True, []),
        ([LOST], True, [("watch-2", True)]),
        ([LOST], False, [("watch-2", True)]),  # the broker said so
        ([SILENT], True, [("watch-3", True)]),
        ([SILENT], False, []),  # nobody listened
        ([ONE, LOST, SILENT, CLOUD], True, [("watch-2", False), ("watch-3", False), ("cloud-1", True)]),
        ([SILENT, LOST], False, [("watch-2", False)]),
    ],
)
def test_who_is_gone(found: list[Bridge], listening: bool, told: list[tuple[str, bool]]) -> None:
    gone = gone_of(found, listening=listening)
    assert [is_left for _, is_left in gone] == [is_left for _, is_left in told]
    for (problem, _), (name, _) in zip(gone, told, strict=True):
        assert f"anhu bridge forget {name}" in problem.detail
        assert problem.code == "bridge_gone"
    states = {one["name"]: one["state"] for one in states_of(found, listening=listening)}
    assert [name for name, state in states.items() if state == "gone"] == [name for name, _ in told]


def test_since_when_in_the_time_of_whoever_reads_it() -> None:
    [(lost, _)] = gone_of([LOST], listening=True)
    assert "4G 手表" in lost.message
    assert "11月22日 12:00" in lost.message
    assert "2026-11-22T04:00:00+00:00" in lost.detail
    [(silent, _)] = gone_of([SILENT], listening=True)
    assert "13:00" in silent.message, "since it was heard last"


@pytest.mark.parametrize(
    ("status", "silent", "listening"),
    [({"listening": True}, False, True), ({"listening": True}, True, False), ({"listening": False}, False, False)],
)
def test_who_listens(status: dict[str, Any], silent: bool, listening: bool) -> None:
    row = {"kind": "gateway", "silent": silent, "status": {"bridges": status}}
    assert is_listening([row]) is listening
    assert is_listening([row | {"kind": "alerts"}, row | {"status": {}}]) is False


def test_that_nothing_is_noted_is_told_and_so_is_a_home_assistant_that_fell_silent() -> None:
    gateway = {"kind": "gateway", "silent": False, "status": {"limits": {"ok": True}, "bridges": {"error": "no table"}}}
    home = {"kind": "homeassistant", "silent": True, "status": {"ok": True}}
    upkeep = {"kind": "upkeep", "silent": False, "status": {"ok": True}}
    codes = [one.code for one in warnings_of([gateway, home, upkeep])]
    assert codes == ["bridges_unnoted", "homeassistant"]
    assert [one.code for one in warnings_of([gateway, home, upkeep, home | {"silent": False}])] == ["bridges_unnoted"]
