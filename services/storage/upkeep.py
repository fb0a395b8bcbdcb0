"""`anhu upkeep`: partitions ahead, roll-ups, retention, and what else is to be done once in a while. Any number may
run; one at a time does the work.

Nothing here stands between a press and a screen. While no upkeep runs, readings are stored and read as ever: gateways
make the next days' partitions themselves, and buckets are made from raw readings.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

import psycopg

from services.runtime.beats import Heart
from services.runtime.settings import Settings
from services.storage import erasing, retention, rolling, telling

log = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]

EVERY_SECONDS = 60.0
LATE_BATCHES = 100
#: A turn tells days for so long: many wait after an update only.
TELL_SECONDS = 20.0
#: Readings wait behind a new or a dropped partition, which locks their whole table: better to try again next time.
_GIVE_UP_SOON = "SET lock_timeout = '300ms'"
_GIVE_UP = "SET lock_timeout = '10s'"
#: A day is rolled up in one transaction, and does not talk to us meanwhile; between statements it always does.
_LET_GO = "SET idle_in_transaction_session_timeout = '60s'"
#: What others have to be done once in a while: a step's name, and what it does with the connection and the database's
#: time until it is done or `ended`; it returns how much that was.
Steps = Mapping[str, Callable[[Connection, datetime, Callable[[], bool]], int]]

_ELECT = "SELECT pg_try_advisory_lock(hashtextextended('anhu upkeep', 0))"
_STAND_DOWN = "SELECT pg_advisory_unlock(hashtextextended('anhu upkeep', 0))"
_NOW = "SELECT clock_timestamp()"


@dataclass(slots=True)
class Done:
    """What one turn did; `errors` tells what it could not do, by the name of the step."""

    counts: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def prepare(connection: Connection) -> None:
    connection.execute(_LET_GO)


def keep_up(
    connection: Connection,
    now: datetime | None = None,
    ended: Callable[[], bool] = lambda: False,
    more: Steps = MappingProxyType({}),
) -> Done | None:
    """One turn; None when another process is at it. `connection` is in autocommit; `now` is the database's time unless
    given. A step that fails does not keep the others from being done. Raises what psycopg raises for a lost
    connection."""
    elected = connection.execute(_ELECT).fetchone()
    if elected is None or not elected[0]:
        return None
    try:
        return _keep_up(connection, now or _now(connection), ended, more)
    finally:
        if not connection.closed:
            connection.execute(_STAND_DOWN)


def _keep_up(connection: Connection, now: datetime, ended: Callable[[], bool], more: Steps) -> Done:
    done = Done()

    def step(name: str, work: Callable[[], int], *, locks_readings: bool = False) -> None:
        if ended():
            return
        try:
            connection.execute(_GIVE_UP_SOON if locks_readings else _GIVE_UP)
            count = work()
        except (psycopg.Error, ValueError) as error:  # the latter: a key that is missing
            if connection.closed:
                raise
            done.errors[name] = str(error).strip()
        else:
            if count:
                done.counts[name] = count

    keep = retention.kept(connection)
    step(
        "partitions_made",
        lambda: retention.make_partitions(connection, now.astimezone(UTC).date()),
        locks_readings=True,
    )
    step("days_rolled", lambda: _roll_days(connection, now, ended))
    step("late_rolled", lambda: _roll_late(connection, ended))
    # After what is being rolled up has ended, which may have seen readings of who was erased meanwhile.
    step("erased_again", lambda: erasing.erase_again(connection))
    step("days_told", lambda: _tell_days(connection, now, keep.get("readings_1h"), ended))
    step("raw_dropped", lambda: retention.drop_raw(connection, now, keep.get("readings")), locks_readings=True)
    step("rollups_dropped", lambda: retention.drop_rollups(connection, now, keep))
    step("rows_deleted", lambda: sum(retention.delete_aged(connection, now, keep).values()))
    for name, work in more.items():
        step(name, partial(work, connection, now, ended))
    return done


def _roll_days(connection: Connection, now: datetime, ended: Callable[[], bool]) -> int:
    rolling.close_days(connection, now)
    days = 0
    while not ended() and rolling.roll_next_day(connection):
        days += 1
    return days


def _roll_late(connection: Connection, ended: Callable[[], bool]) -> int:
    """Until what is late fits into one batch: it may come as fast as it goes, and the other steps want their turn."""
    total = 0
    for _ in range(LATE_BATCHES):
        late = 0 if ended() else rolling.roll_late(connection)
        total += late
        if late < rolling.LATE_AT_ONCE:
            break
    return total


def _tell_days(connection: Connection, now: datetime, keep: timedelta | None, ended: Callable[[], bool]) -> int:
    """For so long as the other steps may wait."""
    cut = retention.rollup_cut(now, keep, rolling.state(connection)[3])
    not_before = None if cut is None else retention.told_cut(cut)
    days, begun = 0, time.monotonic()
    while time.monotonic() - begun < TELL_SECONDS and not ended() and telling.tell_next_day(connection, not_before):
        days += 1
    return days


def _now(connection: Connection) -> datetime:
    row = connection.execute(_NOW).fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


class Upkeep(threading.Thread):
    def __init__(self, settings: Settings, more: Steps = MappingProxyType({})) -> None:
        super().__init__(name="upkeep", daemon=True)
        self._more = more
        self._url = settings.database_url
        self._ended = threading.Event()
        self._connection: Connection | None = None
        self._begun: float | None = None
        self._outage: str | None = None
        self._errors: dict[str, str] = {}
        self._counters: dict[str, int] = {}
        self._heart = Heart("upkeep", settings.database_url, self.status)

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        begun = self._begun
        return {
            "ok": self._outage is None and not self._errors,
            "database": "connected" if self._outage is None else "disconnected",
            "busy_seconds": 0 if begun is None else round(time.monotonic() - begun),
            "errors": dict(self._errors),
            "counters": dict(self._counters),
        }

    def run(self) -> None:
        self._heart.start()
        while not self._ended.is_set():
            self._begun = time.monotonic()
            try:
                self._turn()
            except psycopg.Error as error:
                if self._outage is None:
                    log.error("upkeep: the database refuses us, trying again: %s", str(error).strip())
                self._outage = str(error).strip()
                self._disconnect()
            self._begun = None
            self._ended.wait(EVERY_SECONDS if self._outage is None else 2.0)
        self._disconnect()
        self._heart.stop()

    def _turn(self) -> None:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
            prepare(self._connection)
        done = keep_up(self._connection, ended=self._ended.is_set, more=self._more)
        if self._outage is not None:
            log.info("upkeep: the database is back")
        self._outage = None
        if done is None:
            self._errors = {}
            return
        for name, count in done.counts.items():
            self._counters[name] = self._counters.get(name, 0) + count
        if done.counts:
            log.info("upkeep: %s", ", ".join(f"{name} {count}" for name, count in done.counts.items()))
        for name, error in done.errors.items():
            log.warning("upkeep: %s failed, trying again: %s", name, error)
        self._errors = done.errors

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def stop(self) -> None:
        """A day that is being rolled up is given up: it is one transaction, and is begun again."""
        self._ended.set()
        connection = self._connection
        if connection is not None and self._begun is not None:
            connection.cancel_safe(timeout=2)
        self.join(timeout=10)


def run(settings: Settings, more: Steps = MappingProxyType({})) -> None:
    """Runs until SIGTERM or SIGINT; ends with an error when its thread has died, for its supervisor to see."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    upkeep = Upkeep(settings, more)
    upkeep.start()
    log.info("upkeep started")
    while not ended.wait(0.5):
        if not upkeep.is_alive():
            log.critical("the thread of upkeep has ended")
            raise SystemExit(1)
    upkeep.stop()
    log.info("upkeep stopped")
