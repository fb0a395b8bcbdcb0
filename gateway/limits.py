"""Which readings may matter to a rule: marked by limits that `alerts` compiles for each device of an elder.

A gateway only marks. Whoever is marked is looked at by `alerts`, with the readings of the database before it; so a mark
too many costs a look, and what may never happen is a mark too few. While limits cannot be loaded the last known ones
are used, `status` says so, and `alerts` looks at everybody more often.
"""

import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from gateway.decoders.model import MEASURED

log = logging.getLogger(__name__)

#: The columns of a row of readings before those that are measured.
_UNMEASURED = 4
#: (place in a row of readings, least, most) of each measurement that has limits
Envelope = tuple[tuple[int, float, float], ...]
Connection = psycopg.Connection[Any]

LOAD_EVERY_SECONDS = 2.0
#: Limits that were not asked for so long count as unknown.
STALE_SECONDS = 30.0
#: A reading that comes later than this is marked whatever it says: limits are made for what is measured now.
LATE = timedelta(minutes=2)
#: Everything is loaded again so often: what a missed change would cost is bounded.
ALL_EVERY_SECONDS = 3600.0
#: Every reading of the device is marked.
EVERY: Envelope = ((-1, 0.0, 0.0),)


class Quiet(NamedTuple):
    """Some rules want no look until then: `meanwhile` holds for what was measured before."""

    until: datetime
    meanwhile: Envelope
    then: Envelope


class _NotLoaded(dict[int, Envelope | Quiet]):
    """Before limits are loaded nobody knows what may matter. What is late then is asked about by no sweep later."""

    def get(self, key: int, default: Any = None) -> Envelope:
        return EVERY


# Of transactions that were open at the last look, none is older than its xmin: what they have changed since is found
# by it, in whatever order they commit.
_OPEN_SINCE = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_LIMITS = "SELECT device_key, watched, limits::text, quiet::text, quiet_until FROM device_limits"
_CHANGED = _LIMITS + " WHERE changed_in >= %s::xid8"
_MARK = """
INSERT INTO rule_checks (elder_id, since)
SELECT d.elder_id, min(m.since) FROM unnest(%s::int[], %s::timestamptz[]) AS m (device_key, since)
JOIN devices d ON d.key = m.device_key WHERE d.elder_id IS NOT NULL GROUP BY d.elder_id ORDER BY d.elder_id
"""
_HINT = "SELECT pg_notify('anhu_rules', '')"


class Limits(threading.Thread):
    """Keeps every device's limits in memory, equal ones once."""

    def __init__(self, database_url: str) -> None:
        super().__init__(name="limits", daemon=True)
        self._url = database_url
        self._ended = threading.Event()
        #: by device key; none for a device that no rule looks at
        self.of: dict[int, Envelope | Quiet] = _NotLoaded()
        self._equal: dict[str, Envelope] = {}
        self._open_since: str | None = None
        self._loaded_at: float | None = None
        self._all_at = 0.0
        self.marked = 0
        self._failure: str | None = None
        #: why the last marks were not written
        self._unmarked: str | None = None

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread; `ok`: readings are marked as the rules want it."""
        at = self._loaded_at
        current = at is not None and time.monotonic() - at < STALE_SECONDS
        error = self._failure or self._unmarked or (None if current else "the limits of devices have not been loaded")
        return {"ok": error is None, "devices": len(self.of), "marked": self.marked, "error": error}

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    while not self._ended.is_set():
                        self.load(connection)
                        self._ended.wait(LOAD_EVERY_SECONDS)
            except (psycopg.Error, ValueError, TypeError, AttributeError) as error:
                # Also what is not as we expect it: a gateway without limits stores all the same.
                if self._failure is None:
                    log.error("limits of devices cannot be loaded, trying again: %s", str(error).strip())
                self._failure = str(error).strip()
                self._open_since = None
                self._ended.wait(LOAD_EVERY_SECONDS)

    def load(self, connection: Connection) -> None:
        """Brings `of` to what the database has; all of it at first, then what has changed."""
        row = connection.execute(_OPEN_SINCE).fetchone()
        assert row is not None
        last, self._open_since = self._open_since, row[0]
        whole = last is None or int(row[0]) < int(last) or time.monotonic() - self._all_at > ALL_EVERY_SECONDS
        if whole:
            self._equal = {}
            found: dict[int, Envelope | Quiet] = {}
            with connection.transaction(), connection.cursor("limits") as cursor:
                cursor.itersize = 5000
                cursor.execute(_LIMITS)
                self._take(found, cursor)
            self.of = found
            self._all_at = time.monotonic()
        else:
            self._take(self.of, connection.execute(_CHANGED, (last,)))
        if self._failure is not None:
            log.info("limits of devices are loaded again")
        self._loaded_at, self._failure = time.monotonic(), None

    def _take(self, into: dict[int, Envelope | Quiet], rows: Iterable[tuple[Any, ...]]) -> None:
        for key, watched, limits, quiet, until in rows:
            envelope = EVERY if watched else self._envelope(limits)
            if until is not None and not watched:
                into[key] = Quiet(until, self._envelope(quiet), envelope)
            elif envelope:
                into[key] = envelope
            else:
                into.pop(key, None)

    def _envelope(self, limits: str) -> Envelope:
        envelope = self._equal.get(limits)
        if envelope is None:
            envelope = self._equal[limits] = envelope_of(json.loads(limits))
        return envelope

    def mark(self, cursor: psycopg.Cursor[Any], marks: Mapping[int, datetime]) -> None:
        """Marks the elders of these devices, each with the oldest of its readings, in the caller's transaction.
        Whatever goes wrong with it, the readings are stored."""
        try:
            with cursor.connection.transaction():
                cursor.execute(_MARK, (list(marks), list(marks.values())))
                cursor.execute(_HINT)
        except psycopg.Error as error:
            if cursor.connection.closed:
                raise
            if self._unmarked is None:
                log.error("readings are stored and cannot be marked: %s", str(error).strip())
            self._unmarked = str(error).strip()
        else:
            self._unmarked = None
            self.marked += len(marks)

    def stop(self) -> None:
        self._ended.set()
        self.join(timeout=5)


def envelope_of(limits: Mapping[str, tuple[float | None, float | None]]) -> Envelope:
    """Limits by the names of measurements. Names that no reading has are left out: they are of a newer version."""
    return tuple(
        (_UNMEASURED + MEASURED.index(name), _or(low, "-inf"), _or(high, "inf"))
        for name, (low, high) in sorted(limits.items())
        if name in MEASURED
    )


def _or(limit: float | None, none: str) -> float:
    # float() of a number too: what is none must fail here, and not in the lane.
    return float(none if limit is None else limit)


def beyond(rows: Iterable[tuple[Any, ...]], limits: Mapping[int, Envelope | Quiet]) -> dict[int, datetime]:
    """Of rows as the telemetry lane stores them (device key, ts, seq, received_at, MEASURED): the devices with one that
    may matter to a rule, and the oldest such `ts` of each."""
    found: dict[int, datetime] = {}
    limits_of = limits.get
    for row in rows:
        envelope = limits_of(row[0])
        if envelope is None:
            continue
        if isinstance(envelope, Quiet):
            envelope = envelope.meanwhile if row[1] < envelope.until else envelope.then
        if envelope is not EVERY and row[3] - row[1] <= LATE:
            for place, low, high in envelope:
                value = row[place]
                if value is not None and not low <= value <= high:
                    break
            else:
                continue
        key, ts = row[0], row[1]
        if key not in found or ts < found[key]:
            found[key] = ts
    return found
