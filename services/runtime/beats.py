"""Heartbeats of our own processes: each writes a row a second, and anybody can see who has fallen silent."""

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
#: A worker unheard of for so long counts as silent.
SILENT_SECONDS = 5.0

Status = dict[str, Any]

_BEAT = """
INSERT INTO workers (id, kind, host, pid, started_at, beat_at, status)
VALUES (%(id)s, %(kind)s, %(host)s, %(pid)s, clock_timestamp(), clock_timestamp(), %(status)s)
ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp(), status = excluded.status
"""
_FORGET = "DELETE FROM workers WHERE beat_at < clock_timestamp() - interval '1 day'"


class Heart(threading.Thread):
    """Beats from a thread with a database connection of its own, so that a busy event loop is told apart from a
    dead process: `status` is asked each time and says what is wrong inside.

    `status` returns JSON-able facts; its key "ok" (bool) says whether the worker does its work.
    """

    def __init__(self, kind: str, database_url: str, status: Callable[[], Status]) -> None:
        super().__init__(name=f"{kind}-heart", daemon=True)
        self.worker_id = uuid.uuid4()
        self._kind, self._url, self._status = kind, database_url, status
        self._ended = threading.Event()

    def run(self) -> None:
        reachable = True
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    connection.execute(_FORGET)
                    while not self._ended.wait(BEAT_SECONDS):
                        self._beat(connection)
                        if not reachable:  # told after a beat: a read-only database lets us in as well
                            log.info("%s: the database takes beats again", self.name)
                        reachable = True
                    connection.execute("DELETE FROM workers WHERE id = %s", (self.worker_id,))
            except psycopg.Error as error:
                if reachable:
                    why = str(error).strip()
                    log.error("%s: the database takes no beats, trying again each second: %s", self.name, why)
                reachable = False
                self._ended.wait(1.0)

    def _beat(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(
            _BEAT,
            {
                "id": self.worker_id,
                "kind": self._kind,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "status": json.dumps(self._status()),
            },
        )

    def stop(self) -> None:
        """Takes the row away: a worker that left in order is not a silent one."""
        self._ended.set()
        self.join(timeout=3)


class Pulse:
    """Set by an event loop, read by the Heart: how long ago the loop last turned."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    def age(self) -> float:
        return time.monotonic() - self._at


@dataclass(frozen=True, slots=True)
class Worker:
    kind: str
    host: str
    pid: int
    beat_at: datetime
    silent: bool
    status: Status


WORKERS = f"""
SELECT kind, host, pid, beat_at, beat_at < clock_timestamp() - interval '{SILENT_SECONDS} seconds' AS silent, status
FROM workers WHERE beat_at > clock_timestamp() - interval '1 hour' ORDER BY kind, started_at
"""
