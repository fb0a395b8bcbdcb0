"""Which readings may matter to a rule: marked by limits that `alerts` compiles for each device of an elder.

A gateway only marks. Whoever is marked is looked at by `alerts`, with the readings of the database before it; so a mark
too many costs a look, and what may never happen is a mark too few. While limits cannot be loaded the last known ones
are used, `status` says so, and `alerts` looks at everybody more often.
"""

import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg

from gateway.decoders.model import MEASURED

log = logging.getLogger(__name__)

#: The columns of a row of readings before those that are measured.
_UNMEASURED = 4
#: (place in a row of readings, least, most) of a measurement
Part = tuple[int, float, float]
Connection = psycopg.Connection[Any]

LOAD_EVERY_SECONDS = 2.0
#: Limits that were not asked for so long count as unknown.
STALE_SECONDS = 30.0
#: A reading that comes later than this is marked whatever it says: limits are made for what is measured now.
LATE = timedelta(minutes=2)
#: Everything is loaded again so often: what a missed change would cost is bounded.
ALL_EVERY_SECONDS = 3600.0


class Joint(NamedTuple):
    """Measurements of which each has as many points as it is outside of bands. A reading is outside with more than
    `most` points together; or with any, when it has not all of them."""

    most: int
    #: the band of each without a point, and the others
    parts: tuple[tuple[Part, tuple[tuple[float, float], ...]], ...]

    def outside(self, row: tuple[Any, ...]) -> bool:
        points, whole = 0, True
        for (place, low, high), more in self.parts:
            value = row[place]
            if value is None:
                whole = False
            elif not low <= value <= high:
                points += 1
                for low, high in more:  # noqa: PLW2901
                    if not low <= value <= high:
                        points += 1
        return points > self.most or (points > 0 and not whole)


class Envelope(NamedTuple):
    """A reading with a measurement outside of its part is marked; or one that is outside of what counts together."""

    parts: tuple[Part, ...]
    joint: Joint | None = None


#: Every reading of the device is marked.
EVERY: Final = Envelope(((-1, 0.0, 0.0),))


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
_LIMITS = "SELECT device_key, watched, limits::text, quiet::text, quiet_until, score::text FROM device_limits"
_CHANGED = _LIMITS + " WHERE changed_in >= %s::xid8"
# Catches what goes wrong in the server: the readings before it are to be stored all the same.
_MARK = "SELECT mark_readings(%s::int[], %s::timestamptz[])"


class Limits(threading.Thread):
    """Keeps every device's limits in memory, equal ones once."""

    def __init__(self, database_url: str) -> None:
        super().__init__(name="limits", daemon=True)
        self._url = database_url
        self._ended = threading.Event()
        #: by device key; none for a device that no rule looks at
        self.of: dict[int, Envelope | Quiet] = _NotLoaded()
        self._equal: dict[tuple[str, str | None], Envelope] = {}
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
        for key, watched, limits, quiet, until, score in rows:
            envelope = EVERY if watched else self._envelope(limits, score)
            if until is not None and not watched:
                into[key] = Quiet(until, self._envelope(quiet, score), envelope)
            elif envelope.parts or envelope.joint:
                into[key] = envelope
            else:
                into.pop(key, None)

    def _envelope(self, limits: str, score: str | None) -> Envelope:
        envelope = self._equal.get((limits, score))
        if envelope is None:
            told = None if score is None else json.loads(score)
            envelope = self._equal[limits, score] = envelope_of(json.loads(limits), told)
        return envelope

    def mark(self, cursor: psycopg.Cursor[Any], marks: Mapping[int, datetime]) -> None:
        """Marks the elders of these devices, each with the oldest of its readings, in the caller's transaction.
        Whatever goes wrong with it, the readings are stored."""
        found = cursor.execute(_MARK, (list(marks), list(marks.values()))).fetchone()
        error = found[0] if found else None
        if error is None:
            self.marked += len(marks)
        elif self._unmarked is None:
            log.error("readings are stored and cannot be marked: %s", error)
        self._unmarked = error

    def stop(self) -> None:
        self._ended.set()
        self.join(timeout=5)


Limit = tuple[float | None, float | None]


def envelope_of(limits: Mapping[str, Limit], score: Mapping[str, Any] | None = None) -> Envelope:
    """Limits by the names of measurements, and a score as `device_limits` has it. Names that no reading has are left
    out: they are of a newer version. What is left of a score then is never whole, so that each point of it counts."""
    parts = tuple(_part(name, limit) for name, limit in sorted(limits.items()) if name in MEASURED)
    return Envelope(parts, None if score is None else _joint(score["most"], score["bands"]))


def _joint(most: int, bands: Mapping[str, Sequence[Limit]]) -> Joint:
    known = [(name, of) for name, of in sorted(bands.items()) if name in MEASURED]
    parts = tuple((_part(name, of[0]), tuple(_part(name, one)[1:] for one in of[1:])) for name, of in known)
    return Joint(int(most) if len(known) == len(bands) else 0, parts)


def _part(name: str, limit: Limit) -> Part:
    low, high = limit
    return _UNMEASURED + MEASURED.index(name), _or(low, "-inf"), _or(high, "inf")


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
            parts, joint = envelope
            for place, low, high in parts:
                value = row[place]
                if value is not None and not low <= value <= high:
                    break
            else:
                if joint is None or not joint.outside(row):
                    continue
        key, ts = row[0], row[1]
        if key not in found or ts < found[key]:
            found[key] = ts
    return found
