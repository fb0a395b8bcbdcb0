"""`anhu bridge cloud` between a cloud and the real rest: broker, gateway, alerts workers, database."""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.bridges.cloud_proof import onenet_signature
from services.broker.accounts import BRIDGE
from tests.parts.ports import free_port
from tests.parts.postgres import PostgresServer
from tests.parts.system import ROOT, System, system_at
from tests.parts.waiting import until

SECRET = "only-for-these-tests"


class Bridge:
    """The process, and a cloud that pushes to it."""

    def __init__(self, system: System) -> None:
        self.system, self.port = system, free_port()
        self.log = system.directory / "bridge.log"
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)
        settings = {
            "ANHU_MQTT_URL": system.broker.url(BRIDGE),
            "ANHU_CLOUD_HTTP_PORT": str(self.port),
            "ANHU_CLOUD_IOTDA_SECRET": SECRET,
            "ANHU_CLOUD_IOTDA_DEVICE_ID": "{id}",
            "ANHU_CLOUD_ONENET_TOKEN": SECRET,
            "ANHU_CLOUD_ONENET_DEVICE_ID": "{id}",
            "ANHU_CLOUD_ANSWER_SECONDS": "1",
            "PYTHONPATH": str(ROOT),
        }
        own = {name: value for name, value in os.environ.items() if not name.startswith("ANHU_")}
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "services.cli", "bridge", "cloud"]
            self.process = subprocess.Popen(command, env=own | settings, stdout=log, stderr=log, start_new_session=True)

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(10)

    def push(self, device_id: str, at: datetime, path: str = f"/iotda/{SECRET}", **properties: Any) -> int:
        """As IoTDA pushes properties; each message has a request_id of its own, a repeat too."""
        services = [{"service_id": "Watch", "properties": properties, "event_time": at.strftime("%Y%m%dT%H%M%SZ")}]
        body = {
            "resource": "device.property",
            "event": "report",
            "request_id": str(uuid.uuid4()),
            "notify_data": {"header": {"device_id": device_id}, "body": {"services": services}},
        }
        return self.http.post(path, json=body).status_code

    def events(self, device_id: str) -> list[tuple[str, int]]:
        return self.system.sql("SELECT type, repeats FROM events WHERE device_id = %s ORDER BY id", device_id)

    def alerts(self, device_id: str) -> list[str]:
        rows = self.system.sql("SELECT type FROM alerts WHERE device_id = %s", device_id)
        return [row[0] for row in rows]

    def kept(self, device_id: str) -> list[bytes]:
        rows = self.system.sql("SELECT payload FROM quarantine WHERE device_id = %s ORDER BY id", device_id)
        return [bytes(row[0]) for row in rows]


@pytest.fixture(scope="module")
def bridge(postgres: PostgresServer) -> Iterator[Bridge]:
    with (
        tempfile.TemporaryDirectory(prefix="anhu-test-") as folder,
        system_at(Path(folder) / "system", postgres, elders=12) as system,
    ):
        system.start("gateway", "alerts")
        bridge = Bridge(system)
        until(bridge.is_ready, f"the bridge is ready ({bridge.log})")
        yield bridge
        bridge.stop()


@pytest.fixture(scope="module")
def _devices(bridge: Bridge) -> Iterator[str]:
    return iter(bridge.system.station_devices("wristband"))


@pytest.fixture
def device_id(_devices: Iterator[str]) -> str:
    return next(_devices)


def test_a_push_is_answered_when_its_event_is_in_the_database(bridge: Bridge, device_id: str) -> None:
    until(lambda: bridge.push(device_id, datetime.now(UTC), sos=1, battery=41) == 200, "the gateway takes a press")
    assert bridge.events(device_id)[0][0] == "sos"
    until(lambda: bridge.alerts(device_id) == ["sos"], "an alert")
    stored = "SELECT battery FROM readings JOIN devices ON key = device_key WHERE device_id = %s"
    until(lambda: bridge.system.sql(stored, device_id)[:1] == [(41.0,)], "and its reading")


def test_without_a_gateway_there_is_no_200_and_afterwards_one_alert(bridge: Bridge, device_id: str) -> None:
    pressed = datetime.now(UTC)
    bridge.system.kill("gateway")
    assert bridge.push(device_id, pressed, sos=1) == 503
    assert bridge.events(device_id) == []
    bridge.system.start("gateway")
    until(lambda: bridge.push(device_id, pressed, sos=1) == 200, "the press is stored", limit=30)
    assert bridge.push(device_id, pressed, sos=1) == 200
    until(lambda: bridge.events(device_id)[0][1] > 0, "the repeats are told apart")
    assert [kind for kind, _ in bridge.events(device_id)] == ["sos"]
    until(lambda: bridge.alerts(device_id) == ["sos"], "an alert")
    [occurrences] = bridge.system.sql("SELECT occurrences FROM alerts WHERE device_id = %s", device_id)
    assert occurrences == (1,), "the same press, pushed again, is no second one"


def test_a_stranger_is_refused_and_nothing_of_his_is_stored(bridge: Bridge, device_id: str) -> None:
    for path in ("/iotda/guessed-secret-00", "/onenet"):
        assert bridge.push(device_id, datetime.now(UTC), path, sos=1, note="of a stranger") == 403
    until(lambda: bridge.push(device_id, datetime.now(UTC), battery=50) == 200, "the broker has it")
    assert bridge.events(device_id) == []
    log = bridge.log.read_text("utf-8")
    assert "does not prove itself" in log
    assert "of a stranger" not in log
    assert SECRET not in log


def test_a_fall_of_a_watch_that_nobody_enrolled_raises_all_the_same(bridge: Bridge) -> None:
    at = int(datetime.now(UTC).timestamp() * 1000)
    told = {"messageType": "notify", "notifyType": "event", "productId": "product", "deviceName": "watch"}
    msg = json.dumps(told | {"data": {"params": {"fallAlarm": {"value": {}, "time": at, "eventType": "alert"}}}})
    form = {"msg": msg, "nonce": "n", "signature": onenet_signature(SECRET, "n", msg)}
    assert bridge.http.post("/onenet", data=form | {"nonce": "m"}).status_code == 403
    # It is answered within a second or not at all: then OneNET pushes again.
    until(lambda: bridge.http.post("/onenet", data=form).status_code == 200, "it is stored", limit=30)
    until(lambda: bridge.alerts("product_watch") == ["fall"], "an alert")


def test_what_nobody_understands_is_in_quarantine(bridge: Bridge, device_id: str) -> None:
    body = b'{"notify_data": {"header": {"device_id": "' + device_id.encode() + b'"}}, "resource": "device.event", \xff'
    assert bridge.http.post(f"/iotda/{SECRET}", content=body).status_code == 200
    until(lambda: bridge.kept(device_id) == [body], "the bytes, as they came")
    assert bridge.push(device_id, datetime.now(UTC), gasAlarm="perhaps") == 200
    until(lambda: len(bridge.kept(device_id)) > 1, "an alarm that cannot be read is told")
    assert bridge.events(device_id) == []


def test_a_broken_message_that_names_a_call_for_help_raises(bridge: Bridge, device_id: str) -> None:
    body = f'{{"resource":"device.property","notify_data":{{"header":{{"device_id":"{device_id}"}},"x":{{"sos":1,'
    assert bridge.http.post(f"/iotda/{SECRET}", content=body).status_code == 200
    until(lambda: bridge.alerts(device_id) == ["sos"], "an alert")
