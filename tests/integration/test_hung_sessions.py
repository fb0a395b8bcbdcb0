"""A client that hangs in the middle of its work: its locks are free again after seconds, whatever it was doing."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from services.storage.hung import END_HUNG, GIVE_UP, LET_GO, LET_GO_SLOWLY
from tests.parts.waiting import until

Connection = psycopg.Connection[Any]
LOCK = "SELECT pg_advisory_xact_lock(1)"


@pytest.fixture
def session(database_url: str) -> Iterator[Callable[..., Connection]]:
    """Opens sessions of an alerts worker, with these limits."""
    with ExitStack() as opened:

        def begin(*limits: str) -> Connection:
            connection = psycopg.connect(database_url, autocommit=True, application_name="anhu-alerts")
            opened.callback(connection.close)
            for limit in limits:
                connection.execute(limit)
            return connection

        yield begin


@pytest.fixture
def watch(session: Callable[..., Connection]) -> Connection:
    """Somebody else's session."""
    return session()


def holders(watch: Connection) -> int:
    """How many sessions hold the lock."""
    row = watch.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_between_two_statements(session: Callable[..., Connection], watch: Connection) -> None:
    hung = session(LET_GO)
    hung.execute("BEGIN")
    hung.execute(LOCK)
    assert holders(watch) == 1
    until(lambda: holders(watch) == 0, "the lock", limit=10, every=0.2)


def test_in_the_middle_of_a_pipeline(session: Callable[..., Connection], watch: Connection) -> None:
    """Where the server's own limit does not see it."""
    hung = session(LET_GO)
    hung.pgconn.enter_pipeline_mode()
    hung.pgconn.send_query_params(b"BEGIN", None)
    hung.pgconn.send_query_params(LOCK.encode(), None)
    hung.pgconn.send_flush_request()
    hung.pgconn.flush()
    until(lambda: holders(watch) == 1, "it has the lock")
    began = time.monotonic()

    def let_go() -> bool:
        ended = watch.execute(END_HUNG).fetchall()
        assert not ended or time.monotonic() - began > 4, "a slow one is given its time"
        return holders(watch) == 0

    until(let_go, "the lock", limit=15, every=0.2)


def test_just_after_a_pipeline(session: Callable[..., Connection], watch: Connection) -> None:
    """Where the server's own limit has stopped its clock."""
    hung = session(LET_GO)
    hung.execute("BEGIN")
    with hung.pipeline():
        hung.execute(LOCK)
    hung.pgconn.send_flush_request()  # which the pipeline's end sends, unless all results are there already
    hung.pgconn.flush()
    assert holders(watch) == 1
    time.sleep(5.5)
    assert holders(watch) == 1, "by the server's own limit it is not ended: is END_HUNG still needed for it?"
    until(lambda: watch.execute(END_HUNG) and holders(watch) == 0, "the lock", limit=5, every=0.2)


def test_in_the_middle_of_a_copy(session: Callable[..., Connection], watch: Connection) -> None:
    hung = session(LET_GO)
    hung.execute("CREATE TABLE many (one int)")
    with pytest.raises(psycopg.Error), hung.cursor().copy("COPY many FROM STDIN") as copy:  # noqa: PT012 - at its end
        copy.write_row((1,))
        until(lambda: watch.execute(END_HUNG).fetchall(), "the hung COPY is ended", limit=30, every=0.5)


def test_who_works_rests_or_is_slow_is_left_alone(session: Callable[..., Connection], watch: Connection) -> None:
    resting, working, slow = session(LET_GO), session(LET_GO), session(LET_GO, LET_GO_SLOWLY)
    working.pgconn.send_query(b"SELECT pg_sleep(8)")
    slow.execute("BEGIN")
    with slow.pipeline():
        slow.execute(LOCK)
    time.sleep(6.5)  # longer than a hung one is given
    assert watch.execute(END_HUNG).fetchall() == []
    assert resting.execute("SELECT 1").fetchone() == (1,)
    assert slow.execute("SELECT 1").fetchone() == (1,)


def test_the_other_sessions_of_the_hung_do_not_hang_in_its_place(
    session: Callable[..., Connection], watch: Connection
) -> None:
    """One process, two sessions: the second waits for the first's lock, and has gone when that is let go."""
    first, second = session(LET_GO, GIVE_UP), session(LET_GO, GIVE_UP)
    first.execute("BEGIN")
    first.execute(LOCK)
    second.execute("BEGIN")
    second.pgconn.send_query(LOCK.encode())
    began = time.monotonic()
    until(lambda: holders(watch) == 0, "the lock", limit=15, every=0.1)
    assert time.monotonic() - began < 9, "not one after the other"
