"""What `anhu alerts` does in a process beside the one that takes presses in: looks at readings, and after devices.

It may be slow, fail or die: presses are taken in, and timers run, without it (ADR 14).
"""

import asyncio
import logging
import os
import time
from typing import Any

from alerts import compile_limits, devices, due
from alerts.built_in_rules import store_built_in
from alerts.drill_round import go_round_drills
from alerts.rulebook import RuleBook
from alerts.sift import look_at_some
from alerts.uncover import mark_uncovered
from alerts.worker import SWEEP_SECONDS, Connection, Work, Worker, Works, run_worker
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: Presses go first.
NICENESS = 5
#: Elders whom nobody marked are looked for this often.
ROUND_SECONDS = 10.0
#: Devices that fall silent are looked for this often.
DEVICES_SECONDS = 5.0
#: Whoever is marked waits no longer than this, or the rules do not keep up.
LATE_SECONDS = 60.0

_MARKED = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(marked_at) FILTER (WHERE NOT swept)), 0)::float,
       count(*) FILTER (WHERE attempts > 0) FROM rule_checks
"""


class Rules(Worker):
    kind = "rules"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, ("anhu_rules",), ("looks", "device_alerts", "failures"))
        self._book = RuleBook()
        self._marked: tuple[int, float, int] = (0, 0.0, 0)
        self._devices_error: str | None = None

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        waiting, oldest, failing = self._marked
        unreadable = list(self._book.unreadable)
        behind = oldest >= LATE_SECONDS or bool(failing or unreadable)
        return {
            "ok": self.turning and self.database_ok and not behind and self._devices_error is None,
            "database": "connected" if self.database_ok else "disconnected",
            "stuck": not self.turning,
            "waiting": waiting,
            "oldest_seconds": round(oldest, 1),
            "failing": failing,
            "unreadable": unreadable,
            "devices_error": self._devices_error,
            "counters": dict(self.counters),
        }

    def tasks(self) -> dict[str, Work]:
        return {
            "rules": self._look,
            "limits": self._compile_limits,
            "covers": self._uncover,
            "devices": self._look_after_devices,
            "due": self._mark_due,
            "drills": self._go_round_drills,
            "watch": self._watch_over,
        }

    async def _look(self, connection: Connection, works: Works) -> None:
        """At elders whose readings may matter to a rule."""
        while True:
            looked, failures = await look_at_some(connection, self._book)
            works()
            self.counters["looks"] += looked - len(failures)
            self.counters["failures"] += len(failures)
            for failure in failures:
                log.error("elder %s could not be looked at, trying again", failure.elder_id, exc_info=failure.error)
            if not looked:
                await self.wakes["anhu_rules"].wait(SWEEP_SECONDS)

    async def _compile_limits(self, connection: Connection, works: Works) -> None:
        """What gateways mark by; and whom they could not mark."""
        await store_built_in(connection)
        await compile_limits.begin(connection)
        next_round = 0.0
        while True:
            compiled = await compile_limits.compile_next(connection, self._book)
            if time.monotonic() >= next_round:
                await compile_limits.sweep(connection)
                next_round = time.monotonic() + ROUND_SECONDS
            works()
            if not compiled:
                await asyncio.sleep(SWEEP_SECONDS)

    async def _uncover(self, connection: Connection, works: Works) -> None:
        while True:
            await mark_uncovered(connection)
            works()
            await asyncio.sleep(SWEEP_SECONDS)

    async def _look_after_devices(self, connection: Connection, works: Works) -> None:
        rounds = devices.Rounds()
        while True:
            begun = time.monotonic()
            turn = await devices.look_after_devices(connection, rounds)
            works()
            if isinstance(turn, devices.Failure):
                self.counters["failures"] += 1
                self._devices_error = str(turn.error)[:200]
                log.error("devices could not be looked after, trying again", exc_info=turn.error)
            else:
                self._devices_error = None
                self.counters["device_alerts"] += turn.alerts
            await asyncio.sleep(max(DEVICES_SECONDS - (time.monotonic() - begun), SWEEP_SECONDS))

    async def _mark_due(self, connection: Connection, works: Works) -> None:
        """Whoever is to be looked at though nothing comes."""
        while True:
            marked = await due.mark_due(connection)
            works()
            if not marked:
                await asyncio.sleep(SWEEP_SECONDS)

    async def _go_round_drills(self, connection: Connection, works: Works) -> None:
        while True:
            await go_round_drills(connection)
            works()
            await asyncio.sleep(SWEEP_SECONDS)

    async def _watch_over(self, connection: Connection, works: Works) -> None:
        while True:
            row = await (await connection.execute(_MARKED)).fetchone()
            assert row is not None
            self._marked = (row[0], row[1], row[2])
            works()
            await asyncio.sleep(1)


def run(settings: Settings) -> None:
    """Runs until SIGTERM."""
    os.nice(NICENESS)
    os.environ["PGAPPNAME"] = "anhu-rules"
    run_worker(Rules(settings))
