"""Slots: fixed secret client ids that gateways hold one at a time.

The broker keeps a client id's session, with its unacknowledged and waiting messages, while nobody holds it. So the
ids are few and stay; a process holds a slot by an advisory lock on a database session, which ends with the process.

A slot is taken over under its own id after TAKEOVER_SECONDS when nobody holds it, when its holder has hung, and when
its holder cannot reach the broker while we can: the broker goes on giving it its share of the presses. A process that
cannot reach the database lets its slots go by itself, since somebody else may hold them by then.
"""

import contextlib
import logging
import math
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg

log = logging.getLogger(__name__)

TAKEOVER_SECONDS = 5
#: Who lost a slot because it heard nothing takes none from those who hear for so long: only one that nobody holds.
MODEST_SECONDS = 30
_LOCK_CLASS = 0x616E6875  # "anhu": the advisory locks of slots

#: Its holder has not beaten; or, when we judge since we do hear, has heard nothing.
_SILENT = """
CASE WHEN %(judge)s THEN least(beat_at, heard_at) ELSE beat_at END
    < clock_timestamp() - make_interval(secs => %(seconds)s)
"""
_FREE = f"SELECT slot, client_id FROM gateway_slots WHERE %(any)s OR {_SILENT} ORDER BY slot"
_LOCK = "SELECT pg_try_advisory_lock(%s, %s)"
_HOLD = """
UPDATE gateway_slots SET holder = %s, backend_pid = pg_backend_pid(), beat_at = clock_timestamp(),
       heard_at = clock_timestamp()
WHERE slot = %s
"""
_BEAT = """
UPDATE gateway_slots SET beat_at = clock_timestamp(),
       heard_at = CASE WHEN %s THEN clock_timestamp() ELSE heard_at END
WHERE slot = %s AND backend_pid = pg_backend_pid()
"""
#: A holder that is silent though its session lives: its session is ended, which frees the lock.
_HUNG = f"""
SELECT pg_terminate_backend(backend_pid, 1000) FROM gateway_slots s
WHERE {_SILENT} AND holder IS DISTINCT FROM %(holder)s
  AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = s.backend_pid AND a.application_name = 'anhu-slot')
"""
#: A process with more than one slot gives one to a newcomer.
_SPARE = """
SELECT slot, client_id, backend_pid FROM gateway_slots
WHERE holder IN (SELECT holder FROM gateway_slots WHERE holder IS NOT NULL GROUP BY holder HAVING count(*) > 1)
ORDER BY slot DESC LIMIT 1
"""
_NEW = """
INSERT INTO gateway_slots (slot, client_id)
SELECT coalesce(max(slot), 0) + 1, %s FROM gateway_slots RETURNING slot, client_id
"""


@dataclass(slots=True)
class Slot:
    number: int
    client_id: str
    group: str
    connection: psycopg.Connection[Any] = field(repr=False)


class Broker(Protocol):
    """What slots have to know of the broker."""

    def hears(self, slot: int) -> bool:
        """Whether messages come in over this slot."""

    def is_reachable(self) -> bool:
        """Whether the broker's port answers; may take seconds."""


class Slots(threading.Thread):
    """Holds the slots of this process: `taken` and `lost` are called as they come and go."""

    def __init__(
        self,
        database_url: str,
        broker: Broker,
        taken: Callable[[int, str, str], None],
        lost: Callable[[int], None],
    ) -> None:
        super().__init__(name="slots", daemon=True)
        self._url, self._broker = database_url, broker
        self._taken, self._lost = taken, lost
        self._held: dict[int, Slot] = {}
        self._beaten_at = time.monotonic()
        #: Since when messages come in over all our slots; None when they do not.
        self._hearing_since: float | None = None
        #: A slot was taken from us because we heard nothing: the next one waits until we can hear.
        self._deaf = False
        self._modest_until = -math.inf
        self._holder = uuid.uuid4()
        self._turned_away = False
        self._ended = threading.Event()

    def held(self) -> int:
        return len(self._held)

    def stop(self) -> None:
        self._ended.set()
        self.join(timeout=5)

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._keep()
                if not self._held:
                    self._first()
                self._adopt()
            except psycopg.Error as error:
                log.debug("slots: %s", error)  # the lanes say so once, loudly
            self._ended.wait(1.0 if self._held else 0.5)
        for slot in self._held.values():
            slot.connection.close()

    def _keep(self) -> None:
        heard = {number: self._broker.hears(number) for number in self._held}
        hearing = bool(heard) and all(heard.values())
        self._hearing_since = (self._hearing_since or time.monotonic()) if hearing else None
        for number, hears in heard.items():
            slot = self._held[number]
            try:
                beaten = slot.connection.execute(_BEAT, (hears, number)).rowcount
            except psycopg.Error:
                beaten = 0
            if beaten:
                self._beaten_at = time.monotonic()
                continue
            # The session ended: the lock is gone, perhaps to somebody else.
            slot.connection.close()
            silent_for = time.monotonic() - self._beaten_at
            if not hears and silent_for < TAKEOVER_SECONDS:  # else it was us who hung, and that is over
                log.warning("slot %d is let go: the broker cannot be reached from here", number)
                self._deaf, self._modest_until = True, time.monotonic() + MODEST_SECONDS
                self._let_go(number)
                continue
            try:
                again = self._take(number, slot.client_id)
            except psycopg.OperationalError:
                # A short absence: the MQTT connection stays, and holds its messages. After a longer one somebody who
                # reaches the database may have the slot, and two clients of one id would throw each other out.
                if silent_for > TAKEOVER_SECONDS:
                    log.warning("slot %d is let go: the database cannot be reached", number)
                    self._let_go(number)
                continue
            if again is None:
                log.warning("slot %d was taken over by another gateway", number)
                self._let_go(number)
            else:
                self._held[number] = again
                self._beaten_at = time.monotonic()

    def _let_go(self, number: int) -> None:
        del self._held[number]
        self._lost(number)

    def _hears_well(self) -> bool:
        """For long enough to judge those who do not: after an outage of the broker all come back in their time."""
        since = self._hearing_since
        return since is not None and time.monotonic() - since > TAKEOVER_SECONDS

    def _first(self) -> None:
        """A slot to begin with: one that nobody holds, else one too many of another's, else a new one."""
        if self._deaf and not self._broker.is_reachable():
            return
        with self._connect() as connection:
            for number, client_id in self._free(connection, judge=False, any_slot=True):
                if self._hold(number, client_id):
                    return
            if time.monotonic() < self._modest_until:
                return
            spare = connection.execute(_SPARE).fetchone()
            if spare is not None:
                number, client_id, backend_pid = spare
                # Waits until the session has ended, and its lock with it.
                connection.execute("SELECT pg_terminate_backend(%s, 2000)", (backend_pid,))
                if self._hold(number, client_id):
                    return
            if not self._turned_away:
                # The lock of a process that died a moment ago goes with its session, a moment later.
                self._turned_away = True
                return
            with contextlib.suppress(psycopg.errors.UniqueViolation):  # two newcomers: the next turn finds it
                connection.execute(_NEW, (f"anhu-{secrets.token_urlsafe(24)}",))

    def _adopt(self) -> None:
        if not self._held:
            return
        connection = next(iter(self._held.values())).connection
        for number, client_id in self._free(connection, judge=self._hears_well(), any_slot=False):
            if number not in self._held and self._hold(number, client_id):
                log.warning("slot %d was held by nobody who hears the broker, taken over", number)

    def _free(self, connection: psycopg.Connection[Any], *, judge: bool, any_slot: bool) -> list[Any]:
        """(slot, client id) of what may be had, after the sessions of silent holders are ended."""
        asked = {"any": any_slot, "judge": judge, "seconds": TAKEOVER_SECONDS, "holder": self._holder}
        connection.execute(_HUNG, asked)
        return connection.execute(_FREE, asked).fetchall()

    def _hold(self, number: int, client_id: str) -> bool:
        slot = self._take(number, client_id)
        if slot is None:
            return False
        self._held[number] = slot
        self._beaten_at = time.monotonic()
        self._deaf = False
        self._taken(number, client_id, slot.group)
        return True

    def _take(self, number: int, client_id: str) -> Slot | None:
        connection = self._connect()
        locked = connection.execute(_LOCK, (_LOCK_CLASS, number)).fetchone()
        if not locked or not locked[0]:
            connection.close()
            return None
        connection.execute(_HOLD, (self._holder, number))
        group = connection.execute("SELECT name FROM gateway_group").fetchone()
        assert group is not None  # the migration made it
        return Slot(number, client_id, group[0], connection)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, autocommit=True, connect_timeout=5, application_name="anhu-slot")
