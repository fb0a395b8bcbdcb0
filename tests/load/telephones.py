"""The telephones of `make bench BENCH=rescue`: the push service of the simulators, in a process of its own.

It decrypts each message and checks its signature, as a browser and its vendor's service would; beside the screens, in
the process that measures, its threads would hold up what is measured. A message counts as handed over when the service
says 201. Both processes read the same monotonic clock.
"""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import httpx
from py_vapid import Vapid02
from pywebpush import WebPusher

from simulators.receivers.server import Receivers, Shown
from tests.load.measuring import percentiles

#: POSTs at once of the service alone: as many as Anhu has to one service.
AT_ONCE = 24

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Push:
    """`key` names the notice, `tag` the alert."""

    key: str
    tag: str
    at: float


class _Heard(list[Shown]):
    """Keeps of a message only what is judged. Appended to under the receivers' lock."""

    def __init__(self, count: Any) -> None:
        super().__init__()
        self._count, self._keys = count, set[str]()
        self.messages: list[tuple[str, str, float]] = []

    def append(self, one: Shown) -> None:
        key = str(one.raw["key"])
        self.messages.append((key, str(one.raw["tag"]), time.perf_counter()))
        if key not in self._keys:
            self._keys.add(key)
            self._count.value += 1

    def take(self) -> list[tuple[str, str, float]]:
        taken, self.messages = self.messages, []
        return taken


class Telephones:
    """`count`: messages that came, the same again not counted."""

    def __init__(self, pipe: Connection, count: Any, pid: int) -> None:
        self._pipe, self._count, self.pid = pipe, count, pid

    @property
    def count(self) -> int:
        return int(self._count.value)

    def subscribe(self, people: int) -> list[dict[str, Any]]:
        return list(self._ask("subscribe", people))

    def take(self) -> list[Push]:
        """What came since it was asked last."""
        return [Push(*one) for one in self._ask("take")]

    def wrong(self) -> list[str]:
        """What senders had wrong."""
        return list(self._ask("wrong"))

    def _ask(self, *question: Any) -> Any:
        self._pipe.send(question)
        return self._pipe.recv()


@contextmanager
def telephones() -> Iterator[Telephones]:
    ours, theirs = _spawn.Pipe()
    count = _spawn.Value("q", 0, lock=False)
    process = _spawn.Process(target=_serve, args=(theirs, count), name="telephones", daemon=True)
    process.start()
    theirs.close()
    assert process.pid is not None
    try:
        yield Telephones(ours, count, process.pid)
    finally:
        ours.close()
        process.join(10)
        process.kill()


def _serve(pipe: Connection, count: Any) -> None:
    with Receivers() as receivers:
        heard = _Heard(count)
        receivers.shown = heard
        while True:
            try:
                match pipe.recv():
                    case ("subscribe", people):
                        pipe.send([receivers.subscribe() for _ in range(people)])
                    case ("take",):
                        pipe.send(heard.take())
                    case ("wrong",):
                        pipe.send(receivers.wrong)
            except EOFError:
                return


async def alone(subscriptions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The floor: a POST to each by httpx, as large as ours and encrypted before, all at once but for a limit."""
    url = urlsplit(subscriptions[0]["endpoint"])
    vapid = Vapid02()
    vapid.generate_keys()
    claims = {"aud": f"{url.scheme}://{url.netloc}", "exp": int(time.time()) + 3600, "sub": "mailto:bench@example.org"}
    headers = {"Content-Encoding": "aes128gcm", "TTL": "60", "Authorization": vapid.sign(claims)["Authorization"]}
    begun = time.perf_counter()
    bodies = [_encrypted(one, number) for number, one in enumerate(subscriptions)]
    encrypting = time.perf_counter() - begun
    gate, taken = asyncio.Semaphore(AT_ONCE), list[float]()
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=AT_ONCE), trust_env=False) as client:

        async def post(endpoint: str, body: bytes) -> None:
            async with gate:
                at = time.perf_counter()
                answer = await client.post(endpoint, content=body, headers=headers)
                assert answer.status_code == 201, answer.text
                taken.append((time.perf_counter() - at) * 1000)

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for one, body in zip(subscriptions, bodies, strict=True):
                tasks.create_task(post(one["endpoint"], body))
        seconds = time.perf_counter() - begun
    return {
        "pushes": len(taken),
        "per_second": round(len(taken) / seconds, 1),
        "post_ms": percentiles(taken),
        "encryption_ms": round(encrypting / len(bodies) * 1000, 2),
    }


def _encrypted(subscription: dict[str, Any], number: int) -> bytes:
    told = {"key": f"alone-{number}", "tag": "alone", "title": "紧急救援", "body": "x" * 80, "url": "x" * 120}
    return bytes(WebPusher(subscription).encode(json.dumps(told).encode(), content_encoding="aes128gcm")["body"])
