"""What the audit finds in a look, and whom it tells when."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import pytest

from services.runtime.settings import Settings
from services.watch.audit import (
    TELL_AGAIN,
    Finding,
    Kept,
    Probe,
    Snapshot,
    Turn,
    Unscheduled,
    Waiting,
    examine,
    remember,
)
from services.watch.process import Watch

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
STATION = UUID(int=7)


def before(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def seen(**what: Any) -> list[tuple[str, str, bool]]:
    return [(one.code, one.subject, one.grave) for one in examine(Snapshot(now=NOON, **what))]


def unscheduled(seconds: float) -> Unscheduled:
    return Unscheduled(UUID(int=99), STATION, "sos", "red", before(seconds))


def probe(number: int, misses: int = 0, tried: float = 5, missing: float = 20) -> Probe:
    since = before(missing) if misses else None
    return Probe(UUID(int=number), f"{number} 站", since, misses, "shown" if misses else None, before(tried))


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ({}, []),
        ({"unscheduled": [unscheduled(30)]}, [("alert_unscheduled", str(UUID(int=99)), True)]),
        ({"unscheduled": [unscheduled(3)]}, []),  # it may be in its first commit
        ({"late_timers": 2, "latest_timer_at": before(20)}, [("timers_late", "", True)]),
        ({"late_timers": 2, "latest_timer_at": before(8)}, []),
        ({"queues": {"event_queue": Waiting(3, before(16), 1)}}, [("event_queue_stuck", "", True)]),
        ({"queues": {"event_queue": Waiting(3, before(5)), "outbox": Waiting(0, None)}}, []),
        ({"queues": {"outbox": Waiting(1, before(40))}}, [("outbox_stuck", "", False)]),
        ({"queues": {"another": Waiting(1, before(400))}}, [("another_stuck", "", False)]),
        ({"workers": [("alerts_silent", "告警服务没有响应", "no alerts")]}, [("alerts_silent", "", True)]),
        ({"probes": [probe(1, misses=1), probe(2)]}, []),  # once is tried again
        ({"probes": [probe(1, misses=2), probe(2)]}, [("probe_missing", str(UUID(int=1)), True)]),
        ({"probing_stopped_since": before(900)}, [("probing_stopped", "", False)]),
    ],
)
def test_what_a_look_finds(what: dict[str, Any], found: list[tuple[str, str, bool]]) -> None:
    assert seen(**what) == found


def test_many_stations_at_once_are_the_way_itself() -> None:
    three = [probe(number, misses=2) for number in (1, 2, 3)]
    assert seen(probes=three)[0] == ("probes_missing", "", True)
    # As many others that came through since then: these three have something of their own.
    others = [probe(number, tried=5) for number in range(10, 20)]
    assert [code for code, *_ in seen(probes=[*three, *others])] == ["probe_missing"] * 3
    # What came through before the first was missed says nothing.
    old = [probe(number, tried=60) for number in range(10, 20)]
    assert seen(probes=[*three, *old])[0] == ("probes_missing", "", True)


def test_words_for_operators_are_chinese_and_for_engineers_exact() -> None:
    [one] = examine(Snapshot(now=NOON, queues={"event_queue": Waiting(3, before(16), 1)}))
    assert "呼叫积压" in one.message
    assert one.detail == "3 wait in event_queue, the first for 16 s, 1 of them failing"


A, B = Finding("a", "甲", "a"), Finding("b", "乙", "b", subject="x")


def looks(*each: list[Finding], start: tuple[Kept, ...] = (), every: float = 3) -> list[Turn]:
    turns, known = [], start
    for number, found in enumerate(each):
        turn = remember(known, found, NOON + timedelta(seconds=number * every))
        turns.append(turn)
        known = turn.on
    return turns


def told(turn: Turn) -> tuple[list[str], list[str]]:
    return [one.finding.code for one in turn.tell], [one.finding.code for one in turn.over]


def test_a_finding_is_told_at_the_second_look_and_once_and_when_it_is_over() -> None:
    turns = looks([A], [A, B], [A, B], [B], [])
    assert [told(turn) for turn in turns] == [([], []), (["a"], []), (["b"], []), ([], ["a"]), ([], ["b"])]


def test_what_was_there_for_one_look_was_nothing() -> None:
    assert [told(turn) for turn in looks([A], [], [A], [])] == [([], [])] * 4


def test_what_is_still_wrong_is_told_again() -> None:
    turns = looks([A], [A], [A], every=TELL_AGAIN.total_seconds())
    assert [told(turn) for turn in turns] == [([], []), (["a"], []), (["a"], [])]
    assert turns[2].on[0].first_seen_at == NOON


async def test_a_database_that_is_lost_is_told_at_the_second_look_and_ends_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = Watch(Settings(watch_audit_seconds=1))
    told: list[tuple[list[str], list[str]]] = []

    def tell(on: Sequence[Kept], over: Sequence[Kept]) -> None:
        told.append(([one.finding.code for one in on], [one.finding.code for one in over]))

    monkeypatch.setattr(watch._way, "tell", tell)
    silent = Finding("alerts_silent", "", "", subject="x")
    for _ in range(2):
        watch._found([silent])
    reached = [SimpleNamespace(close=AsyncMock())]

    async def connect(_: str) -> Any:
        if reached:
            return reached.pop()
        raise OSError("refused")

    monkeypatch.setattr(watch, "_connect", connect)
    monkeypatch.setattr(watch, "_audit_over", AsyncMock(side_effect=TimeoutError))
    audit = asyncio.create_task(watch._audit())
    async with asyncio.timeout(10):
        while not any("database" in on for on, _ in told):
            await asyncio.sleep(0)
    audit.cancel()
    assert told == [([], []), (["alerts_silent"], []), ([], []), (["database"], [])]
