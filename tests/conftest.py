"""Real parts for every test: a database of its own, a broker of its own, free ports."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.parts.broker import Broker
from tests.parts.ports import free_port
from tests.parts.postgres import TEMPLATE, PostgresServer, fresh_database, make_template


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The server that all tests share. A test that stops a server takes `own_postgres`."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres") / "data")
    server.start()
    make_template(server.url())
    yield server
    server.stop()


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """A migrated database for this test alone, on PostgreSQL without TimescaleDB."""
    with fresh_database(postgres.url()) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres: PostgresServer) -> Iterator[str]:
    """A database without a schema, for this test alone."""
    with fresh_database(postgres.url(), template=None) as url:
        yield url


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server for this test alone, which it may stop, start and kill."""
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    make_template(server.url())
    yield server
    server.stop()


@pytest.fixture
def own_database_url(own_postgres: PostgresServer) -> str:
    """The migrated database of `own_postgres`."""
    return own_postgres.url(TEMPLATE)


@pytest.fixture(scope="session")
def _timescale_server() -> str:
    url = os.environ.get("ANHU_TEST_TIMESCALE_URL")
    if not url:
        pytest.skip("ANHU_TEST_TIMESCALE_URL names no server with TimescaleDB")
    return url


@pytest.fixture
def timescale_url(_timescale_server: str) -> Iterator[str]:
    """A database without a schema, for this test alone, on the server that ANHU_TEST_TIMESCALE_URL names.

    Skips when it names none: migrate() the database to have the schema with a hypertable.
    """
    with fresh_database(_timescale_server, template=None) as url:
        yield url


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A Mosquitto for this test alone."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def port() -> int:
    """A TCP port of 127.0.0.1 that is free."""
    return free_port()


@pytest.fixture
def ports() -> Callable[[], int]:
    """Calls for more free ports."""
    return free_port
