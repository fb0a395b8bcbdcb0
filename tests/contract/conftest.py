"""Who takes part: people of every tier, and devices that the demo does not have."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.waits import WAITS, Scene
from tests.parts.postgres import PostgresServer
from tests.parts.system import Device, Person, System, running_system

#: Makes a device and gives it back connected: (elder_id or None, organization_id, kind).
Enrol = Callable[..., Device]


@pytest.fixture(scope="package")
def system(postgres: PostgresServer, package_folder: Path) -> Iterator[System]:
    """gateway, alerts and api with the demo's people, shared by all tests here, which break nothing of it.

    Tests take turns with its devices: `wristband` hands out one that no test had before.
    """
    with running_system(package_folder / "system", postgres, elders=600) as system:
        yield system


@pytest.fixture(scope="package")
def _wristbands(system: System) -> Iterator[str]:
    """Wristbands of elders of the first station, of whom no family is told."""
    told = {row[0] for row in system.sql("SELECT device_id FROM devices d JOIN account_elders USING (elder_id)")}
    return iter([name for name in system.station_devices("wristband") if name not in told])


@pytest.fixture(scope="package")
def operator(system: System) -> Person:
    """Works at the first community station."""
    return system.sign_in()


@pytest.fixture(scope="package")
def colleague(system: System) -> Person:
    """Works there too."""
    return system.sign_in("beichan-2")


@pytest.fixture(scope="package")
def neighbour(system: System) -> Person:
    """Works at the station next to the first, and reaches nothing of it."""
    return system.sign_in("xichan-1")


@pytest.fixture(scope="package")
def street(system: System) -> Person:
    return system.sign_in("street-1")


@pytest.fixture(scope="package")
def city(system: System) -> Person:
    """Works at the root."""
    return system.sign_in("city-1")


@pytest.fixture(scope="package")
def caregiver(system: System) -> Person:
    """Cares for the elder of the first device, and nobody else."""
    return system.sign_in("caregiver-1")


@pytest.fixture
def spare_wristband(_wristbands: Iterator[str]) -> str:
    """The name of a wristband that nobody has connected."""
    return next(_wristbands)


@pytest.fixture
def enrol(system: System) -> Iterator[Enrol]:
    """Calls for devices of one's own. The contract has no call that enrols one, so this is the registry's SQL."""
    with ExitStack() as opened:

        def make(
            *, elder_id: str | None = None, organization_id: str | None = None, kind: str = "emergency_button"
        ) -> Device:
            device_id = f"own-{secrets.token_hex(6)}"
            if organization_id is not None:
                system.sql(
                    "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES (%s, %s, %s, %s)",
                    *(device_id, kind, organization_id, elder_id),
                )
            system.broker.add_device(device_id)
            return opened.enter_context(Device(system.broker, device_id))

        yield make


@pytest.fixture(scope="package", autouse=True)
def elapsing(request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[None]"]]:
    """The waits of test_waits.py, begun with the first test here when any of them is to be run."""
    wanted = {item.callspec.params["wait"] for item in request.session.items if item.path.name == "test_waits.py"}
    if not wanted:
        yield {}
        return
    system: System = request.getfixturevalue("system")
    second_station = system.organization("community", 1)
    rows = system.sql(
        "SELECT device_id FROM devices WHERE kind = 'wristband' AND organization_id = %s ORDER BY device_id",
        second_station,
    )
    names = iter([row[0] for row in rows])
    with ExitStack() as opened, ThreadPoolExecutor(len(WAITS)) as pool:
        yield {
            name: pool.submit(
                wait,
                Scene(
                    system,
                    [opened.enter_context(Device(system.broker, next(names))) for _ in range(wristbands)],
                    system.sign_in("xichan-1"),
                ),
            )
            for name, (wait, wristbands) in WAITS.items()
            if name in wanted
        }


def administrator_below(
    system: System, username: str, name: str, beside: str, organization_id: str
) -> Iterator[Person]:
    """An administrator of one organisation, with the password of an account that is there: `beside`."""
    system.sql(
        "INSERT INTO accounts (id, username, password_hash, name, role)"
        " SELECT gen_random_uuid(), %s, password_hash, %s, 'administrator' FROM accounts WHERE username = %s",
        username,
        name,
        beside,
    )
    system.sql(
        "INSERT INTO account_organizations SELECT id, %s FROM accounts WHERE username = %s", organization_id, username
    )
    person = Person(system, username, system.account(beside)["password"], system.url)
    yield person
    person.http.close()


@pytest.fixture(scope="package")
def street_administrator(system: System) -> Iterator[Person]:
    """An administrator below the root, who is invented as all others."""
    yield from administrator_below(system, "street-admin", "郑某", "street-1", system.organization("street"))
