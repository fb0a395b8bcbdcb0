"""`anhu homeassistant` with a real broker and database, and a stand-in that takes messages as Home Assistant does."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import AsyncConnection

from alerts.domain.alert import Actor
from alerts.domain.transitions import Acknowledge, Resolve
from alerts.move import Move, move_alert
from alerts.take_in import take_in_next
from services.broker.accounts import HOME_ASSISTANT
from tests.parts.broker import Broker
from tests.parts.figures import Tell
from tests.parts.home_assistant import HomeAssistant
from tests.parts.loops import end_loop
from tests.parts.postgres import PostgresServer, fresh_database
from tests.parts.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
NAME = "张秀英"
DEVICES = {"watch-1": "wristband", "button.2": "emergency_button", "bed_3": "bed_sensor", "door-4": "door_sensor"}


class Listener:
    """A Home Assistant: signed in as one, taking all that it may read of ours."""

    def __init__(self, broker: Broker, account: str = "homeassistant") -> None:
        self.home = HomeAssistant()
        self.faults: list[BaseException] = []
        self.told: list[str] = []
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(account, broker.passwords[account])
        self._client.on_connect = lambda *_: self._client.subscribe(
            [("homeassistant/device/+/config", 1), ("anhu/ha/homeassistant/#", 1)]
        )
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _take(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        with self._lock:
            self.told.append(message.topic)
            try:
                self.home.take(message.topic, message.payload)
            except AssertionError as fault:
                self.faults.append(fault)

    def shows(self, device_id: str) -> dict[str, str]:
        with self._lock:
            assert self.faults == []
            return self.home.shows(device_id)

    def until_shown(self, device_id: str, limit: float = 30, **want: str) -> None:
        try:
            until(lambda: want.items() <= self.shows(device_id).items(), f"{device_id} shows {want}", limit=limit)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows {self.shows(device_id)}, and was told {self.told[-20:]}") from None

    def born(self) -> None:
        self._client.publish("homeassistant/status", b"online", qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        end_loop(self._client)


class Home:
    """A broker, a database with some devices, and the process; each may be stopped and started."""

    def __init__(self, broker: Broker, database_url: str, folder: Path) -> None:
        self.broker, self._url, self._log = broker, database_url, folder / "homeassistant.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.operator = Actor(uuid.uuid4(), "值班员")
        with self._connect() as connection:
            station, elder = uuid.uuid4(), uuid.uuid4()
            connection.execute("INSERT INTO organizations (id, tier, name) VALUES (%s, 'community', '东街')", [station])
            connection.execute(
                "INSERT INTO elders (id, organization_id, name, address) VALUES (%s, %s, %s, '东街 1 号')",
                [elder, station, NAME],
            )
            connection.execute(
                "INSERT INTO accounts (id, username, password_hash, name, role)"
                " VALUES (%s, 'op', '', '值班员', 'operator')",
                [self.operator.id],
            )
            for device_id, kind in DEVICES.items():
                connection.execute(
                    "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES (%s, %s, %s, %s)",
                    [device_id, kind, station, elder],
                )

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, autocommit=True)

    def sql(self, statement: str, *values: Any) -> None:
        with self._connect() as connection:
            connection.execute(statement, values)

    def start(self, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANHU_")}
        ours = {
            "ANHU_DATABASE_URL": self._url,
            "ANHU_MQTT_URL": self.broker.url(HOME_ASSISTANT),
            "PYTHONPATH": str(ROOT),
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "homeassistant"],
                env=environment | ours | settings, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self, number: signal.Signals | None = signal.SIGTERM) -> None:
        """Sends the signal, if one is given, and waits for the end."""
        if self._process is not None:
            if number is not None:
                self._process.send_signal(number)
            ended = self._process.wait(15 * PATIENCE)
            self._process = None
            assert number == signal.SIGKILL or ended == 0, f"ended with {ended}: {self._log.read_text('utf-8')[-3000:]}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def press(self, device_id: str, kind: str = "sos") -> uuid.UUID:
        """An event as the gateway keeps it, taken in as the alerts worker does: the id of its alert."""

        async def take_in() -> uuid.UUID:
            async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                row = await (
                    await connection.execute(
                        "INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at,"
                        " last_received_at, raw, lat, lon, elder_id, organization_id)"
                        " SELECT device_id, %s, %s, 'x', now(), now(), now(), '', 29.563, 106.5516, elder_id,"
                        " organization_id FROM devices WHERE device_id = %s RETURNING id",
                        [uuid.uuid4().hex, kind, device_id],
                    )
                ).fetchone()
                assert row is not None
                await connection.execute(
                    "INSERT INTO event_queue (event, device_id, urgent) VALUES (%s, %s, true)", [row[0], device_id]
                )
                assert await take_in_next(connection) is True
                found = await connection.execute("SELECT alert_id FROM alert_events WHERE event = %s", [row[0]])
                alert = await found.fetchone()
                assert alert is not None
                return uuid.UUID(str(alert[0]))

        return asyncio.run(take_in())

    def move(self, alert_id: uuid.UUID, move: Move) -> None:
        async def make() -> None:
            async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                await move_alert(connection, alert_id, move, self.operator)

        asyncio.run(make())


@pytest.fixture(scope="module")
def home(postgres: PostgresServer, module_folder: Path) -> Iterator[Home]:
    folder = module_folder / "home"
    folder.mkdir()
    broker = Broker(folder / "broker")
    broker.start()
    with fresh_database(postgres.url()) as url:
        home = Home(broker, url, folder)
        home.start()
        yield home
        home.stop()
    broker.stop()


@pytest.fixture
def listener(home: Home) -> Iterator[Listener]:
    listener = Listener(home.broker)
    yield listener
    listener.close()


def test_each_device_announces_itself(listener: Listener) -> None:
    for device_id in DEVICES:
        listener.until_shown(device_id, alert="none", alarm="OFF", severity="none", online="unknown")


def test_an_alert_is_shown_from_the_press_to_its_end(home: Home, listener: Listener, tell: Tell) -> None:
    listener.until_shown("watch-1", alarm="OFF")
    pressed = time.monotonic()
    alert = home.press("watch-1")
    listener.until_shown("watch-1", limit=3, alert="triggered", alarm="ON", severity="red")
    tell(f"{(time.monotonic() - pressed) * 1000:.0f} ms from the event to Home Assistant")
    assert listener.shows("button.2")["alarm"] == "OFF"
    assert home.press("button.2") == alert, "the same elder's second press"
    listener.until_shown("button.2", limit=3, alert="triggered", alarm="ON")
    home.move(alert, Acknowledge())
    listener.until_shown("watch-1", limit=3, alert="acknowledged", alarm="ON")
    home.move(alert, Resolve("assisted"))
    for device_id in ("watch-1", "button.2"):
        listener.until_shown(device_id, limit=3, alert="none", alarm="OFF", severity="none")


def test_nothing_personal_leaves_unless_it_is_allowed(home: Home, listener: Listener) -> None:
    alert = home.press("watch-1")
    listener.until_shown("watch-1", alarm="ON")
    with listener._lock:
        said = b"".join(listener.home.said.values()).decode() + str(listener.home.devices)
    assert not any(word in said for word in (NAME, "东街", "29.5", "106.5"))
    home.move(alert, Acknowledge())
    home.move(alert, Resolve("assisted"))
    listener.until_shown("watch-1", alarm="OFF")


def test_what_the_registry_says_of_devices(home: Home, listener: Listener) -> None:
    listener.until_shown("bed_3", alarm="OFF")
    home.sql(
        "INSERT INTO device_states (device_key, online, last_seen_at, battery)"
        " SELECT key, true, '2026-11-22T04:00:00Z', 82.6 FROM devices WHERE device_id = 'watch-1'"
    )
    home.sql("UPDATE devices SET revoked_at = now() WHERE device_id = 'bed_3'")
    until(lambda: listener.shows("bed_3") == {}, "the revoked bed disappears")
    listener.until_shown("watch-1", online="ON", battery="83", last_seen="2026-11-22T04:00:00+00:00")


def test_who_is_deleted_while_nobody_announces_disappears(home: Home, listener: Listener) -> None:
    home.stop()
    listener.until_shown("door-4", alarm="unavailable")
    home.sql("DELETE FROM devices WHERE device_id = 'door-4'")
    home.start()
    until(lambda: listener.shows("door-4") == {}, "the deleted door disappears")
    listener.until_shown("watch-1", alarm="OFF")


def test_who_stops_says_so_to_a_slow_broker_too(home: Home, listener: Listener) -> None:
    listener.until_shown("watch-1", alarm="OFF")
    os.kill(home.broker.pid, signal.SIGSTOP)
    try:
        os.kill(home.pid, signal.SIGTERM)
        time.sleep(3)
    finally:
        os.kill(home.broker.pid, signal.SIGCONT)
    listener.until_shown("watch-1", alarm="unavailable")
    home.stop(None)
    home.start()
    listener.until_shown("watch-1", alarm="OFF")


def test_home_assistant_asks_when_it_starts(home: Home, listener: Listener) -> None:
    listener.until_shown("watch-1", alarm="OFF")
    with listener._lock:
        listener.told.clear()
    listener.born()
    config = "homeassistant/device/anhu_watch-1/config"
    until(lambda: config in listener.told, "the announcement, once more")


def test_a_process_that_dies_is_not_all_right(home: Home, listener: Listener) -> None:
    listener.until_shown("watch-1", alarm="OFF")
    home.stop(signal.SIGKILL)
    listener.until_shown("watch-1", alarm="unavailable")
    alert = home.press("watch-1")
    home.start()
    listener.until_shown("watch-1", alarm="ON", alert="triggered")
    home.move(alert, Acknowledge())
    home.move(alert, Resolve("assisted"))
    listener.until_shown("watch-1", alarm="OFF")


def test_after_a_broker_that_lost_everything_all_is_there_again(home: Home, listener: Listener) -> None:
    listener.until_shown("watch-1", alarm="OFF")
    home.broker.kill()
    for file in (home.broker.log.parent / "broker").glob("mosquitto.db*"):
        file.unlink()
    alert = home.press("button.2")
    home.broker.start()
    late = Listener(home.broker)
    try:
        late.until_shown("button.2", alarm="ON", severity="red")
        late.until_shown("watch-1", alarm="OFF", alert="none")
    finally:
        late.close()
    home.move(alert, Acknowledge())
    home.move(alert, Resolve("assisted"))


def test_a_device_hears_nothing_of_it_and_can_say_nothing(home: Home) -> None:
    home.broker.add_device("intruder")
    intruder = Listener(home.broker, "intruder")
    honest = Listener(home.broker)
    try:
        intruder._client.publish("homeassistant/device/anhu_watch-1/config", b"", qos=1, retain=True).wait_for_publish(
            5
        )
        intruder._client.publish("anhu/ha/homeassistant/online", b"offline", qos=1, retain=True).wait_for_publish(5)
        honest.until_shown("watch-1", alarm="OFF", alert="none")
        assert intruder.told == []
    finally:
        intruder.close()
        honest.close()
