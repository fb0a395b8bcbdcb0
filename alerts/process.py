"""`anhu alerts`: takes events in, acts on timers, delivers receipts; beside it, each in a process of its own, the rules
on readings, trials of rules on stored history, what tells people, and visits, medicines and commands. Any number may
run."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import aiomqtt

from alerts import care_process, rules_process, timers, trials_process
from alerts.deliver import deliver_receipts
from alerts.rescues import Rescues
from alerts.sender import Sender
from alerts.take_in import Failure, take_in_next
from alerts.timers import act_on_next_timer
from alerts.worker import STUCK_SECONDS, SWEEP_SECONDS, Connection, Work, Works, run_worker
from services.runtime.beside import Beside
from services.runtime.settings import Settings
from services.storage.hung import END_HUNG, LET_GO_SLOWLY

log = logging.getLogger(__name__)

#: How many events are taken in at once; more would only wait for the same disk.
INTAKES = 3

_BACKLOG = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float,
       count(*) FILTER (WHERE attempts > 0) FROM event_queue
"""

_OVERDUE = "SELECT count(*) FROM alert_timers WHERE due_at < statement_timestamp() - interval '10 seconds'"


class Alerts(Sender):
    kind = "alerts"
    sends = "receipts"
    takes_from_queues = True

    def __init__(self, settings: Settings, beside: Sequence[Beside]) -> None:
        counted = ("events_taken_in", "failures", "timers", "plans", "receipts")
        super().__init__(settings, ("anhu_events", "anhu_outbox", "anhu_plans"), counted)
        self._kept = beside
        self._overdue = 0
        self._backlog: tuple[int, float, int] = (0, 0.0, 0)
        self._rescues = Rescues(self.wakes["anhu_plans"], self.counters)

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        waiting, oldest, failing = self._backlog
        return {
            "ok": self.turning and self.database_ok and self.mqtt_ok and oldest < STUCK_SECONDS,
            "mqtt": self.mqtt_words,
            "database": "connected" if self.database_ok else "disconnected",
            "stuck": not self.turning or oldest >= STUCK_SECONDS,
            "queue": {"waiting": waiting, "oldest_seconds": round(oldest, 1), "failing": failing},
            "timers": {"overdue": self._overdue},
            **self._rescues.status(),
            "counters": dict(self.counters),
        }

    def tasks(self) -> dict[str, Work]:
        intakes: dict[str, Work] = {f"intake {number}": self._take_in for number in range(1, INTAKES + 1)}
        return intakes | {"timers": self._watch_timers, **self._rescues.tasks(), "watch": self._watch_over}

    async def _take_in(self, connection: Connection, works: Works) -> None:
        wake = self.wakes["anhu_events"]
        while True:
            taken = await take_in_next(connection)
            works()
            if isinstance(taken, Failure):
                self.counters["failures"] += 1
                log.error("event %d could not be taken in, trying again", taken.event, exc_info=taken.error)
            elif taken:
                self.counters["events_taken_in"] += 1
                # Where there was one there may be more: another one helps.
                wake.set()
            else:
                await wake.wait(SWEEP_SECONDS)

    async def _watch_timers(self, connection: Connection, works: Works) -> None:
        while True:
            acted = await act_on_next_timer(connection)
            works()
            if isinstance(acted, timers.Failure):
                self.counters["failures"] += 1
                log.error("timer %s of alert %s failed, trying again", acted.kind, acted.alert_id, exc_info=acted.error)
            elif acted:
                self.counters["timers"] += 1
            else:
                await asyncio.sleep(SWEEP_SECONDS / 2)

    async def _watch_over(self, connection: Connection, works: Works) -> None:
        while True:
            row = await (await connection.execute(_BACKLOG)).fetchone()
            assert row is not None
            self._backlog = (row[0], row[1], row[2])
            overdue = await (await connection.execute(_OVERDUE)).fetchone()
            assert overdue is not None
            self._overdue = overdue[0]
            for pid, name, _ in await (await connection.execute(END_HUNG)).fetchall():
                log.warning(
                    "a session of %s (server process %d) hung in the middle of its work and was ended", name, pid
                )
            works()
            if not all(one.is_alive() for one in self._kept):
                raise RuntimeError("nobody begins a process beside this one again: it ends, to be started anew")
            await asyncio.sleep(1)

    async def send_over(self, client: aiomqtt.Client, connection: Connection, works: Works) -> None:
        await connection.execute(LET_GO_SLOWLY)
        while True:
            sent = await deliver_receipts(connection, client)
            works()
            self.counters["receipts"] += sent
            if not sent:
                await self.wakes["anhu_outbox"].wait(SWEEP_SECONDS)


def _deliver(settings: Settings) -> None:
    # What speaks HTTP is loaded there alone: whoever takes presses in is back sooner.
    from alerts import delivery_process

    delivery_process.run(settings)


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    beside = [
        Beside("rules", partial(rules_process.run, settings)),
        Beside("trials", partial(trials_process.run, settings)),
        Beside("delivery", partial(_deliver, settings)),
        Beside("care", partial(care_process.run, settings)),
    ]
    for one in beside:
        one.start()  # forks: before the first thread
    try:
        run_worker(Alerts(settings, beside))
    finally:
        for one in reversed(beside):
            one.stop()
