"""`anhu demo` as a person runs it: a process of its own, its output, its folder, its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

import services
from services.demo.demo import WEB_PAGE
from tests.parts.broker import Broker
from tests.parts.figures import Tell
from tests.parts.ports import free_port
from tests.parts.waiting import PATIENCE, until

READY_SECONDS = 90  # a first start, on a machine that runs other tests too
PARTS = ["postgres", "mosquitto", "broker", "gateway", "alerts", "api", "upkeep", "watch", "simulate"]


class RunningDemo:
    """One `anhu demo`, which all its processes can be told by: its folder is in their environment."""

    def __init__(self, folder: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._marker = f"{folder.name}-{time.monotonic_ns()}"
        self._output = folder.with_name(f"{self._marker}.out")
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "demo", "--data-dir", str(folder), *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "ANHU_TEST_MARKER": self._marker, **(environment or {})},
            )

    @property
    def output(self) -> str:
        return self._output.read_text("utf-8")

    def wait_ready(self) -> str:
        """The URL of its line `ready URL`."""

        def ready() -> re.Match[str] | None:
            assert self.process.poll() is None, self.output
            return re.search(r"^ready (\S+)$", self.output, re.MULTILINE)

        found = until(ready, "the demo is ready", limit=READY_SECONDS)
        assert found is not None
        return found[1]

    def wait_end(self) -> int:
        """Its exit code."""
        return self.process.wait(60 * PATIENCE)

    def interrupt(self) -> int:
        """Ctrl-C: to everybody of its terminal's foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.wait_end()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def living(self) -> list[psutil.Process]:
        """All processes that it started, whoever they belong to now."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("ANHU_TEST_MARKER") == self._marker:
                    found.append(process)
        return found

    def parts(self) -> dict[str, int]:
        """Its children: their process ids, by name."""
        known = json.loads((self.folder / "processes.json").read_text("utf-8"))
        return {one["name"]: one["pid"] for one in known}

    def has_another(self, name: str, pid: int) -> bool:
        """Whether this child was started again, as a process other than `pid`."""
        return self.parts()[name] != pid

    def fleet(self) -> dict[str, object]:
        told: dict[str, object] = json.loads((self.folder / "demo.json").read_text("utf-8"))
        return told


Start = Callable[..., RunningDemo]


def begin(folder: Path, *options: str, environment: dict[str, str] | None = None) -> RunningDemo:
    """Starts a demo of three elders on free ports, where `options` do not say otherwise."""
    ports = [] if "--http-port" in options else ["--http-port", str(free_port())]
    if "--mqtt-port" not in options and "ANHU_MQTT_URL" not in (environment or {}):
        ports += ["--mqtt-port", str(free_port())]
    elders = [] if "--elders" in options else ["--elders", "3"]
    return RunningDemo(folder, *ports, *elders, *options, environment=environment)


def end(demo: RunningDemo) -> None:
    if demo.process.poll() is None:
        demo.interrupt()
    for process in demo.living():
        process.kill()


@pytest.fixture
def start(server_folder: Path) -> Iterator[Start]:
    """Starts a demo in a folder of this name; what still runs at the end of the test is ended."""
    demos: list[RunningDemo] = []

    def make(*options: str, folder: str = "demo", environment: dict[str, str] | None = None) -> RunningDemo:
        demos.append(begin(server_folder / folder, *options, environment=environment))
        return demos[-1]

    yield make
    for demo in demos:
        end(demo)


@pytest.fixture(scope="module")
def running(module_folder: Path) -> Iterator[RunningDemo]:
    """A demo that is ready, for one test after the other; the last one kills it."""
    demo = begin(module_folder / "running-demo")
    demo.wait_ready()
    yield demo
    end(demo)


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    assert WEB_PAGE.is_file(), f"the browser app is not built: make web ({Path(services.__file__).parent})"


def test_a_demo_from_nothing(running: RunningDemo) -> None:
    fleet = running.fleet()
    assert running.output.count(f"ready {fleet['http']}") == 1
    assert list(fleet) == [
        "http",
        "mqtt",
        "operator",
        "organization_id",
        "organizations",
        "accounts",
        "devices",
    ]
    assert (running.folder / "demo.json").stat().st_mode & 0o777 == 0o600
    assert running.output.count("mosquitto_pub ") == 1
    assert list(running.parts()) == PARTS
    assert all(psutil.pid_exists(pid) for pid in running.parts().values())


def test_whatever_dies_comes_back(running: RunningDemo) -> None:
    for name, pid in running.parts().items():
        os.kill(pid, signal.SIGKILL)
        until(partial(running.has_another, name, pid), f"{name} runs again", limit=30)
        assert f"{name} was ended by SIGKILL; starting it again" in running.output
    until(lambda: all(map(psutil.pid_exists, running.parts().values())), "all run")


def test_there_are_no_two_demos_in_one_folder(running: RunningDemo) -> None:
    third = begin(running.folder)
    assert third.wait_end() == 1
    assert re.fullmatch(
        rf"anhu demo: another demo \(process {running.process.pid}\) runs in {running.folder}:"
        r" stop it, or choose another --data-dir\n",
        third.output,
    )
    assert running.process.poll() is None


def test_a_taken_port_is_named_by_its_option(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        http = start("--http-port", port)
        assert http.wait_end() == 1
        assert (
            http.output == f"anhu demo: --http-port {port}: something else listens on that port;"
            " stop what uses it, or name another port\n"
        )
        mqtt = start("--mqtt-port", port)
        assert mqtt.wait_end() == 1
        assert f"anhu demo: --mqtt-port {port}: something else listens on that port" in mqtt.output
        assert mqtt.living() == []


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"ANHU_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
            "anhu demo: the database does not answer: ",
        ),
        (
            {"ANHU_DATABASE_URL": "postgresql://x?colour=red"},
            "anhu demo: ANHU_DATABASE_URL is no PostgreSQL URL",
        ),
        ({"ANHU_MQTT_URL": "http://127.0.0.1"}, "anhu demo: ANHU_MQTT_URL must be mqtt://HOST[:PORT]"),
    ],
)
def test_servers_that_cannot_be_used(start: Start, environment: dict[str, str], sentence: str) -> None:
    demo = start(environment=environment)
    assert demo.wait_end() == 1
    assert sentence in demo.output
    assert "Traceback" not in demo.output


def test_servers_of_ones_own_to_a_stop_in_order(
    running: RunningDemo, start: Start, empty_database_url: str, broker: Broker, server_folder: Path
) -> None:
    """Beside another demo, which goes on."""
    environment = {
        "ANHU_DATABASE_URL": empty_database_url,
        "ANHU_MQTT_URL": f"mqtt://127.0.0.1:{broker.port}",
    }
    stranger = start(environment=environment)
    assert stranger.wait_end() == 1
    files = [server_folder / "demo" / "broker" / name for name in ("passwords", "rights.acl")]
    assert f"give it {files[0]} and {files[1]} as password_file and acl_file, send it SIGHUP" in stranger.output

    for file in files:
        (server_folder / "broker" / file.name).write_bytes(file.read_bytes())
    os.kill(broker.pid, signal.SIGHUP)
    demo = start(environment=environment)
    demo.wait_ready()
    assert demo.fleet()["mqtt"] == {"host": "127.0.0.1", "port": broker.port}
    assert list(demo.parts()) == PARTS[3:]
    assert not (demo.folder / "postgres").exists()
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM elders").fetchone() == (3,)

    demo.process.terminate()
    assert demo.wait_end() == 0
    assert demo.living() == []
    assert "Traceback" not in demo.output
    assert running.process.poll() is None


def test_a_killed_demo_leaves_nothing_and_starts_again_until_ctrl_c(running: RunningDemo, tell: Tell) -> None:
    fleet = running.fleet()
    url, mqtt = str(fleet["http"]), str(fleet["mqtt"]["port"])  # type: ignore[index]
    running.kill()
    began = time.monotonic()
    again = begin(running.folder, "--http-port", url.rpartition(":")[2], "--mqtt-port", mqtt, "--elders", "5")
    try:
        assert again.wait_ready() == url
        # 15 s is the aim on a machine that does nothing else.
        tell(f"the second start took {time.monotonic() - began:.1f} s")
        until(lambda: not running.living(), "nothing of the killed demo is left", limit=30)
        more = again.fleet()
        assert {name: more[name] for name in fleet if name != "devices"} == {
            name: fleet[name] for name in fleet if name != "devices"
        }
        assert len(more["devices"]) > len(fleet["devices"])  # type: ignore[arg-type]
        assert again.interrupt() == 0
        assert again.living() == []
        assert "Traceback" not in again.output
    finally:
        end(again)
