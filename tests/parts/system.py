"""The whole system as real processes on a database and a broker: what an outsider meets."""

import base64
import json
import os
import signal
import ssl
import subprocess
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any, Self

import httpx
import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from websockets.sync.client import ClientConnection, connect

from services.demo.folder import Keys
from services.demo.seed import Seeded, credentials, seed
from tests.parts import documents
from tests.parts.broker import Broker
from tests.parts.forked import Forked
from tests.parts.loops import end_loop
from tests.parts.ports import free_port
from tests.parts.postgres import PostgresServer, fresh_database
from tests.parts.waiting import until

ROOT = Path(__file__).parents[2]
SECRET_KEY = "only for tests: a key of more than 32 characters"
DATA_KEYS = f"tests:{base64.b64encode(b'only for tests: thirty-two bytes').decode()}"
KINDS = ("gateway", "alerts", "api")


PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""http:// alone is asked here: a client need not read the system's certificates each time."""


def seed_database(database_url: str, keys_file: Path, elders: int) -> Seeded:
    """The demo's invented people and devices: the same passwords in each database of a run, hashed once."""
    if _keys_of_the_run:
        keys_file.write_text(_keys_of_the_run[-1], "utf-8")
    keys = Keys(keys_file)
    with psycopg.connect(database_url) as connection:
        seeded = seed(connection, keys, elders)
    keys.save()
    _keys_of_the_run.append(keys_file.read_text("utf-8"))
    return seeded


_keys_of_the_run: list[str] = []


def event(kind: str = "sos", **fields: Any) -> dict[str, Any]:
    """An event as the contract has it, with a name and a time of its own."""
    return {"event_id": uuid.uuid4().hex[:16], "type": kind, "ts": datetime.now(UTC).isoformat()} | fields


def is_ready(url: str) -> bool:
    """Whether an api says that all is well. Asked often, so by the plainest client there is."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class System:
    """gateway, alerts and api; each may be killed and started again, under the same addresses."""

    def __init__(self, directory: Path, database_url: str, broker: Broker, seeded: Seeded) -> None:
        self.directory, self.database_url, self.broker, self.seeded = directory, database_url, broker, seeded
        directory.mkdir(parents=True, exist_ok=True)
        self.http_port = free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.processes: dict[str, Forked] = {}
        self._people: list[Person] = []
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ANHU_")} | {
            "ANHU_DATABASE_URL": database_url,
            "ANHU_HTTP_PORT": str(self.http_port),
            "ANHU_SECRET_KEY": SECRET_KEY,
            "ANHU_DATA_KEYS": DATA_KEYS,
            "PYTHONPATH": str(ROOT),
        }
        with psycopg.connect(database_url) as connection:
            broker.adopt(credentials(connection), {one["device_id"]: one["password"] for one in seeded.devices})

    def start(self, *names: str, **settings: str) -> None:
        """Starts processes by kind (`gateway`, or `gateway-2` for a second one); not yet ready."""
        for name in names or KINDS:
            kind = name.partition("-")[0]
            account = {"alerts": "anhu-alerts", "watch": "anhu-probe"}.get(kind, "anhu-gateway")
            environment = self.environment | {"ANHU_MQTT_URL": self.broker.url(account)} | settings
            self.processes[name] = Forked([kind], environment, self.directory / f"{name}.log")

    def runs(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def is_ready(self) -> bool:
        return is_ready(self.url)

    def wait_until_ready(self, limit: float = 60) -> None:
        until(self.is_ready, f"the system is ready (logs in {self.directory})", limit=limit, every=0.1)

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        """Stops all in order; what does not stop is killed, and told."""
        for person in self._people:
            person.http.close()
        for process in self.processes.values():
            process.terminate()
        slow = []
        for name, process in self.processes.items():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                slow.append(name)
                process.kill()
                process.wait()
        self.processes.clear()
        assert not slow, f"{slow} did not stop within 15 s; see {self.directory}"

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text("utf-8")

    # What an outsider does ------------------------------------------------------------------------

    def account(self, username: str) -> dict[str, str]:
        return next(one for one in self.seeded.accounts if one["username"] == username)

    def organization(self, tier: str, place: int = 0) -> str:
        """The id of the first (second, …) organisation of a tier."""
        return str([one["id"] for one in self.seeded.organizations if one["tier"] == tier][place])

    def station_devices(self, kind: str) -> list[str]:
        """Ids of the devices of a kind at the first station."""
        rows = self.sql(
            "SELECT device_id FROM devices WHERE kind = %s AND organization_id = %s ORDER BY device_id",
            kind,
            self.seeded.organization_id,
        )
        return [row[0] for row in rows]

    def sign_in(self, username: str = "", url: str = "") -> "Person":
        """The first station's operator, or another account; `url` when the api is another than the first."""
        account = self.account(username) if username else self.seeded.operator
        person = Person(self, account["username"], account["password"], url or self.url)
        self._people.append(person)
        return person

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds: for what the contract does not show."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def system_at(
    directory: Path, postgres: PostgresServer, elders: int, broker_kind: Callable[[Path], Broker] = Broker
) -> Iterator[System]:
    """A system with a broker and a database of its own, in a folder that servers reach. Not started; ended at the
    end."""
    directory.mkdir()
    with ExitStack() as opened:
        broker = broker_kind(directory / "broker")
        broker.start()
        opened.callback(broker.stop)
        url = opened.enter_context(fresh_database(postgres.url()))
        system = System(directory, url, broker, seed_database(url, directory / "keys.json", elders))
        opened.callback(system.stop)
        yield system


@contextmanager
def running_system(directory: Path, postgres: PostgresServer, elders: int) -> Iterator[System]:
    """One of `system_at` that is ready."""
    with system_at(directory, postgres, elders) as system:
        system.start()
        system.wait_until_ready()
        yield system


class Person:
    """Somebody who is signed in. Every answer is held against docs/contract."""

    def __init__(self, system: System, username: str, password: str, url: str) -> None:
        self.system, self.username, self.url = system, username, url
        self.http = httpx.Client(
            base_url=f"{url}/api/v1",
            timeout=20,
            verify=PLAIN,
            # A connection for each request: nothing is left open when a test ends.
            limits=httpx.Limits(max_keepalive_connections=0),
            event_hooks={"response": [documents.check_answer]},
        )
        answer = self.http.post("/token", data={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        self.http.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def move(self, alert: dict[str, Any] | str, move: str, **body: Any) -> httpx.Response:
        alert_id = alert if isinstance(alert, str) else alert["id"]
        return self.http.post(f"/alerts/{alert_id}/{move}", json=body)

    def alert_of(self, event_id: str, limit: float = 15) -> dict[str, Any]:
        """The alert that holds an event, once there is one."""
        found = until(
            lambda: self.get("/alerts", event_id=event_id)["items"], f"an alert for {event_id}", limit=limit, every=0.05
        )
        assert len(found) == 1, found
        return dict(found[0])

    def alert_of_device(self, device_id: str, limit: float = 15) -> dict[str, Any]:
        """The unresolved alert of a device that has one, once there is one."""
        found = until(
            lambda: self.get("/alerts", device_id=device_id, state="open")["items"],
            f"an alert of {device_id}",
            limit=limit,
            every=0.05,
        )
        assert len(found) == 1, found
        return dict(found[0])

    @contextmanager
    def screen(self, organization_id: str | None = None, after: int = 0, **options: Any) -> Iterator["Screen"]:
        station = organization_id or self.system.seeded.organization_id
        with connect(live_address(self.url, station), **options) as socket:
            yield Screen(socket, self.tokens["access_token"], after)


def live_address(url: str, organization_id: str) -> str:
    """Where an api's live stream of an organisation is."""
    return f"{url.replace('http', 'ws', 1)}/api/v1/stations/{organization_id}/live"


class Screen:
    """A live screen: frames in order, each held against docs/contract."""

    def __init__(self, socket: ClientConnection, token: str, after: int) -> None:
        self.socket = socket
        self.send(type="hello", token=token, after=after)
        self.welcome = self.receive()
        assert self.welcome["type"] == "welcome"
        self.seq: int = self.welcome["seq"]

    def send(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def receive(self, limit: float = 20) -> dict[str, Any]:
        frame = json.loads(self.socket.recv(limit))
        documents.check(f"live#/$defs/{frame['type']}", frame)
        return dict(frame)

    def next_alert(self, limit: float = 20) -> dict[str, Any]:
        """The next alert frame's alert; checks that `seq` has no gap, and answers heartbeats."""
        while True:
            frame = self.receive(limit)
            if frame["type"] == "heartbeat":
                self.send(type="alive")
            elif frame["type"] == "alert":
                assert frame["seq"] == self.seq + 1, (self.seq, frame)
                self.seq += 1
                return dict(frame["alert"])

    def next_of(self, alert: dict[str, Any], limit: float = 20) -> dict[str, Any]:
        """The next alert frame of this alert: alerts of other tests may turn red or climb meanwhile."""
        while (shown := self.next_alert(limit))["id"] != alert["id"]:
            pass
        return shown

    def next_answer(self, limit: float = 20) -> dict[str, Any]:
        """The next frame that is neither an alert nor a heartbeat."""
        while (frame := self.receive(limit))["type"] in ("alert", "heartbeat"):
            self.seq = frame.get("seq", self.seq)
        return frame

    def alert_in(self, state: str, limit: float = 20) -> dict[str, Any]:
        """The next alert frame in a state."""
        while (alert := self.next_alert(limit))["state"] != state:
            pass
        return alert


@dataclass
class Receipt:
    event_id: str
    stage: str
    body: dict[str, Any]


class Device:
    """A device that does only what it is told: sends bytes, keeps receipts, and holds each against docs/contract."""

    def __init__(
        self,
        broker: Broker,
        device_id: str,
        *,
        username: str | None = None,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
        will: dict[str, Any] | None = None,
    ) -> None:
        self.device_id = device_id
        self.receipts: list[Receipt] = []
        self.commands: list[dict[str, Any]] = []
        self._come = threading.Condition()
        self._undocumented: list[str] = []
        account = username or device_id
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        if will is not None:
            self._client.will_set(f"anhu/v1/{device_id}/up/status", json.dumps(will), qos=1, retain=True)
        self._client.username_pw_set(account, broker.passwords[account])
        self._client.on_message = self._on_message
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect(broker.host, broker.port)
        self._client.subscribe(f"anhu/v1/{device_id}/down/#", 1)
        self._client.loop_start()
        assert subscribed.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        end_loop(self._client)

    def vanish(self) -> None:
        """The connection is cut without a word: the broker tells the will."""
        socket = self._client.socket()
        assert socket is not None
        self._client._reconnect_on_failure = False
        socket.shutdown(SHUT_RDWR)

    def send(self, message: Any, leaf: str = "events", *, retain: bool = False) -> dict[str, Any]:
        """Publishes JSON, or bytes as they are; returns when the broker has it."""
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        topic = f"anhu/v1/{self.device_id}/up/{leaf}"
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)
        return dict(message) if isinstance(message, dict) else {}

    def publish(self, topic: str, message: Any) -> None:
        """Publishes JSON where it likes, allowed or not; returns when the broker has taken or dropped it."""
        self._client.publish(topic, json.dumps(message), qos=1).wait_for_publish(10)

    def listen(self, topic: str, heard: list[bytes]) -> None:
        """Subscribes where it likes; what comes is appended to `heard`."""
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.message_callback_add(topic, lambda _client, _data, message: heard.append(message.payload))
        self._client.subscribe(topic, 1)
        assert subscribed.wait(10)

    def press(self, kind: str = "sos", **fields: Any) -> dict[str, Any]:
        """Sends an event and waits until it is told stored."""
        sent = self.send(event(kind, **fields))
        self.receipt(sent["event_id"], "stored")
        return sent

    def stages(self, event_id: str) -> list[str]:
        with self._come:
            return [one.stage for one in self.receipts if one.event_id == event_id]

    def receipt(self, event_id: str | None, stage: str, limit: float = 15) -> Receipt:
        """The first receipt of a stage for an event (None: of any event)."""

        def found() -> Receipt | None:
            for one in self.receipts:
                if one.stage == stage and event_id in (None, one.event_id):
                    return one
            return None

        with self._come:
            come = self._come.wait_for(found, limit)
            assert not self._undocumented, self._undocumented
            assert come is not None, f"no {stage} for {event_id} within {limit} s, but {self.receipts}"
            return come

    def until_told(self, event_id: str, count: int, limit: float = 15) -> None:
        """Waits until there are `count` receipts of an event."""
        with self._come:
            told = self._come.wait_for(lambda: len(self.stages(event_id)) >= count, limit)
            assert told, f"not {count} receipts for {event_id} within {limit} s, but {self.receipts}"

    def command(self, command_id: str, limit: float = 15) -> dict[str, Any]:
        """The command of that id, once it has come."""

        def found() -> dict[str, Any] | None:
            return next((one for one in self.commands if one.get("command_id") == command_id), None)

        with self._come:
            come = self._come.wait_for(found, limit)
            assert not self._undocumented, self._undocumented
            assert come is not None, f"no command {command_id} within {limit} s"
            return come

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        body = json.loads(message.payload)
        with self._come:
            if message.topic.endswith("/commands"):
                self._undocumented += documents.faults("command", body)
                self.commands.append(body)
                self._come.notify_all()
                return
            self._undocumented += documents.faults("receipt", body, closed=True)
            self.receipts.append(Receipt(body["event_id"], body["stage"], body))
            self._come.notify_all()
