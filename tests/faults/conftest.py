"""Parts that a test may break, storms of presses to break them under, and the figures that each run prints."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.storm import Storm
from tests.parts.broker import Broker
from tests.parts.postgres import TEMPLATE, PostgresServer
from tests.parts.system import System, seed_database

ELDERS = 40
Tell = Callable[[str], None]


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
        terminalreporter.section("what was broken, and what was seen")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture
def tell(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Tell:
    """Takes a line of figures, printed when all tests are over."""
    return lambda line: record_property("figure", f"{request.node.name}: {line}")


@pytest.fixture
def storm(own_system: System, tmp_path: Path) -> Iterator[Callable[..., Storm]]:
    """Begins a storm of presses on `own_system`: storm(presses=…, rate=…, seed=…)."""
    with storms(own_system, tmp_path) as begin:
        yield begin


class storms:  # noqa: N801 - reads as the context it is
    """Calls begin a storm each; what still rages at the end is stopped."""

    def __init__(self, system: System, directory: Path) -> None:
        self._system, self._directory = system, directory
        self._opened = ExitStack()
        self._begun = 0

    def __enter__(self) -> Callable[..., Storm]:
        return self._begin

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _begin(self, **wanted: object) -> Storm:
        self._begun += 1
        storm = Storm(self._system, self._directory / f"storm-{self._begun}", **wanted)  # type: ignore[arg-type]
        self._opened.callback(storm.stop)
        return storm


@pytest.fixture
def fragile_system(tmp_path: Path, own_postgres: PostgresServer, broker: Broker) -> Iterator[System]:
    """As `own_system`, on a server that the test may stop and kill (`own_postgres`). Not started."""
    url = own_postgres.url(TEMPLATE)
    system = System(tmp_path / "system", url, broker, seed_database(url, tmp_path / "keys.json", elders=ELDERS))
    try:
        yield system
    finally:
        own_postgres.start()
        broker.start()
        system.stop()
