"""`anhu bridge watch` as a process, before a real broker, gateway and database; watches are raw sockets."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self

import pytest

from tests.parts.ports import free_port, is_listening
from tests.parts.postgres import PostgresServer
from tests.parts.system import ROOT, Device, System, system_at
from tests.parts.waiting import until

#: How long the tests look for an answer that must not come.
A_MOMENT = 0.5


@pytest.fixture(scope="module")
def gateway(postgres: PostgresServer, module_folder: Path) -> Iterator[System]:
    """Gateway and alerts on a broker and a database of their own, which these tests stop."""
    with system_at(module_folder / "watches", postgres, elders=1) as system:
        system.start("gateway", "alerts")
        # Those beside alerts beat too.
        well = "SELECT kind FROM workers WHERE kind IN ('gateway', 'alerts') AND (status ->> 'ok')::bool"
        until(lambda: len(system.sql(well)) == 2, "gateway and alerts work", limit=60)
        yield system


def start_bridge(gateway: System, port: int) -> subprocess.Popen[bytes]:
    options = ["--port", str(port), "--slow", "0.7", "--command-seconds", "1"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANHU_")}
    own = {"ANHU_MQTT_URL": gateway.broker.url("anhu-bridge"), "ANHU_BRIDGE_NAME": f"watch-{port}"}
    with (gateway.directory / "bridge.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "services.cli", "bridge", "watch", *options],
            env=environment | own | {"PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def port(gateway: System) -> Iterator[int]:
    """Where watches connect to."""
    port = free_port()
    process = start_bridge(gateway, port)
    try:
        until(lambda: is_listening(port), "the bridge listens")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    until(lambda: noted(gateway, port) == "stopped", "a bridge that ends in order is noted as stopped")
    told = (gateway.directory / "bridge.log").read_text("utf-8")
    assert "Traceback" not in told, told
    online = gateway.sql("SELECT count(*) FROM device_states WHERE online")
    assert online == [(0,)], "a bridge that ends says of its watches that they are gone"


def noted(gateway: System, port: int) -> str | None:
    rows = gateway.sql("SELECT state FROM bridges WHERE name = %s", f"watch-{port}")
    return rows[0][0] if rows else None


class Watch:
    """A watch's own side of a connection: bytes, and nothing of our code."""

    _ids = count(1_000_000_001)
    _seconds = count()

    def __init__(self, port: int, hardware_id: str | None = None) -> None:
        self.hardware_id = hardware_id or str(next(self._ids))
        self.device_id = f"watch-{self.hardware_id}"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, content: str | bytes) -> None:
        self.socket.sendall(self.frame(content) if isinstance(content, str) else content)

    def frame(self, content: str) -> bytes:
        return f"[3G*{self.hardware_id}*{len(content):04X}*{content}]".encode()

    def alarm(self, bits: str = "00010000", battery: int = 81) -> str:
        # Each alarm has a second of its own, as with a watch.
        at = datetime.now(UTC) - timedelta(seconds=300 - next(self._seconds))
        return f"AL_LTE,{at:%d%m%y,%H%M%S},A,29.5630,N,106.5516,E,0,0,0,9,60,{battery},1200,0,{bits},0,0,12.5"

    def hears(self, answer: str | bytes, limit: float = 10) -> None:
        wanted = answer if isinstance(answer, bytes) else self.frame(answer)
        until(
            lambda: self._receive() or wanted in self.heard,
            f"{wanted!r} to a watch that heard {self.heard!r}",
            limit=limit,
        )
        self.heard = self.heard.replace(wanted, b"", 1)

    def hears_nothing(self) -> None:
        deadline = time.monotonic() + A_MOMENT
        while time.monotonic() < deadline:
            self._receive()
            time.sleep(0.01)
        assert self.heard == b""

    def is_cut_off(self) -> bool:
        try:
            return self.socket.recv(4096) == b""
        except ConnectionError:
            return True

    def _receive(self) -> None:
        self.socket.setblocking(False)
        with suppress(BlockingIOError):
            self.heard += self.socket.recv(4096)
        self.socket.setblocking(True)


@pytest.fixture
def wear(gateway: System, port: int) -> Iterator[Callable[..., Watch]]:
    """Calls for watches, enrolled and connected."""
    with ExitStack() as opened:

        def make(hardware_id: str | None = None, *, enrolled: bool = True) -> Watch:
            watch = opened.enter_context(Watch(port, hardware_id))
            if enrolled:
                gateway.sql(
                    "INSERT INTO devices (device_id, kind, organization_id) VALUES (%s, 'watch', %s)"
                    " ON CONFLICT DO NOTHING",
                    watch.device_id,
                    gateway.seeded.organization_id,
                )
            return watch

        yield make


def events(gateway: System, watch: Watch) -> list[tuple[Any, ...]]:
    return gateway.sql("SELECT type, repeats, battery FROM events WHERE device_id = %s ORDER BY id", watch.device_id)


def test_a_press_is_stored_answered_and_raised(gateway: System, wear: Callable[..., Watch]) -> None:
    watch = wear()
    watch.send("LK,1234,0,83")
    watch.hears("LK")
    alarm = watch.alarm()
    watch.send(alarm)
    watch.hears("AL")
    assert events(gateway, watch) == [("sos", 0, 81.0)], "when it is answered it is stored"
    watch.send(alarm.replace(",81,", ",80,"))
    watch.hears("AL")
    assert [(kind, repeats) for kind, repeats, _ in events(gateway, watch)] == [("sos", 1)], "again is a repeat"
    found = "SELECT a.severity, a.occurrences FROM alerts a JOIN alert_events e ON e.alert_id = a.id"
    found += " JOIN events v ON v.id = e.event WHERE v.device_id = %s"
    assert until(lambda: gateway.sql(found, watch.device_id), "an alert") == [("red", 1)]
    readings = "SELECT steps, battery, round(lat::numeric, 3) FROM readings JOIN devices ON key = device_key"
    readings += " WHERE device_id = %s ORDER BY ts"
    until(lambda: len(gateway.sql(readings, watch.device_id)) == 2, "its readings")
    online = "SELECT online FROM device_states JOIN devices ON key = device_key WHERE device_id = %s"
    until(lambda: gateway.sql(online, watch.device_id) == [(True,)], "it is online")
    watch.socket.close()
    until(lambda: gateway.sql(online, watch.device_id) == [(False,)], "it is gone")


def test_an_iw_watch_signs_in_and_presses(gateway: System, wear: Callable[..., Watch]) -> None:
    watch = wear("100000000000001")
    watch.send(b"IWAP00100000000000001#")
    watch.hears(f"IWBP00,{datetime.now(UTC):%Y%m%d%H}".encode())
    watch.send(b"IWAPHT,72,130,85#IWAP03,06000908000102,5555,30#")
    watch.hears(b"IWBPHT#")
    watch.hears(b"IWBP03#")
    now = datetime.now(UTC)
    place = f"{now:%y%m%d}A2933.7800N10633.0960E000.1{now:%H%M%S}323.8706000908000102,460,0,9520,3671,01,zh-cn,00,"
    watch.send(f"IWAP10{place}#".encode())
    watch.hears(b"IWBP10#")
    assert events(gateway, watch) == [("sos", 0, 80.0)]


def test_while_the_gateway_hangs_nothing_is_answered_too_early(gateway: System, wear: Callable[..., Watch]) -> None:
    watch = wear()
    os.kill(gateway.processes["gateway"].pid, signal.SIGSTOP)
    try:
        watch.send(watch.alarm())
        watch.hears_nothing()
        watch.send("LK")
        watch.hears("LK")
        assert events(gateway, watch) == []
    finally:
        os.kill(gateway.processes["gateway"].pid, signal.SIGCONT)
    watch.hears("AL")
    assert events(gateway, watch) == [("sos", 0, 81.0)]


def test_while_the_broker_is_away_watches_stay(gateway: System, wear: Callable[..., Watch]) -> None:
    watch, gone = wear(), wear()
    gateway.broker.stop()
    try:
        alarm = watch.alarm()
        watch.send("LK,5,0,50")
        watch.hears("LK")
        watch.send(alarm)
        watch.send(alarm)
        gone.send(gone.alarm("00200000"))
        gone.send("LK")
        gone.hears("LK")
        gone.socket.close()
        watch.hears_nothing()
    finally:
        gateway.broker.start()
    watch.hears("AL", limit=15)
    watch.hears_nothing()
    assert [kind for kind, *_ in events(gateway, watch)] == ["sos"]
    until(lambda: [kind for kind, *_ in events(gateway, gone)] == ["fall"], "a fall whose watch has gone since")


def test_half_slow_and_broken_frames(gateway: System, wear: Callable[..., Watch]) -> None:
    watch = wear()
    frame = watch.frame(watch.alarm())
    for place in range(0, len(frame), 7):
        watch.send(frame[place : place + 7])
    watch.hears("AL")
    watch.send(watch.frame("LK")[:-3])
    watch.send(watch.frame("LK"))
    watch.hears("LK")
    half = wear()
    half.send(half.frame(half.alarm("00200000"))[:90])
    until(lambda: events(gateway, half), "what came of an alarm raises, though its end does not come")
    assert [kind for kind, *_ in events(gateway, half)] == ["sos"], "and nobody knows why it called"
    cut = wear()
    cut.send(cut.frame(cut.alarm())[:40])
    cut.socket.close()
    until(lambda: events(gateway, cut), "also when the connection ends")


def test_garbage_and_giants_are_kept_and_cost_nobody_else(gateway: System, wear: Callable[..., Watch]) -> None:
    watch, giant, scanner = wear(), wear(), wear(enrolled=False)
    scanner.send(b"\x16\x03\x01" + bytes(range(128, 256)) * 600)
    assert until(scanner.is_cut_off, "a stranger is cut off")
    giant.send(giant.frame("LK"))
    giant.send(b"[3G*" + giant.hardware_id.encode() + b"*FFFF*img,5," + b"x" * 150_000)
    giant.send(giant.frame("LK"))
    giant.hears("LK")
    giant.hears("LK")
    kept = "SELECT payload_bytes FROM quarantine WHERE device_id = %s"
    until(lambda: gateway.sql(kept, giant.device_id), "the beginning of the giant is kept")
    until(lambda: gateway.sql(kept, "watch-unidentified"), "and that of the garbage")
    watch.send(watch.alarm())
    watch.hears("AL")


def test_an_unknown_watch_presses(gateway: System, wear: Callable[..., Watch]) -> None:
    watch = wear(enrolled=False)
    watch.send(watch.alarm())
    watch.hears("AL")
    assert [kind for kind, *_ in events(gateway, watch)] == ["sos"]
    watch.send(watch.alarm("00100000"))
    watch.hears("AL")
    assert [kind for kind, *_ in events(gateway, watch)] == ["sos"], "what is rejected is answered too"


def test_a_command_goes_to_the_newest_connection(gateway: System, wear: Callable[..., Watch]) -> None:
    first = wear()
    first.send("LK")
    first.hears("LK")
    second = wear(first.hardware_id)
    second.send("LK")
    second.hears("LK")
    results = "SELECT result FROM command_results WHERE device_id = %s ORDER BY id"

    def ask(name: str) -> None:
        with Device(gateway.broker, "", username="anhu-gateway") as platform:
            platform.publish(f"anhu/v1/{first.device_id}/down/commands", {"command": name, "command_id": f"c-{name}"})

    ask("locate")
    second.hears("CR")
    second.send("CR")
    until(lambda: gateway.sql(results, first.device_id), "the result")
    first.socket.close()
    ask("ring")
    second.hears("FIND")
    until(lambda: gateway.sql(results, first.device_id)[1:], "that it did not say it rings")
    told = [(result["command_id"], result["status"]) for (result,) in gateway.sql(results, first.device_id)]
    assert told == [("c-locate", "done"), ("c-ring", "unanswered")]


def test_a_bridge_that_is_killed_is_noted_as_lost_and_may_be_forgotten(gateway: System, port: int) -> None:
    other = free_port()
    process = start_bridge(gateway, other)
    until(lambda: noted(gateway, other) == "online", "a bridge that is there is noted")
    process.kill()
    process.wait(10)
    until(lambda: noted(gateway, other) == "lost", "one that was killed is lost, by the broker's word")
    until(lambda: noted(gateway, port) == "online", "the other one is there", limit=20)
    gateway.sql("DELETE FROM bridges WHERE name = %s", f"watch-{other}")
    # What the broker keeps of it makes it known to nobody again.
    gateway.processes["gateway"].terminate()
    gateway.processes["gateway"].wait(20)
    gateway.start("gateway")
    well = "SELECT kind FROM workers WHERE kind = 'gateway' AND (status ->> 'ok')::bool"
    until(lambda: gateway.sql(well), "the gateway works again", limit=60)
    until(lambda: noted(gateway, port) == "online", "and notes who is there")
    assert noted(gateway, other) is None
