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
from alerts.sift import AT_ONCE, look_at_some
from alerts.uncover import mark_uncovered
from alerts.worker import SWEEP_SECONDS, Connection, Wake, Work, Worker, Works, run_worker
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: Presses go first.
NICENESS = 5
#: Devices that fall silent are looked for this often.
DEVICES_SECONDS = 5.0
#: Whoever is marked waits no longer than this, or the rules do not keep up.
LATE_SECONDS = 60.0

#: From one turn of looks to the next: what comes meanwhile is one turn's. What is red by measurements has lasted for
#: three minutes, and devices measure once in one to thirty.
TURN_SECONDS = 2.0
#: The same of limits. Until gateways have them, those before hold, and what they missed is looked at then.
COMPILE_SECONDS = 5.0
#: Each task looks for its work this often even though nobody has told it that there is some.
ANYHOW_SECONDS = 15.0
#: All who were not looked at for long are looked for this often; …
SWEEP_ALL_SECONDS = 60.0
#: … those whom a gateway cannot mark, and whose alerts were closed, this often.
ROUND_SECONDS = 10.0

# One question a second in place of one of each task.
_WORK = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(marked_at) FILTER (WHERE NOT swept)), 0)::float,
       count(*) FILTER (WHERE attempts > 0), coalesce(bool_or(not_before <= clock_timestamp()), false) AS looks,
       EXISTS (SELECT FROM limits_stale) AS limits,
       EXISTS (SELECT FROM elder_looks WHERE due_at <= clock_timestamp()) AS due,
       EXISTS (SELECT FROM rule_episodes WHERE cleared_at IS NULL AND held = 'silenced') AS covers,
       EXISTS (SELECT FROM drills WHERE over_at IS NULL AND starts_at <= clock_timestamp()) AS drills
FROM rule_checks
"""
_TASKS = ("looks", "limits", "due", "covers", "drills")


class Rules(Worker):
    kind = "rules"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, (), ("looks", "turns", "compiled", "device_alerts", "failures"))
        self._work = {name: Wake() for name in _TASKS}
        self.wakes["anhu_rules"] = self._work["looks"]
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
            begun = time.monotonic()
            looked, failures = await look_at_some(connection, self._book)
            works()
            self.counters["looks"] += looked - len(failures)
            self.counters["failures"] += len(failures)
            for failure in failures:
                log.error("elder %s could not be looked at, trying again", failure.elder_id, exc_info=failure.error)
            if not looked:
                await self._work["looks"].wait(ANYHOW_SECONDS)
                continue
            self.counters["turns"] += 1
            if looked < AT_ONCE:
                await asyncio.sleep(max(0.0, TURN_SECONDS - (time.monotonic() - begun)))

    async def _compile_limits(self, connection: Connection, works: Works) -> None:
        """What gateways mark by; and whom they could not mark."""
        await store_built_in(connection)
        await compile_limits.begin(connection)
        next_round = next_sweep = 0.0
        while True:
            begun = time.monotonic()
            compiled = await compile_limits.compile_next(connection, self._book)
            self.counters["compiled"] += compiled
            if begun >= next_sweep:
                there_may_be_more = await compile_limits.sweep(connection) >= compile_limits.SWEPT_AT_ONCE
                next_sweep = begun + (ROUND_SECONDS if there_may_be_more else SWEEP_ALL_SECONDS)
            elif begun >= next_round:
                await compile_limits.sweep_some(connection)
            if begun >= next_round:
                next_round = begun + ROUND_SECONDS
            works()
            if not compiled:
                await self._work["limits"].wait(max(0.0, next_round - time.monotonic()))
            elif compiled < compile_limits.AT_ONCE:
                await asyncio.sleep(max(0.0, COMPILE_SECONDS - (time.monotonic() - begun)))

    async def _uncover(self, connection: Connection, works: Works) -> None:
        while True:
            await mark_uncovered(connection)
            works()
            await self._next("covers")

    async def _next(self, name: str) -> None:
        """Until there is work, or long enough has passed; but never at once."""
        await asyncio.sleep(SWEEP_SECONDS)
        await self._work[name].wait(ANYHOW_SECONDS)

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
                await self._next("due")

    async def _go_round_drills(self, connection: Connection, works: Works) -> None:
        while True:
            await go_round_drills(connection)
            works()
            await self._next("drills")

    async def _watch_over(self, connection: Connection, works: Works) -> None:
        """Whether we keep up; and who has work."""
        while True:
            row = await (await connection.execute(_WORK)).fetchone()
            assert row is not None
            self._marked = (row[0], row[1], row[2])
            works()
            for name, there_is in zip(_TASKS, row[3:], strict=True):
                if there_is:
                    self._work[name].set()
            await asyncio.sleep(SWEEP_SECONDS)


def run(settings: Settings) -> None:
    """Runs until SIGTERM."""
    os.nice(NICENESS)
    os.environ["PGAPPNAME"] = "anhu-rules"
    run_worker(Rules(settings))
