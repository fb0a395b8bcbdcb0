"""Processes killed at seeded moments and started again, and an honest answer to: was it inside a batch?

A process is stopped (SIGSTOP) before it is killed. Stopped, it can send its database nothing more, so what
pg_stat_activity and pg_locks then say of its sessions stays true until the kill: a transaction that has a
transaction id and holds a lock on the queue, the events or the alerts was begun and will never be committed.
"""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import psycopg

from tests.parts.system import System
from tests.parts.waiting import until

#: By kind of process: the tables whose lock, in an open transaction with an id, shows a batch.
HOLDS = {
    "gateway": ("events",),  # messages written, neither committed nor acknowledged
    "alerts": ("event_queue", "outbox", "alert_timers"),  # claimed, neither committed nor sent
    "api": ("alerts",),  # a move
}
_ACTIVE = """
SELECT 1 FROM pg_stat_activity WHERE application_name ~ ('^' || %s || '(-slowly)?$') AND state = 'active'
AND wait_event_type IS DISTINCT FROM 'Client' AND wait_event_type IS DISTINCT FROM 'Lock' LIMIT 1
"""
_INSIDE = """
SELECT DISTINCT l.relation::regclass::text FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
WHERE a.application_name ~ ('^' || %s || '(-slowly)?$') AND a.datname = current_database() AND a.backend_xid IS NOT NULL
  AND l.locktype = 'relation' AND l.relation = ANY(%s::regclass[])
"""

_AT_WORK = """
SELECT 1 FROM workers WHERE pid = %s AND (status ->> 'ok')::boolean AND beat_at > clock_timestamp() - interval '3 s'
"""


def start_named(system: System, *names: str, **settings: str) -> None:
    """Starts processes whose database sessions bear their names, so that a test can tell them apart."""
    for name in names:
        system.start(name, PGAPPNAME=f"anhu-{name}", **settings)


def at_work(system: System, name: str) -> bool:
    """Whether the process says by its heartbeat that it does its work."""
    return bool(system.sql(_AT_WORK, system.processes[name].pid))


def stopped_inside(
    system: System, connection: psycopg.Connection[Any], name: str, tables: Sequence[str] = ()
) -> str | None:
    """Stops the process (SIGSTOP) and says which table a batch of it holds; None, and it goes on, when it has none."""
    process = system.processes[name]
    process.send_signal(signal.SIGSTOP)
    # What it had sent already is still being done: then the answer could change.
    until(
        lambda: not connection.execute(_ACTIVE, (f"anhu-{name}",)).fetchone(),
        f"{name}'s last statements end",
        every=0.001,
    )
    tables = tables or HOLDS[name.partition("-")[0]]
    held = connection.execute(_INSIDE, (f"anhu-{name}", list(tables))).fetchall()
    if held:
        return ", ".join(sorted(row[0] for row in held))
    process.send_signal(signal.SIGCONT)
    return None


def stop_inside(system: System, name: str, table: str, limit: float = 30) -> None:
    """Stops the process in the middle of a batch that holds this table, and leaves it stopped."""
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        until(
            lambda: stopped_inside(system, connection, name, [table]),
            f"{name} is met inside a batch on {table}",
            limit=limit,
            every=0.003,
        )


class Killer:
    """Kills the named processes in turn at seeded moments, `times` each, and starts each again after a while.

    One that has not come back to work yet is left alone: killing what does nothing proves nothing.

    Two kills of three are aimed: put off, for at most `patience` seconds, until the process is met inside a batch.
    The others come when they come.
    """

    patience = 2.0

    def __init__(
        self, system: System, names: Sequence[str], seed: int, *, times: int, pause: tuple[float, float] = (0.1, 0.5)
    ) -> None:
        self._system, self._pause = system, pause
        self._plan = list(names) * times
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self._thread = ThreadPoolExecutor(1, "killer")
        self.kills: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._work = self._thread.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.shutdown()
        self._work.result()

    def __str__(self) -> str:
        return f"{self.kills.total()} kills {dict(self.kills)}, inside a batch: {dict(self.inside)}"

    def wait(self, limit: float = 60) -> None:
        """Until all planned kills are done."""
        self._work.result(limit)

    def _run(self) -> None:
        with psycopg.connect(self._system.database_url, autocommit=True) as connection:
            while self._plan and not self._ended.wait(self._random.uniform(*self._pause)):
                if self._is_at_work(connection, self._plan[0]):
                    name = self._plan.pop(0)
                    self._kill(connection, name, aimed=self.kills[name] % 3 < 2)

    def _is_at_work(self, connection: psycopg.Connection[Any], name: str) -> bool:
        return connection.execute(_AT_WORK, (self._system.processes[name].pid,)).fetchone() is not None

    def _kill(self, connection: psycopg.Connection[Any], name: str, *, aimed: bool) -> None:
        deadline = time.monotonic() + (self.patience if aimed else 0.0)
        held = stopped_inside(self._system, connection, name)
        while held is None and time.monotonic() < deadline and not self._ended.is_set():
            time.sleep(self._random.uniform(0.002, 0.02))  # lets it run on a little
            held = stopped_inside(self._system, connection, name)
        self._system.kill(name)
        self.kills[name] += 1
        if held is not None:
            self.inside[name] += 1
        self._ended.wait(self._random.uniform(0.05, 0.4))  # as a supervisor would
        start_named(self._system, name)
