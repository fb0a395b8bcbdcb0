"""Real parts for every test: a database of its own, a broker of its own, free ports."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.parts.broker import Broker
from tests.parts.examples import USUAL
from tests.parts.figures import Tell
from tests.parts.ports import free_port
from tests.parts.postgres import TEMPLATE, PostgresServer, fresh_database, make_template
from tests.parts.system import Device, System, system_at

# No deadline for one example: the machine has other work to do too.
settings.register_profile("test", max_examples=USUAL, deadline=None)
settings.register_profile("soak", max_examples=10_000, deadline=None)  # make soak
settings.load_profile("test")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # With several workers the reports are all that comes home, so the figures travel in them.
    figures = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("what was done, and what was seen")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture
def tell(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Tell:
    """Takes a line of figures, printed when all tests are over."""
    return lambda line: record_property("figure", f"{request.node.name}: {line}")


def _new_folder() -> Iterator[Path]:
    # Not below pytest's: each of its runs closes that to others, and under root servers run as another user.
    with tempfile.TemporaryDirectory(prefix="anhu-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def _shared_folder() -> Iterator[Path]:
    yield from _new_folder()


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder that servers reach under whatever user they run."""
    yield from _new_folder()


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """As `server_folder`, for the servers that a file's tests share."""
    yield from _new_folder()


@pytest.fixture(scope="package")
def package_folder() -> Iterator[Path]:
    """As `server_folder`, for the servers that a folder's tests share."""
    yield from _new_folder()


@pytest.fixture(scope="session")
def postgres(_shared_folder: Path) -> Iterator[PostgresServer]:
    """The server that all tests share. A test that stops a server takes `own_postgres`."""
    server = PostgresServer(_shared_folder / "postgres")
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
def own_postgres(server_folder: Path) -> Iterator[PostgresServer]:
    """A server for this test alone, which it may stop, start and kill."""
    server = PostgresServer(server_folder / "postgres")
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
def broker(server_folder: Path) -> Iterator[Broker]:
    """A Mosquitto for this test alone."""
    broker = Broker(server_folder / "broker")
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


@pytest.fixture
def wristbands(system: System, _wristbands: Iterator[str]) -> Iterator[Callable[[], Device]]:
    """Where there is a `system`: calls for wristbands of its first station, each of another elder, connected until the
    test ends."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(Device(system.broker, next(_wristbands)))


@pytest.fixture
def wristband(wristbands: Callable[[], Device]) -> Device:
    """A wristband of an elder of the first station, whom no test used before."""
    return wristbands()


@pytest.fixture
def own_system(server_folder: Path, postgres: PostgresServer) -> Iterator[System]:
    """Processes, database and broker for this test alone: it may kill them. Not started."""
    with system_at(server_folder / "system", postgres, elders=40) as system:
        yield system
