"""What `make bench BENCH=rescue` makes of what it saw."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from tests.load.measuring import percentiles
from tests.load.rescue_people import CAREGIVERS
from tests.load.telephones import Push, Telephones
from tests.parts.postgres import PostgresServer
from tests.parts.system import System

SCREENS_OF_AN_ALERT = 3
#: A rate is kept up when the last screen, or the push service, has 99 in 100 within so long.
KEPT_UP_MS = 1000
#: Where the time of a push goes, by what the database was told.
PARTS = """
SELECT extract(epoch FROM a.raised_at - a.received_at)::float * 1000,
       extract(epoch FROM n.asked_at - a.raised_at)::float * 1000,
       extract(epoch FROM t.started_at - n.asked_at)::float * 1000,
       extract(epoch FROM t.ended_at - t.started_at)::float * 1000
FROM alerts a JOIN notices n ON n.alert_id = a.id JOIN delivery_attempts t ON t.notice_id = n.id
WHERE a.event_id = ANY(%s) AND n.why = 'caregiver' AND t.ended_at IS NOT NULL
"""
_PART_NAMES = ("stored_to_raised_ms", "raised_to_asked_ms", "asked_to_claimed_ms", "claimed_to_recorded_ms")


def judged(pressed: dict[str, float], shown: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """To the first and to the last of its three screens, and how fast they were served."""
    complete = {name: at for name, at in pressed.items() if len(shown[name]) >= SCREENS_OF_AN_ALERT}
    result: dict[str, Any] = {"presses": len(pressed), "not_on_all_screens": len(pressed) - len(complete)}
    if not complete:
        return result
    first = [(min(shown[name]) - at) * 1000 for name, at in complete.items()]
    last = [(max(shown[name][:SCREENS_OF_AN_ALERT]) - at) * 1000 for name, at in complete.items()]
    span = max(max(shown[name]) for name in complete) - min(complete.values())
    return result | {
        "to_the_first_screen_ms": percentiles(first),
        "to_the_third_screen_ms": percentiles(last),
        "served_per_second": round(len(complete) / span, 1),
    }


def judged_pushes(pressed: dict[str, float], pushes: Sequence[Push], events: Mapping[str, str]) -> dict[str, Any]:
    """To each push, and to the last of a press. `events`: the press of each alert, by the alert's id in hex."""
    first: dict[str, Push] = {}
    for one in pushes:
        first.setdefault(one.key, one)
    ours = [(events[one.tag], one.at) for one in first.values() if events.get(one.tag) in pressed]
    expected = CAREGIVERS * len(pressed)
    result: dict[str, Any] = {"pushes": expected, "lost": expected - len(ours), "doubled": len(pushes) - len(first)}
    if not ours:
        return result
    times: dict[str, list[float]] = defaultdict(list)
    for name, at in ours:
        times[name].append((at - pressed[name]) * 1000)
    span = max(at for _, at in ours) - min(pressed.values())
    return result | {
        "to_a_push_ms": percentiles([one for taken in times.values() for one in taken]),
        "to_the_fourth_push_ms": percentiles([max(one) for one in times.values() if len(one) >= CAREGIVERS] or [0.0]),
        "handed_over_per_second": round(len(ours) / span, 1),
    }


def judged_parts(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Of what PARTS gives."""
    if not rows:
        return {}
    return {"parts": {name: percentiles([row[place] for row in rows]) for place, name in enumerate(_PART_NAMES)}}


def kept_up(step: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the screens did, and whether the pushes did."""
    pushes = step["pushes"]
    return (
        not step["not_on_all_screens"] and step["to_the_third_screen_ms"]["p99"] <= KEPT_UP_MS,
        not pushes["lost"] and pushes["to_the_fourth_push_ms"]["p99"] <= KEPT_UP_MS,
    )


class Family:
    """Our processes by what they are, with the bench's own: what each takes."""

    def __init__(self, system: System, postgres: PostgresServer, people: Telephones) -> None:
        rows = system.sql("SELECT kind, pid FROM workers")
        started = {name: process.pid for name, process in system.processes.items()}
        self._pids = started | dict(rows) | {"telephones": people.pid, "this_bench": psutil.Process().pid}
        self._database = psutil.Process(postgres.pid)

    def memory(self) -> dict[str, int]:
        """Resident megabytes; forks of one process share the pages of what it had imported."""
        return {name: round(psutil.Process(pid).memory_info().rss / 2**20) for name, pid in self._pids.items()}

    def processor(self) -> dict[str, float]:
        """Seconds since each began."""
        found = {name: psutil.Process(pid).cpu_times()[:2] for name, pid in self._pids.items()}
        database = [self._database, *self._database.children(recursive=True)]
        return {name: sum(one) for name, one in found.items()} | {
            "database": sum(sum(one.cpu_times()[:2]) for one in database)
        }
