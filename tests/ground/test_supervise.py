"""The supervisor, with small children of its own kind: real processes, real signals."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services.demo.errors import DemoError
from services.demo.supervise import Program, StoppedError, Supervisor, end_leftovers
from tests.parts.waiting import until


def python(name: str, script: str, *, stop_seconds: float = 10.0) -> Program:
    return Program(name, [sys.executable, "-c", textwrap.dedent(script)], stop_seconds=stop_seconds)


WAITS = "import time; print('up', flush=True); time.sleep(600)"


class Demo:
    """A supervisor with its folder and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "processes.json"
        self.said: list[str] = []
        self.supervisor = Supervisor(folder, self.record, self.said.append)

    def log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text("utf-8") if file.exists() else ""

    def wait(self, check: object, what: str, seconds: float = 10.0) -> None:
        assert callable(check)
        self.supervisor.wait_for(lambda: bool(check()), what, seconds)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path)
    ours = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests may run under nohup
    with made.supervisor:
        yield made
    signal.signal(signal.SIGHUP, ours)


def test_what_dies_is_started_again_at_once(demo: Demo) -> None:
    child = demo.supervisor.start(python("gateway", WAITS))
    demo.wait(lambda: demo.log("gateway") == "up\n", "it runs")
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    demo.wait(lambda: demo.log("gateway") == "up\nup\n", "it runs again")
    assert child.process.pid != first
    assert demo.said == ["gateway was ended by SIGKILL; starting it again"]


def test_what_keeps_dying_is_started_less_and_less_often(demo: Demo) -> None:
    demo.supervisor.start(python("gateway", "raise SystemExit(3)"))
    demo.wait(lambda: len(demo.said) == 4, "it died four times")
    assert demo.said == [
        "gateway ended with 3; starting it again",
        "gateway ended with 3; starting it again in 0.2 s",
        "gateway ended with 3; starting it again in 0.4 s",
        "gateway ended with 3; starting it again in 0.8 s",
    ]


def test_stops_in_the_reverse_order_and_leaves_nothing(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    ended = tmp_path / "ended"
    says_when_it_ends = f"""
        import signal, sys, time
        def end(*_):
            open({str(ended)!r}, "a").write(sys.argv[1] + " ")
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        print("up", flush=True)
        time.sleep(600)
    """
    with demo.supervisor as supervisor:
        children = []
        for name in ("database", "broker", "gateway"):
            program = python(name, says_when_it_ends)
            program.command.append(name)
            children.append(supervisor.start(program))
            demo.wait(lambda name=name: demo.log(name), f"{name} runs")
    assert ended.read_text() == "gateway broker database "
    assert not any(psutil.pid_exists(child.process.pid) for child in children)
    assert not demo.record.exists()


def test_what_does_not_stop_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    with demo.supervisor as supervisor:
        child = supervisor.start(
            python(
                "api",
                """
            import signal, subprocess, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
            time.sleep(600)
        """,
                stop_seconds=0.2,
            )
        )
        demo.wait(lambda: demo.log("api"), "it runs")
        grandchild = psutil.Process(int(demo.log("api")))
    assert demo.said == ["api did not stop within 0.2 s; killed"]
    assert not psutil.pid_exists(child.process.pid)
    until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE, "it is gone too")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_run(demo: Demo, number: signal.Signals) -> None:
    demo.supervisor.start(python("gateway", f"import os; os.kill(os.getppid(), {int(number)}); {WAITS}"))
    demo.supervisor.run()


def test_a_signal_ends_a_wait(demo: Demo) -> None:
    demo.supervisor.start(python("gateway", f"import os; os.kill(os.getppid(), {int(signal.SIGTERM)}); {WAITS}"))
    with pytest.raises(StoppedError):
        demo.supervisor.wait_for(lambda: False, "nothing", 10)


def test_ctrl_c_does_not_reach_the_children(demo: Demo) -> None:
    child = demo.supervisor.start(python("gateway", WAITS))
    assert os.getpgid(child.process.pid) != os.getpgid(0)
    assert os.getsid(child.process.pid) != os.getsid(0)


def test_says_why_something_did_not_start(demo: Demo) -> None:
    child = demo.supervisor.start(python("broker", "raise SystemExit('Error: Address already in use')"))
    with pytest.raises(DemoError, match=r"broker does not start: Error: Address already in use \(see .*broker\.log"):
        demo.supervisor.wait_for(lambda: False, "", 10, without=child)
    assert demo.said == []


def test_says_what_is_missing_and_who_keeps_ending(demo: Demo) -> None:
    demo.supervisor.start(python("api", "raise SystemExit('no module named x')"))
    demo.wait(lambda: demo.said, "it ended once")
    with pytest.raises(DemoError, match=r"after 0.1 s GET / answers 503; api keeps ending: no module named x"):
        demo.supervisor.wait_for(lambda: False, lambda: "GET / answers 503", 0.1)


def test_a_big_log_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "gateway.log").write_bytes(b"x" * (10 * 1024 * 1024 + 1))
    demo = Demo(tmp_path)
    with demo.supervisor as supervisor:
        supervisor.start(python("gateway", WAITS))
        demo.wait(lambda: demo.log("gateway") == "up\n", "a new log")
    assert (tmp_path / "gateway.log.1").stat().st_size > 10 * 1024 * 1024


SUPERVISED = """
    import sys
    from pathlib import Path
    from services.demo.supervise import Program, Supervisor
    folder = Path(sys.argv[1])
    with Supervisor(folder, folder / "processes.json") as supervisor:
        for name in ("broker", "gateway"):
            supervisor.start(Program(name, [sys.executable, "-c", sys.argv[2]]))
        print("running", flush=True)
        supervisor.run()
"""


@pytest.fixture
def killed(tmp_path: Path) -> list[psutil.Process]:
    """The children, just known, of a supervisor that was then killed."""
    command = [sys.executable, "-c", textwrap.dedent(SUPERVISED), str(tmp_path), WAITS]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"running\n"
        known = json.loads((tmp_path / "processes.json").read_text("utf-8"))
        children = [psutil.Process(one["pid"]) for one in known]
        parent.kill()
    return children


def test_children_end_when_their_parent_is_killed(killed: list[psutil.Process]) -> None:
    if sys.platform != "linux":
        end_leftovers(Path(killed[0].cwd()))
    assert len(killed) == 2
    gone, left = psutil.wait_procs(killed, timeout=10)
    assert (len(gone), left) == (2, [])


@pytest.fixture
def two_processes() -> Iterator[tuple[psutil.Process, psutil.Process]]:
    made = [subprocess.Popen([sys.executable, "-c", WAITS]) for _ in range(2)]
    yield psutil.Process(made[0].pid), psutil.Process(made[1].pid)
    for process in made:
        process.kill()
        process.wait()


def test_what_a_killed_parent_left_is_ended_at_the_next_start(
    tmp_path: Path, two_processes: tuple[psutil.Process, psutil.Process]
) -> None:
    left, other = two_processes
    record = tmp_path / "processes.json"
    record.write_text(
        json.dumps(
            [
                {
                    "name": "gateway",
                    "pid": left.pid,
                    "created": left.create_time(),
                    "signal": int(signal.SIGTERM),
                },
                # Its number belongs to a process that began at another time: somebody else's by now.
                {
                    "name": "alerts",
                    "pid": other.pid,
                    "created": time.time() - 3600,
                    "signal": int(signal.SIGTERM),
                },
            ]
        )
    )
    assert end_leftovers(record) == ["gateway"]
    assert not left.is_running()
    assert other.is_running()
    assert not record.exists()
    assert end_leftovers(record) == []
