"""Processes of ours that a test starts, without what each would spend on importing.

They are forks of one process of each test run, which has imported everything and done nothing. What runs in them is
what `anhu …` runs: the same command line, in a session of its own, with an environment and a log of its own. Importing
takes an api two seconds and a test run starts hundreds of processes. Starting one as people do is what tests/ground is
for.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(
    [
        *("services.cli", "gateway.process", "alerts.process", "services.watch.process", "services.api.process"),
        *("uvicorn.lifespan.on", "uvicorn.loops.uvloop", "uvicorn.protocols.http.h11_impl"),
        *("uvicorn.protocols.websockets.websockets_sansio_impl", "anyio._backends._asyncio"),
    ]
)


class Forked:
    """`anhu …` as a process, to be asked as subprocess.Popen is."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._process = _server.Process(target=_run, args=(tuple(words), dict(environment), str(log)))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(words: tuple[str, ...], environment: dict[str, str], log: str) -> None:
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["anhu", *words]
    from services.cli import app

    app()
