"""A gateway's two processes: neither lives on without the other, and neither takes a slot back from who has it now."""

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psutil
import pytest

from gateway.telemetry_process import LEASE_SECONDS, STUCK_SECONDS
from tests.faults.storm import eventually
from tests.parts.system import Device, System


@pytest.fixture
def wristband(pair: System) -> Iterator[Device]:
    name = next(one["device_id"] for one in pair.seeded.devices if one["kind"] == "wristband")
    with Device(pair.broker, str(name)) as device:
        yield device


def telemetry(system: System, name: str) -> psutil.Process:
    (child,) = psutil.Process(system.processes[name].pid).children()
    return child


def talks_to_the_broker(system: System, process: psutil.Process) -> bool:
    return any(
        one.raddr and one.raddr.port == system.broker.port and one.status == psutil.CONN_ESTABLISHED
        for one in process.net_connections(kind="tcp")
    )


@pytest.fixture
def flow(pair: System, wristband: Device) -> Callable[[int], None]:
    """Sends so many readings, and waits until each is stored once: whichever gateway they went to."""
    sent = 0

    def send(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            sent += 1
            wristband.send({"ts": datetime.now(UTC).isoformat(), "seq": sent, "heart_rate": 70}, "readings")
        stored = "SELECT count(*) FROM readings r JOIN devices d ON d.key = r.device_key WHERE d.device_id = %s"
        eventually(lambda: pair.sql(stored, wristband.device_id)[0][0] == sent, "every reading is stored", limit=30)

    pair.sql("DELETE FROM readings")
    return send


def test_a_killed_gateway_takes_its_telemetry_along(pair: System, flow: Callable[[int], None]) -> None:
    flow(20)
    child = telemetry(pair, "gateway-2")
    pair.kill("gateway-2")
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running()
    flow(20)


def test_without_its_telemetry_a_gateway_ends_to_be_started_again(pair: System, flow: Callable[[int], None]) -> None:
    flow(20)
    telemetry(pair, "gateway-2").kill()
    assert pair.processes.pop("gateway-2").wait(10) == 1
    assert "the telemetry process has ended" in pair.log("gateway-2")
    flow(20)


def test_telemetry_that_hangs_is_ended_with_its_gateway(pair: System, flow: Callable[[int], None]) -> None:
    child = telemetry(pair, "gateway-2")
    child.send_signal(signal.SIGSTOP)
    assert pair.processes.pop("gateway-2").wait(STUCK_SECONDS + 20) == 1
    assert not child.is_running()
    flow(20)


def test_telemetry_of_a_gateway_that_hangs_lets_go(pair: System, flow: Callable[[int], None]) -> None:
    """Its slot goes to another gateway: two clients under one id would throw each other out for ever."""
    child = telemetry(pair, "gateway-2")
    eventually(lambda: talks_to_the_broker(pair, child), "telemetry is connected")
    pair.processes["gateway-2"].send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: not talks_to_the_broker(pair, child), "telemetry lets go", limit=LEASE_SECONDS + 5)
        flow(20)
    finally:
        pair.processes["gateway-2"].send_signal(signal.SIGCONT)
    eventually(lambda: talks_to_the_broker(pair, child), "it has a slot again", limit=60)
    flow(20)
