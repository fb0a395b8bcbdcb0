"""Every service that Apprise knows by URL: Bark, ntfy, e-mail, gateways of SMS and voice, and a hundred more. Robots of
钉钉, 飞书 and 企业微信 have such addresses too, and a sender of their own (robots.py).

Apprise blocks, and may hang: each send has a thread of its own, of which there are so many for each service. One that
does not come back in time is given up, and keeps its place until it does.
"""

import asyncio
import logging
import re
import threading
import warnings
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from alerts.channels.addresses import named_private
from alerts.channels.port import SEND_SECONDS, Answer, answered
from alerts.channels.robots import SCHEMES, Robots
from alerts.domain.alert import Severity
from alerts.domain.delivery import Outcome
from alerts.domain.message import Message

THREADS = 96

_KINDS = {
    Severity.RED: "failure",
    Severity.ORANGE: "warning",
    Severity.YELLOW: "warning",
    Severity.BLUE: "info",
}
#: ntfy's own codes are those of HTTP with two digits more.
_STATUS = re.compile(r"error=(\d{3})(?:\d\d)?\b")


class AppriseUrls:
    each = 8

    def __init__(self, robots: Robots, seconds: float = SEND_SECONDS) -> None:
        self._robots, self._seconds = robots, seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")
        #: threads of each service, those among them that were given up as well
        self._under_way: Counter[str] = Counter()
        self._loading: asyncio.Future[None] | None = None

    async def load(self) -> None:
        """Apprise reads all its plugins at the first use: seconds of a processor, which are no service's fault."""
        if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
            self._loading = asyncio.get_running_loop().run_in_executor(self._threads, _load)
        await asyncio.shield(self._loading)

    async def send(self, target: Mapping[str, Any], message: Message) -> Answer:
        if str(target["url"]).partition(":")[0] in SCHEMES:
            return await self._robots.send(target, message)
        await self.load()
        lane = self.lane(target)
        if self._under_way[lane] >= self.each or self._under_way.total() >= THREADS:
            return Answer(Outcome.BUSY, "too many sends to it are unanswered")
        self._under_way[lane] += 1
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, _notify, str(target["url"]), message)
        # Given back by the thread itself: a send that was given up is still under way.
        work.add_done_callback(lambda _: self._give_back(lane))
        try:
            return await asyncio.wait_for(asyncio.shield(work), self._seconds)
        except TimeoutError:
            return Answer(Outcome.FAILED, f"no answer within {self._seconds:g} s")

    def _give_back(self, lane: str) -> None:
        self._under_way[lane] -= 1
        if not self._under_way[lane]:
            del self._under_way[lane]

    def lane(self, target: Mapping[str, Any]) -> str:
        """Of a service on somebody's own host its host; else the service: what stands there is a secret then."""
        parts = urlsplit(str(target["url"]))
        if parts.scheme in SCHEMES:
            return self._robots.lane(target)
        host = parts.hostname or ""
        own = "." in host or ":" in host or _port(parts.netloc) or named_private(host)
        return f"{parts.scheme} {host if own else ''}"

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _port(netloc: str) -> bool:
    return netloc.rpartition("@")[2].rpartition(":")[2].isdigit() and ":" in netloc.rpartition("@")[2]


def _load() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a hundred plugins some use what Python gives up: nothing of ours
        from apprise.plugins import N_MGR

        N_MGR.load_modules()  # type: ignore[no-untyped-call]


def _notify(url: str, message: Message) -> Answer:
    import apprise

    with _Heard() as heard:
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            return Answer(Outcome.REFUSED, "Apprise cannot read the address")
        text = f"{message.body}\n{message.url}" if message.url else message.body
        try:
            done = service.notify(
                body=text,
                title=message.title,
                notify_type=apprise.NotifyType(_KINDS[message.severity]),
                # Else services that speak HTML take it for HTML, in which our lines are one.
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 - a hundred plugins, each with faults of its own
            return Answer(Outcome.FAILED, f"Apprise failed ({type(error).__name__})")
    if done:
        return Answer(Outcome.ACCEPTED)
    # Some services refuse behind a 200: then Apprise knows better than the status.
    if heard.status is not None and heard.status >= 400:
        return answered(heard.status)
    return Answer(Outcome.FAILED, "the service did not take it")


class _Heard(logging.Handler):
    """Apprise answers yes or no; why not it only tells its log, of which this hears what its own thread says."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.status: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and (found := _STATUS.search(record.getMessage())):
            self.status = int(found[1])

    def __enter__(self) -> "_Heard":
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
