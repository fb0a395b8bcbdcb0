"""How a process with an event loop runs and ends."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

import anyio

from services.runtime.beats import Heart, Status

log = logging.getLogger(__name__)


async def until_stopped(
    kind: str, database_url: str, status: Callable[[], Status], work: Callable[[], Awaitable[None]]
) -> None:
    """Does `work` beside a heart that says `status`, until SIGTERM, or SIGINT where that is not ignored.

    Work is cancelled again and again until it has ended (anyio's scopes do so): asyncio.wait_for of Python 3.11
    swallows a cancellation that comes with its result.
    """
    heart = Heart(kind, database_url, status)
    heart.start()
    stopped = anyio.CancelScope()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stopped.cancel)
    log.info("%s started", kind)
    try:
        with stopped:
            await work()
    finally:
        heart.stop()
        log.info("%s stopped", kind)
