"""A lane: one thread and one database connection that store what one kind of connection brings.

Emergencies and telemetry have a lane each, so that a flood of readings never stands before a press.
"""

import itertools
import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from typing import Any

import psycopg

from gateway.mqtt import Message
from services.storage.errors import is_conflict, is_outage
from services.storage.hung import LET_GO

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
Connection = psycopg.Connection[Any]


class Lane(threading.Thread, ABC):
    """Takes messages in batches; a batch is one transaction; a message is acknowledged after its commit.

    While the database is away the batch stays here, unacknowledged, and the broker holds the rest back: memory is
    bounded by the in-flight window of the connection.
    """

    #: most messages in one transaction
    batch = 100

    def __init__(self, name: str, database_url: str) -> None:
        super().__init__(name=name, daemon=True)
        self._url = database_url
        self._waiting: queue.PriorityQueue[tuple[int, int, Message | None]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._connection: Connection | None = None
        self.stored = 0
        self.quarantined = 0
        self.database_ok = True
        self.oldest_started: float | None = None

    def deliver(self, message: Message) -> None:
        """Called by the network thread: hands over, never blocks."""
        self._waiting.put((0 if self.urgent(message) else 1, next(self._numbers), message))

    def urgent(self, message: Message) -> bool:
        """Whether the message goes before those that wait."""
        return False

    def waiting(self) -> int:
        return self._waiting.qsize()

    def stop(self) -> None:
        self._ended.set()
        self._waiting.put((-1, 0, None))
        self.join(timeout=5)

    def run(self) -> None:
        while not self._ended.is_set():
            first = self._waiting.get()[2]
            if first is None:
                break
            messages = [first]
            while len(messages) < self.batch:
                try:
                    more = self._waiting.get_nowait()[2]
                except queue.Empty:
                    break
                if more is None:
                    self._ended.set()
                    break
                messages.append(more)
            self.oldest_started = time.monotonic()
            self._store_surely(messages)
            self.oldest_started = None
        if self._connection is not None:
            self._connection.close()

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

    @abstractmethod
    def store(self, connection: Connection, messages: list[Message]) -> None:
        """One transaction for all messages, then their acknowledgements. Raises what psycopg raises."""

    @abstractmethod
    def set_aside(self, connection: Connection, message: Message, why: str) -> None:
        """Keeps a message that the database refused, in a form that it cannot refuse; then acknowledges."""

    def prepare(self, connection: Connection) -> None:
        """Called with each new connection."""
