"""A lane: one thread and one database connection that store what one kind of connection brings.

Emergencies and telemetry have a lane each, so that a flood of readings never stands before a press.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg

from gateway.message import Message
from gateway.metrics import LaneMetrics
from gateway.quarantine import Quarantined
from services.storage.errors import is_conflict, is_outage
from services.storage.hung import LET_GO

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
#: A batch that takes longer than this is a stuck lane.
STUCK_SECONDS = 10.0
Connection = psycopg.Connection[Any]


class Lane(threading.Thread, ABC):
    """Takes messages in batches; a batch is one transaction; a message is acknowledged after its commit.

    While the database is away the batch stays here, unacknowledged, and the broker holds the rest back: memory is
    bounded by the in-flight window of the connection.
    """

    #: most messages, and most bytes of them, in one transaction
    batch = 100
    batch_bytes = 1024 * 1024

    def __init__(self, name: str, database_url: str, metrics: LaneMetrics | None = None) -> None:
        super().__init__(name=f"{name}-lane", daemon=True)
        self.lane = name
        self.metrics = metrics or LaneMetrics(name)
        self._url = database_url
        self._urgent: deque[Message] = deque()
        self._ordinary: deque[Message] = deque()
        self._something = threading.Condition()
        self._ended = threading.Event()
        self._connection: Connection | None = None
        self.stored = 0
        self.quarantined = 0
        self.batches = 0
        self.database_ok = True
        self._begun_at: float | None = None

    def deliver(self, messages: list[Message]) -> None:
        """Called by a network thread: hands over, never waits."""
        urgent, ordinary = self.sort(messages)
        with self._something:
            self._urgent.extend(urgent)
            self._ordinary.extend(ordinary)
            self._something.notify()

    def sort(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        """(those that go before all that wait, the others)"""
        return [], messages

    def waiting(self) -> int:
        return len(self._urgent) + len(self._ordinary)

    def is_stuck(self) -> bool:
        begun_at = self._begun_at
        return begun_at is not None and time.monotonic() - begun_at > STUCK_SECONDS

    def stop(self) -> None:
        self._ended.set()
        with self._something:
            self._something.notify()
        self.join(timeout=5)

    def run(self) -> None:
        while messages := self._take():
            self._begun_at = time.monotonic()
            self._store_surely(messages)
            self.batches += 1
            self._begun_at = None
        if self._connection is not None:
            self._connection.close()

    def _take(self) -> list[Message]:
        """Waits for messages; the next batch of them, or none at the end."""
        with self._something:
            while not (self._urgent or self._ordinary or self._ended.is_set()):
                self._something.wait()
            taken: list[Message] = []
            size = 0
            while len(taken) < self.batch and size < self.batch_bytes and not self._ended.is_set():
                queue = self._urgent or self._ordinary
                if not queue:
                    break
                message = queue.popleft()
                size += len(message.payload)
                taken.append(message)
            return taken

    def _store_surely(self, messages: list[Message]) -> None:
        """Stores the batch; tries for ever while the database is away; singles out a message it refuses.

        One bad message must never stand before a press: whatever goes wrong with it, it is set aside and the lane
        goes on.
        """
        while not self._ended.is_set():
            try:
                self.store(self._connected(), messages)
                self._works()
            except Exception as error:
                if is_conflict(error):
                    continue
                if is_outage(error):
                    self._lost(error)
                    continue
                if len(messages) > 1:
                    log.warning("a batch of %d was refused, storing one by one: %s", len(messages), error)
                    for message in messages:
                        self._store_surely([message])
                else:
                    log.error("a message on %s cannot be stored", messages[0].topic, exc_info=error)
                    self._set_aside_surely(messages[0], str(error))
            return

    def _set_aside_surely(self, message: Message, why: str) -> None:
        while not self._ended.is_set():
            try:
                self.set_aside(self._connected(), message, why)
                self._works()
            except Exception as error:
                if is_conflict(error):
                    continue
                if is_outage(error):
                    self._lost(error)
                    continue
                # Left unacknowledged: the broker keeps it for the next connection, the device repeats it.
                log.critical("a message on %s cannot even be set aside", message.topic, exc_info=error)
            return

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
            self._connection.execute(LET_GO)
            self.prepare(self._connection)
        return self._connection

    def _works(self) -> None:
        """Said after a commit, not after a connection: a database that is read-only or full lets us in as well."""
        if not self.database_ok:
            log.info("%s: the database is back", self.name)
        self.database_ok = True

    def _lost(self, error: BaseException) -> None:
        if self.database_ok:
            log.error("%s: the database is away, holding messages: %s", self.name, str(error).strip())
        self.database_ok = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._ended.wait(RETRY_SECONDS)

    def committed(self, messages: list[Message], device_time: datetime | None) -> None:
        """Counts a batch that is stored; `device_time` is that of one of it."""
        oldest = min(messages[0].received_at, messages[-1].received_at)
        self.metrics.committed(self.lane, len(messages), oldest, device_time, datetime.now(UTC))

    def refused(self, bad: Iterable[Quarantined]) -> None:
        """Counts what went to quarantine."""
        for one in bad:
            self.quarantined += 1
            self.metrics.rejected.labels(self.lane, one.flaw.reason).inc()

    @abstractmethod
    def store(self, connection: Connection, messages: list[Message]) -> None:
        """One transaction for all messages, then their acknowledgements. Raises what psycopg raises."""

    @abstractmethod
    def set_aside(self, connection: Connection, message: Message, why: str) -> None:
        """Keeps a message that the database refused, in a form that it cannot refuse; then acknowledges."""

    def prepare(self, connection: Connection) -> None:
        """Called with each new connection."""
