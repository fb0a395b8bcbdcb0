"""What `anhu alerts` does in a process beside the one that takes presses in: visits that are due, medicines, commands
to devices, webhooks for changes. Presses, and what tells people of them, go on without it."""

import asyncio
import logging
import os
import time
from typing import Any, Final

import aiomqtt
import psycopg

from alerts import medication_round, visit_dues
from alerts.commands import follow_commands, send_commands
from alerts.medication_round import follow_taken, look_after_next, make_doses
from alerts.push_changes import Pusher
from alerts.sender import Sender
from alerts.visit_dues import raise_next_overdue, refresh_dues
from alerts.worker import SWEEP_SECONDS, Connection, Work, Works, run_worker
from services.registry.sealing import NO_KEYS, Keys, KeysError
from services.runtime.settings import Settings
from services.storage.errors import is_conflict, is_outage

log = logging.getLogger(__name__)

#: After presses, rules, and what tells people.
NICENESS: Final = 5
#: How often the records are asked who is due for a visit; a large district is given more rest.
DUES_SECONDS: Final = 60.0
REST: Final = 50
#: How often schedules are asked what is due soon: they are made a quarter of an hour ahead.
AHEAD_SECONDS: Final = 60.0
#: How long after a fault /readyz tells of it.
TOLD_SECONDS: Final = 90.0

_BEHIND = """
SELECT (SELECT count(*) FROM medication_doses WHERE next_at < clock_timestamp() - interval '1 minute'),
       (SELECT count(*) FROM device_commands
        WHERE state = 'asked' AND asked_at < clock_timestamp() - interval '20 seconds'),
       (SELECT count(*) FROM webhooks WHERE paused_why IN ('failing', 'gone')),
       (SELECT count(*) FROM webhooks w JOIN webhook_states s ON s.webhook_id = w.id
        WHERE w.paused_at IS NULL AND s.failing_since < clock_timestamp() - interval '15 minutes')
"""


class Care(Sender):
    kind = "care"
    sends = "commands"

    def __init__(self, settings: Settings) -> None:
        counted = ("visits", "doses", "commands", "results", "failures")
        super().__init__(settings, ("anhu_commands",), counted)
        self._behind = (0, 0, 0, 0)
        self._pusher = Pusher(_keys_of(settings), local=settings.channels_may_be_local, told=self._note)
        self._fault = ("", float("-inf"))

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        fault, at = self._fault
        fault = fault if time.monotonic() - at < TOLD_SECONDS else ""
        doses, commands, stopped, failing = self._behind
        return {
            "ok": self.turning and self.database_ok and self.mqtt_ok and not fault and not doses,
            "database": "connected" if self.database_ok else "disconnected",
            "mqtt": self.mqtt_words,
            "stuck": not self.turning,
            "late": {"doses": doses, "commands": commands},
            "webhooks": {"stopped": stopped, "failing": failing, "held_seconds": round(self._pusher.held_seconds)},
            "fault": fault or None,
            "counters": {**self.counters, "pushed": self._pusher.pushed, "push_failures": self._pusher.failures},
        }

    def tasks(self) -> dict[str, Work]:
        return {
            "visits": self._visits,
            "medication": self._medication,
            "results": self._results,
            "webhooks": self._pusher.run,
            "watch": self._watch_over,
        }

    async def _visits(self, connection: Connection, works: Works) -> None:
        refresh_at = 0.0
        while True:
            raised: bool | visit_dues.Failure = False
            try:
                if time.monotonic() >= refresh_at:
                    begun = time.monotonic()
                    await refresh_dues(connection)
                    refresh_at = time.monotonic() + max(DUES_SECONDS, REST * (time.monotonic() - begun))
                raised = await raise_next_overdue(connection)
            except psycopg.Error as error:
                self._failed(connection, "visits", error)
            works()
            if isinstance(raised, visit_dues.Failure):
                self._tell("an overdue visit", raised.error)
            elif raised:
                self.counters["visits"] += 1
            if raised is not True:
                await asyncio.sleep(2 * SWEEP_SECONDS)

    async def _medication(self, connection: Connection, works: Works) -> None:
        ahead_at, event = 0.0, 0
        while True:
            done: bool | medication_round.Failure = False
            try:
                if time.monotonic() >= ahead_at:
                    await make_doses(connection)
                    ahead_at = time.monotonic() + AHEAD_SECONDS
                event = await follow_taken(connection, event)
                done = await look_after_next(connection)
            except psycopg.Error as error:
                self._failed(connection, "medicines", error)
            works()
            if isinstance(done, medication_round.Failure):
                self._tell("a medicine", done.error)
            elif done:
                self.counters["doses"] += 1
            if done is not True:
                await asyncio.sleep(SWEEP_SECONDS)

    async def _results(self, connection: Connection, works: Works) -> None:
        while True:
            found = 0
            try:
                found = await follow_commands(connection)
            except psycopg.Error as error:
                self._failed(connection, "results of commands", error)
            works()
            self.counters["results"] += found
            if not found:
                await asyncio.sleep(SWEEP_SECONDS)

    async def _watch_over(self, connection: Connection, works: Works) -> None:
        while True:
            row = await (await connection.execute(_BEHIND)).fetchone()
            assert row is not None
            self._behind = (row[0], row[1], row[2], row[3])
            works()
            await asyncio.sleep(2)

    async def send_over(self, client: aiomqtt.Client, connection: Connection, works: Works) -> None:
        while True:
            sent = await send_commands(connection, client)
            works()
            self.counters["commands"] += sent
            if not sent:
                await self.wakes["anhu_commands"].wait(SWEEP_SECONDS)

    def _failed(self, connection: Connection, what: str, error: psycopg.Error) -> None:
        """Raises what the whole task has to begin anew for; tells the rest."""
        if connection.closed or is_outage(error):
            raise error
        if not is_conflict(error):
            self._tell(what, error)

    def _tell(self, what: str, error: Exception) -> None:
        self._note(f"{what}: {error}")
        log.error("%s failed, trying again", what, exc_info=error)

    def _note(self, fault: str) -> None:
        self.counters["failures"] += 1
        self._fault = (fault[:300], time.monotonic())


def _keys_of(settings: Settings) -> Keys:
    try:
        return Keys(settings.data_keys.get_secret_value())
    except KeysError as error:
        # Each webhook says that its secret cannot be opened; all else goes on.
        log.error("ANHU_DATA_KEYS: %s", error)
        return NO_KEYS


def run(settings: Settings) -> None:
    """Runs until SIGTERM."""
    os.nice(NICENESS)
    os.environ["PGAPPNAME"] = "anhu-care"
    run_worker(Care(settings))
