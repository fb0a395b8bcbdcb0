"""A real broker with the contract's rights, and a peer that answers events as a gateway would."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from simulators.devices.kinds import KINDS
from tests.parts.ports import free_port
from tests.parts.waiting import PATIENCE


class Mosquitto:
    """Passwords are the user names turned round; `peer` may do everything, a device what is its own."""

    def __init__(self, folder: Path, users: Sequence[str]) -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        passwords, rights = folder / "passwords", folder / "rights"
        passwords.write_text("".join(f"{user}:{user[::-1]}\n" for user in users))
        subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
        rights.write_text(
            "user peer\ntopic readwrite anhu/v1/#\npattern write anhu/v1/%u/up/#\npattern read anhu/v1/%u/down/#\n"
        )
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            f"acl_file {rights}\nmax_queued_messages 0\nmax_inflight_messages 0\n"
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self._log_path = folder / "mosquitto.log"
        self._log = self._log_path.open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(["mosquitto", "-c", self._config], stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline, "mosquitto did not start within 10 s"
                assert self._process.poll() is None, "mosquitto ended at once: see mosquitto.log"
                time.sleep(0.02)
            else:
                return

    def log_text(self) -> str:
        return self._log_path.read_text()

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        self._log.close()


class Peer:
    """Hears everything; tells events the stages that `answer` names, and nothing when it names none."""

    def __init__(self, broker: Mosquitto) -> None:
        self.answer: Callable[[dict[str, Any]], Sequence[str]] = lambda event: ["stored"]
        self.heard: list[tuple[str, bytes, float]] = []
        self._changed = asyncio.Condition()
        self._broker = broker
        self._client: aiomqtt.Client | None = None
        self._unanswered: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self._closing = False
        self.subscribed = 0

    def payloads(self, device_id: str, leaf: str, skip: bytes = b"") -> list[Any]:
        wanted = f"anhu/v1/{device_id}/{leaf}"
        return [json.loads(payload) for topic, payload, _ in self.heard if topic == wanted and payload != skip]

    def readings(self, device_id: str, skip: bytes = b"") -> list[dict[str, Any]]:
        found = []
        for payload in self.payloads(device_id, "up/readings", skip):
            found.extend(payload if isinstance(payload, list) else [payload])
        return found

    def said_goodbye(self, device_id: str) -> bool:
        """After which nothing more of it is under way."""
        said = self.payloads(device_id, "up/status")
        return bool(said) and not said[-1]["online"]

    def arrivals(self, device_id: str, leaf: str) -> list[float]:
        return [at for topic, _, at in self.heard if topic == f"anhu/v1/{device_id}/{leaf}"]

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(PATIENCE * seconds), self._changed:
            await self._changed.wait_for(condition)

    async def send(self, device_id: str, leaf: str, value: Any) -> None:
        assert self._client is not None
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        await self._client.publish(f"anhu/v1/{device_id}/{leaf}", payload, qos=1)

    async def receipt(self, device_id: str, event_id: str, stage: str, **more: str) -> None:
        at = datetime.now(UTC).isoformat()
        await self.send(device_id, "down/receipts", {"event_id": event_id, "stage": stage, "at": at, **more})

    async def run(self) -> None:
        while not self._closing:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._converse()
            await asyncio.sleep(0.05)

    def close(self) -> None:
        self._closing = True

    async def _converse(self) -> None:
        client = aiomqtt.Client("127.0.0.1", self._broker.port, username="peer", password="reep", timeout=5)
        async with client:
            self._client = client
            await client.subscribe("anhu/v1/+/up/#", qos=1)
            async with self._changed:
                self.subscribed += 1
                self._changed.notify_all()
            # Answered by a task of its own: what came in is heard even when the broker dies under an answer.
            answering = asyncio.create_task(self._answer_all())
            try:
                async for message in client.messages:
                    await self._take(message.topic.value, message.payload)
            finally:
                # Again and again: Python 3.11's wait_for swallows a cancellation that comes with an answer.
                while not answering.done():
                    answering.cancel()
                    await asyncio.wait([answering], timeout=0.1)

    async def _take(self, topic: str, payload: bytes) -> None:
        _, _, device_id, *leaf = topic.split("/")
        async with self._changed:
            self.heard.append((topic, payload, time.monotonic()))
            self._changed.notify_all()
        if leaf == ["up", "events"]:
            with contextlib.suppress(ValueError):
                self._unanswered.put_nowait((device_id, json.loads(payload)))

    async def _answer_all(self) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            while True:
                device_id, event = await self._unanswered.get()
                for stage in self.answer(event):
                    await self.receipt(device_id, event["event_id"], stage)


class Simulator:
    """`anhu simulate` as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ended(self, seconds: float = 40) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE * seconds)
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()


def device_ids(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number:03}" for number in range(count)]


@pytest.fixture
def fleet_devices() -> list[dict[str, Any]]:
    """Twenty wristbands, then one of each kind, an unknown kind last."""
    wristbands = [(device_id, "wristband") for device_id in device_ids("wb", 20)]
    others = [(f"one-{kind}", kind) for kind in (*KINDS, "foot_mat")]
    return [
        {"device_id": device_id, "password": device_id[::-1], "kind": kind, "elder_id": f"elder-{number}"}
        for number, (device_id, kind) in enumerate([*wristbands, *others])
    ]


@pytest.fixture
def broker(tmp_path: Path, fleet_devices: list[dict[str, Any]]) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, ["peer", *(device["device_id"] for device in fleet_devices)])
    broker.start()
    yield broker
    broker.close()


@pytest.fixture
def fleet_file(tmp_path: Path, broker: Mosquitto, fleet_devices: list[dict[str, Any]]) -> Path:
    path = tmp_path / "demo.json"
    path.write_text(json.dumps({"mqtt": {"host": "127.0.0.1", "port": broker.port}, "devices": fleet_devices}))
    return path


@pytest.fixture
async def peer(broker: Mosquitto) -> AsyncIterator[Peer]:
    peer = Peer(broker)
    task = asyncio.create_task(peer.run())
    await peer.until(lambda: peer.subscribed > 0)
    yield peer
    peer.close()
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


@pytest.fixture
async def simulate(fleet_file: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts `python -m simulators` with the fleet file and the given arguments."""
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: str, fleet: Path | None = fleet_file) -> Simulator:
        chosen = ("--fleet", str(fleet)) if fleet else ()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "simulators",
            *chosen,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "COLUMNS": "200"},
        )
        started.append(process)
        return Simulator(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()
