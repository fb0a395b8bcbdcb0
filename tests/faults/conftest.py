"""Parts that a test may break, storms of presses to break them under, and the figures that each run prints."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.killing import at_work, start_named
from tests.faults.storm import Storm, eventually
from tests.parts.broker import Broker
from tests.parts.postgres import TEMPLATE, PostgresServer, make_template
from tests.parts.system import System, seed_database, system_at

ELDERS = 40


def pytest_itemcollected(item: pytest.Item) -> None:
    """Processes are started again and again: on a busy machine each takes seconds."""
    if item.path.parent == Path(__file__).parent:
        item.add_marker(pytest.mark.timeout(480))


@pytest.fixture
def storm(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Storm]]:
    """Begins a storm of presses: storm(system, presses=…, rate=…, seed=…); what still rages at the end is stopped.

    `make soak` has it as it is written; otherwise half as many come half as often, in the same time and under the same
    blows, unless it is to be `whole`."""
    half = request.config.getoption("--hypothesis-profile") != "soak"
    with ExitStack() as opened:
        numbers = itertools.count(1)

        def begin(system: System, *, presses: int, rate: float, whole: bool = False, **wanted: Any) -> Storm:
            if half and not whole:
                presses, rate = presses // 2, rate / 2
            storm = Storm(system, tmp_path / f"storm-{next(numbers)}", presses=presses, rate=rate, **wanted)
            opened.callback(storm.stop)
            return storm

        yield begin


def ready(system: System, *names: str) -> System:
    """Starts what the test before killed or what has ended, and waits until each of them is at work."""
    start_named(system, *(name for name in names if not system.runs(name)))
    system.wait_until_ready()
    eventually(lambda: all(at_work(system, name) for name in names), f"{names} are at work", limit=30)
    return system


@pytest.fixture(scope="package")
def _shared(postgres: PostgresServer, package_folder: Path) -> Iterator[System]:
    with system_at(package_folder / "shared", postgres, ELDERS) as system:
        yield system


@pytest.fixture
def shared(_shared: System) -> System:
    """A gateway, an alerts worker and an api, on the server that all tests share: it may kill them."""
    return ready(_shared, "gateway", "alerts", "api")


@pytest.fixture
def pair(_shared: System) -> System:
    """As `shared`, with two gateways and two alerts workers."""
    return ready(_shared, "gateway", "gateway-2", "alerts", "alerts-2", "api")


class Fragile(System):
    """On a database server of its own, which a test may stop and kill, like its broker."""

    postgres: PostgresServer


@pytest.fixture(scope="package")
def _fragile(package_folder: Path) -> Iterator[Fragile]:
    directory = package_folder / "fragile"
    directory.mkdir()
    server, broker = PostgresServer(directory / "postgres"), Broker(directory / "broker")
    server.start()
    broker.start()
    make_template(server.url())
    url = server.url(TEMPLATE)
    system = Fragile(directory / "system", url, broker, seed_database(url, directory / "keys.json", elders=ELDERS))
    system.postgres = server
    try:
        yield system
    finally:
        server.start()
        broker.start()
        system.stop()
        broker.stop()
        server.stop()


@pytest.fixture
def fragile(_fragile: Fragile) -> Fragile:
    _fragile.postgres.start()
    _fragile.broker.start()
    ready(_fragile, "gateway", "alerts", "api")
    return _fragile
