"""Keeps programs running: starts again what dies, stops all in the reverse order, leaves no process behind.

One thread does everything: on Linux a child is told when the *thread* that started it ends.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from services.demo.errors import DemoError
from services.demo.unprivileged import run_as

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FIRST_DELAY, LAST_DELAY = 0.2, 5.0  # seconds before a child that keeps dying is started again
SETTLED = 10.0  # a child that lived so many seconds did not die young
ROTATE_BYTES = 10 * 1024 * 1024
PR_SET_PDEATHSIG = 1


class StoppedError(Exception):
    """A signal asked to stop, while something was still being started."""


@dataclass(frozen=True)
class Program:
    """What to run and how to end it. `user`: (uid, gid) to run as. `stop_seconds`: then it is killed."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0


@dataclass
class Child:
    program: Program
    process: subprocess.Popen[bytes]
    log: Path
    started_at: float  # monotonic
    delay: float = 0.0
    start_again_at: float | None = None  # None: it runs

    def last_words(self) -> str:
        """The last line it wrote, for a person to read."""
        lines = self.log.read_bytes()[-4096:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"


class Supervisor:
    """Children in sessions of their own, so that Ctrl-C reaches only us. A context: leaving it stops all.

    `logs`: folder of NAME.log. `record`: a file that knows the children, for end_leftovers() after a kill -9.
    """

    def __init__(self, logs: Path, record: Path, say: Callable[[str], None] = print) -> None:
        self._logs = logs
        self._record = record
        self._say = say
        self._children: list[Child] = []
        self._stop_asked = False

    def __enter__(self) -> "Supervisor":
        # A signal makes the wake-up socket readable, whatever we wait for.
        self._wake, wake_up = socket.socketpair()
        self._wake.setblocking(False)
        wake_up.setblocking(False)
        self._wake_up = wake_up
        # Under nohup, a terminal that closes is no reason to stop.
        stopping = [one for one in STOPPING if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
        self._handlers = {number: signal.signal(number, self._on_stop) for number in stopping}
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        self._wakeup_fd = signal.set_wakeup_fd(wake_up.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        # Still deaf to a second Ctrl-C: stopping goes to its end.
        try:
            self._stop_all()
        finally:
            signal.set_wakeup_fd(self._wakeup_fd)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._wake.close()
            self._wake_up.close()

    def start(self, program: Program) -> Child:
        """Starts a program now and, from run() and wait_for() on, again whenever it dies."""
        self._raise_if_stopped()
        log = self._logs / f"{program.name}.log"
        if log.exists() and log.stat().st_size > ROTATE_BYTES:
            log.replace(log.with_suffix(".log.1"))
        child = Child(program, _spawn(program, log), log, time.monotonic())
        self._children.append(child)
        self._write_record()
        return child

    def wait_for(
        self,
        check: Callable[[], bool],
        missing: Callable[[], str] | str,
        seconds: float,
        *,
        without: Child | None = None,
    ) -> None:
        """Waits until `check`, while the children are kept running. `missing`: what to say when it is late.

        Raises StoppedError on a signal, and DemoError when it takes longer, or when `without`, a child that
        cannot do without a person's help, ends.
        """
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                what = missing() if callable(missing) else missing
                raise DemoError(f"after {seconds:g} s {what}; {self._what_failed()}the logs are in {self._logs}")
            self._pause(0.05)
            self._raise_if_stopped()
            if without and without.process.poll() is not None:
                raise DemoError(f"{without.program.name} does not start: {without.last_words()} (see {without.log})")
            self._keep_running()

    def run(self) -> None:
        """Keeps the children running until a signal asks to stop."""
        while not self._stop_asked:
            self._keep_running()
            due = [child.start_again_at for child in self._children if child.start_again_at is not None]
            # Without a date the end of a child wakes us; the second is for a signal that was missed.
            self._pause(max(0.0, min(due, default=time.monotonic() + 1.0) - time.monotonic()))

    def check_stopped(self) -> None:
        """Raises StoppedError when a signal came since: for between two long steps."""
        self._raise_if_stopped()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked = True

    def _raise_if_stopped(self) -> None:
        if self._stop_asked:
            raise StoppedError

    def _pause(self, seconds: float) -> None:
        if select.select([self._wake], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                self._wake.recv(4096)

    def _keep_running(self) -> None:
        now = time.monotonic()
        changed = False
        for child in self._children:
            if child.start_again_at is None and child.process.poll() is not None:
                young = now - child.started_at < SETTLED
                _end_remnants(child)
                child.start_again_at = now + child.delay
                self._say(
                    f"{child.program.name} {_how_it_ended(child.process.returncode)};"
                    f" starting it again{f' in {child.delay:g} s' if child.delay else ''}"
                )
                child.delay = min(max(child.delay * 2, FIRST_DELAY), LAST_DELAY) if young else 0.0
            if child.start_again_at is not None and now >= child.start_again_at:
                child.process = _spawn(child.program, child.log)
                child.started_at = now
                child.start_again_at = None
                changed = True
        if changed:
            self._write_record()

    def _what_failed(self) -> str:
        failed = [child for child in self._children if child.process.poll() is not None]
        return "".join(f"{child.program.name} keeps ending: {child.last_words()}; " for child in failed)

    def _stop_all(self) -> None:
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.send_signal(child.program.stop_signal)
                try:
                    child.process.wait(child.program.stop_seconds)
                except subprocess.TimeoutExpired:
                    self._say(f"{child.program.name} did not stop within {child.program.stop_seconds:g} s; killed")
                    child.process.kill()
                    child.process.wait()
                _end_remnants(child)
        self._children.clear()
        self._record.unlink(missing_ok=True)

    def _write_record(self) -> None:
        known = []
        for child in self._children:
            with suppress(psutil.NoSuchProcess):
                known.append(
                    {
                        "name": child.program.name,
                        "pid": child.process.pid,
                        "created": psutil.Process(child.process.pid).create_time(),
                        "signal": int(child.program.stop_signal),
                    }
                )
        unfinished = self._record.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(known), "utf-8")
        unfinished.replace(self._record)


def end_leftovers(record: Path, seconds: float = 5.0) -> list[str]:
    """Ends what a supervisor that was killed left running; returns the names of what it had to end.

    On Linux they were told to end already. Whoever does not within `seconds` is killed: any of them may be, at any
    time.
    """
    if not record.exists():
        return []
    left: list[psutil.Process] = []
    names: list[str] = []
    for known in json.loads(record.read_text("utf-8")):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(known["pid"])
            if abs(process.create_time() - known["created"]) < 0.1 and process.status() != psutil.STATUS_ZOMBIE:
                process.send_signal(known["signal"])
                left.append(process)
                names.append(known["name"])
    _, stubborn = psutil.wait_procs(left, timeout=seconds)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=seconds)
    record.unlink()
    return names


def _spawn(program: Program, log: Path) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def follow_the_parent() -> None:
        # Runs in the child after it became the program's user (which would undo this), before the program.
        _libc.prctl(PR_SET_PDEATHSIG, int(program.stop_signal))
        if os.getppid() != parent:
            os._exit(1)

    with log.open("ab") as output:
        return subprocess.Popen(
            program.command,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=follow_the_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one thread
            **run_as(program.user),
        )


def _end_remnants(child: Child) -> None:
    """What a child that just ended had started itself and left behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)


_libc = ctypes.CDLL(None)


def _how_it_ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
