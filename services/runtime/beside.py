"""A process beside ours: for work that must neither hold our interpreter nor end us when it fails."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
#: Work that does not end by itself within this is ended.
GOODBYE_SECONDS = 5.0

_fork = multiprocessing.get_context("fork")
#: Our ends of the pipes to all keepers: a fork has copies of them, by which a pipe would not end with us.
_ours: list[Connection] = []


class Beside:
    """Runs `work` in a process of its own and begins it again when that dies. Start it before any thread.

    There are three then: ours, the worker's, and between them a keeper, which does nothing but wait. The worker is a
    fork, made in milliseconds and sharing the pages of what is imported; a fork is safe from a process with one thread
    only, and the keeper stays one. However ours ends, the pipe to the keeper does, and the keeper ends the worker;
    should the keeper be killed, the worker ends as well, and `is_alive` says so.

    `work` gets SIGTERM when it is to end. SIGINT, which a terminal sends to all three, is for ours alone.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._pipe, self._theirs = _fork.Pipe()
        _ours.append(self._pipe)
        self._keeper = _fork.Process(target=_keep, args=(name, work, self._theirs), name=f"{name}-keeper")

    def start(self) -> None:
        self._keeper.start()
        self._theirs.close()

    def is_alive(self) -> bool:
        """Whether the worker is begun again when it dies; not whether it runs now, which its heart says."""
        return self._keeper.is_alive()

    def stop(self) -> None:
        """Ends the worker, in order if it lets itself be."""
        _ours.remove(self._pipe)
        self._pipe.close()
        self._keeper.join(2 * GOODBYE_SECONDS)
        self._keeper.kill()


def _keep(name: str, work: Callable[[], None], pipe: Connection) -> None:
    for one in _ours:
        one.close()  # or the pipe would never end: its other end would live here too
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        worker = _fork.Process(target=_work, args=(work,), name=name)
        worker.start()
        if pipe in wait([pipe, worker.sentinel]):
            worker.terminate()
            worker.join(GOODBYE_SECONDS)
            if worker.is_alive():
                log.warning("%s has not ended within %g s and is killed", name, GOODBYE_SECONDS)
                worker.kill()
            return
        worker.join()
        log.critical("%s has ended with %s and is begun again", name, worker.exitcode)
        if pipe.poll(AGAIN_SECONDS):
            return


def _work(work: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_keeper, name="keeper-watch", daemon=True).start()
    work()


def _end_with_keeper() -> None:
    keeper = multiprocessing.parent_process()
    assert keeper is not None
    keeper.join()
    os._exit(1)
