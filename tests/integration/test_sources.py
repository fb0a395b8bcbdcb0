"""Other makers' devices, through the real broker, gateway and alerts; and what was not understood, tried again."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from gateway.replay import replay
from gateway.sources import read_sources
from services.cli import app
from tests.parts.broker import SOURCES, Broker
from tests.parts.loops import end_loop
from tests.parts.postgres import PostgresServer
from tests.parts.system import System, system_at
from tests.parts.waiting import until

TOML = """
[homes]
family = "zigbee2mqtt"
topic = "homes/{home}/zigbee2mqtt/#"
reads_as = "zigbee2mqtt/#"
hardware_id = "{home}/{id}"
device_id = "zigbee-{home}-{id}"
"""


@pytest.fixture(scope="module")
def home(postgres: PostgresServer, module_folder: Path) -> Iterator[System]:
    file = module_folder / "sources.toml"
    file.write_text(TOML)
    broker_kind = partial(Broker, sources=("homes/+/zigbee2mqtt/#",))
    with system_at(module_folder / "system", postgres, 40, broker_kind) as system:
        system.start("gateway", ANHU_SOURCES_FILE=str(file))
        system.start("alerts", "api")
        system.wait_until_ready()
        yield system


@pytest.fixture
def say(home: System) -> Iterator[Callable[[str, Any], None]]:
    """Says something on a topic below a home, as its coordinator does."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(SOURCES, home.broker.passwords[SOURCES])
    client.connect(home.broker.host, home.broker.port)
    client.loop_start()

    def publish(topic: str, payload: Any) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        client.publish(f"homes/{topic}", body, qos=1).wait_for_publish(10)

    yield publish
    client.disconnect()
    end_loop(client)


def enrol(home: System, hardware_id: str, kind: str) -> str:
    """Gives one of the seeded devices of a kind that hardware; its device id."""
    [device_id] = home.station_devices(kind)[:1]
    home.sql("DELETE FROM device_hardware WHERE device_id = %s", device_id)
    home.sql("INSERT INTO device_hardware VALUES ('homes', %s, %s)", hardware_id, device_id)
    return device_id


def events_of(home: System, device_id: str) -> list[tuple[Any, ...]]:
    return home.sql("SELECT type, repeats FROM events WHERE device_id = %s ORDER BY id", device_id)


def test_a_press_of_an_enrolled_button_is_on_the_screen(home: System, say: Callable[[str, Any], None]) -> None:
    device_id = enrol(home, "17/button by the bed", "emergency_button")
    with home.sign_in().screen() as screen:
        say("17/zigbee2mqtt/button by the bed", {"action": "single", "battery": "83", "linkquality": 90})
        alert = screen.next_alert()
    assert (alert["device_id"], alert["type"], alert["severity"]) == (device_id, "sos", "red")
    assert alert["elder"]
    say("17/zigbee2mqtt/button by the bed", {"action": "", "battery": 83})
    stored = "SELECT count(*), max(battery) FROM readings JOIN devices ON key = device_key WHERE device_id = %s"
    until(lambda: home.sql(stored, device_id) == [(2, 83.0)], "both readings are stored")
    assert events_of(home, device_id) == [("sos", 0)]

    # The same bytes at once are the network's repetition, later they are a second press: this one has no clock.
    press = {"action": "single", "battery": "83", "linkquality": 90}
    say("17/zigbee2mqtt/button by the bed", press)
    until(lambda: events_of(home, device_id) == [("sos", 1)], "a repeat is one")
    home.sql("UPDATE events SET last_received_at = last_received_at - interval '11 s' WHERE device_id = %s", device_id)
    say("17/zigbee2mqtt/button by the bed", press)
    until(lambda: events_of(home, device_id) == [("sos", 1), ("sos", 0)], "a second press is another event")
    again = home.sign_in().get(f"/alerts/{alert['id']}")
    assert until(lambda: home.sign_in().get(f"/alerts/{alert['id']}")["occurrences"] == 2, "it folds"), again


def test_a_device_that_only_the_template_names_and_its_availability(
    home: System, say: Callable[[str, Any], None]
) -> None:
    [device_id] = home.station_devices("door_sensor")[:1]
    home.sql("DELETE FROM device_hardware WHERE device_id = %s", device_id)
    home.sql("UPDATE devices SET device_id = 'zigbee-17-the_door' WHERE device_id = %s", device_id)
    say("17/zigbee2mqtt/the door/availability", {"state": "online"})
    say("17/zigbee2mqtt/the door", {"contact": False})
    online = "SELECT online FROM device_states JOIN devices ON key = device_key WHERE device_id = 'zigbee-17-the_door'"
    until(lambda: home.sql(online) == [(True,)], "it is online")
    until(lambda: events_of(home, "zigbee-17-the_door") == [("door_open", 0)], "the door is open")


def test_hardware_that_nobody_enrolled_is_heard_when_it_burns_and_else_kept(
    home: System, say: Callable[[str, Any], None]
) -> None:
    with home.sign_in("city-1").screen(home.organization("city")) as screen:
        say("99/zigbee2mqtt/0x01", {"battery": 12})
        say("99/zigbee2mqtt/0x01", {"smoke": True})
        alert = screen.next_alert()
    assert (alert["device_id"], alert["elder"]) == ("homes:99/0x01", None)
    assert alert["organization_id"] == home.organization("city")
    kept = "SELECT reason, source FROM quarantine WHERE device_id = 'homes:99/0x01' ORDER BY id"
    until(lambda: home.sql(kept), "it is kept")
    assert set(home.sql(kept)) == {("unknown_device", "homes")}


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff\xfe", b'{"smoke": "perhaps"}', b"[" * 50_000])
def test_broken_messages_are_kept_and_the_next_press_is_heard(
    home: System, say: Callable[[str, Any], None], broken: bytes
) -> None:
    device_id = enrol(home, "17/broken", "smoke_detector")
    before = home.sql("SELECT count(*) FROM quarantine WHERE source = 'homes'")[0][0]
    count = len(events_of(home, device_id))
    say("17/zigbee2mqtt/broken", broken)
    say("17/zigbee2mqtt/broken", {"smoke": True, "n": str(broken)})
    until(lambda: len(events_of(home, device_id)) == count + 1, "the smoke is heard")
    if broken:
        until(lambda: home.sql("SELECT count(*) FROM quarantine WHERE source = 'homes'")[0][0] > before, "it is kept")


def test_what_nobody_was_enrolled_for_is_taken_in_when_it_is_tried_again(
    home: System, say: Callable[[str, Any], None]
) -> None:
    say("21/zigbee2mqtt/late one", {"battery": 44})
    say("21/zigbee2mqtt/late one", {"contact": True})
    kept = "SELECT id FROM quarantine WHERE device_id = 'homes:21/late one' ORDER BY id"
    until(lambda: len(home.sql(kept)) == 2, "both are kept")
    first = [row[0] for row in home.sql(kept)]
    file = home.directory.parent / "sources.toml"
    sources = read_sources(file)
    assert replay(home.database_url, sources, first) == {"refused": 2}
    device_id = enrol(home, "21/late one", "water_detector")
    asked = ["replay", "--reason", "unknown_device", "--device", "homes:21/late one"]
    answer = CliRunner(env=home.environment | {"ANHU_SOURCES_FILE": str(file)}).invoke(app, asked)
    assert json.loads(answer.output) == {"tried": 2, "taken": 2}, answer.output
    assert replay(home.database_url, sources, first) == {}, "once is enough"
    assert events_of(home, device_id) == [("door_closed", 0)]
    stored = "SELECT battery FROM readings JOIN devices ON key = device_key WHERE device_id = %s"
    assert home.sql(stored, device_id) == [(44.0,)]
    assert home.sql("SELECT DISTINCT replay FROM quarantine WHERE id = ANY(%s)", first) == [("taken",)]
