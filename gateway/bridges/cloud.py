"""`anhu bridge cloud`: what the Chinese IoT clouds push over HTTP becomes native v1.

A push with events is answered 200 when each of them has its receipt, not before; else 503, and the cloud is to push
again. A repeat is the same event. What is under way goes on after a 503: IoTDA pushes nothing twice.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from gateway.bridges.cloud_proof import is_onenets, is_secret, signed_body, signed_query
from gateway.bridges.cloud_settings import CLOUDS, Cloud, CloudSettings
from gateway.bridges.onenet_sealed import SealedError, opened
from gateway.bridges.uplink import Uplink
from gateway.decoders.family import Decoded, nobody_enrolled
from gateway.decoders.model import EMERGENCIES, Reason
from gateway.decoders.registry import FAMILIES
from gateway.topics import Leaf

log = logging.getLogger(__name__)

#: Clouds push a message or a few at a time; decoders take no more than 256 KiB.
MOST_BODY_BYTES = 1024 * 1024
#: Whoever needs longer for that keeps a connection open and says nothing.
BODY_SECONDS = 10.0
#: Readings, status and raw bytes that may wait for a broker that is away; emergencies have their own, larger limit.
MOST_WAITING = 2000
#: A flaw of these may hide what its message was about; a number out of range does not.
_HIDING = frozenset({Reason.NOT_JSON, Reason.WRONG_SHAPE, Reason.WRONG_TYPE, Reason.UNKNOWN_TYPE, Reason.TOO_LARGE})


class _BodyError(Exception):
    """A body that is not taken, with the status that says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _BusyError(Exception):
    """The broker has been away for long: what can be repeated by the cloud has to be."""


class CloudBridge:
    """Takes a push apart and sees it through to the broker."""

    def __init__(self, settings: CloudSettings, uplink: Uplink, clock: Callable[[], datetime]) -> None:
        self._settings, self._uplink, self._clock = settings, uplink, clock
        self._events: set[asyncio.Task[Any]] = set()
        self._others: set[asyncio.Task[Any]] = set()
        self._told_late = False

    async def take(self, cloud: Cloud, topic: str, body: bytes) -> bool:
        """Whether all that was said is where it belongs within the time that a cloud waits. What is not goes on."""
        decoded = FAMILIES[cloud].decode(topic, body, self._clock(), nobody_enrolled)
        tasks = self._say_events(cloud, decoded)
        try:
            tasks += self._say_others(cloud, decoded, body)
        except _BusyError:
            self._tell_late(cloud, "too much waits for the broker")
            return False
        if not tasks:
            return True
        done, late = await asyncio.wait(tasks, timeout=self._settings.answer_seconds)
        failed = [str(task.exception()) for task in done if not task.cancelled() and task.exception()]
        failed += ["given up" for task in done if task.cancelled()]
        if late or failed:
            self._tell_late(cloud, failed[0] if failed else f"not stored in {self._settings.answer_seconds} s")
        elif self._told_late:
            self._told_late = False
            log.info("pushes are stored again")
        return not late and not failed

    def _tell_late(self, cloud: Cloud, why: str) -> None:
        # Once: while a gateway is away, each push is late.
        if not self._told_late:
            self._told_late = True
            log.error("%s: a push is put off, and those after it: %s", cloud, why)

    def _say_events(self, cloud: Cloud, decoded: Sequence[Decoded]) -> list[asyncio.Task[Any]]:
        said = [(self._settings.device_id(cloud, one.hardware_id), event) for one in decoded for event in one.events]
        said.sort(key=lambda pair: pair[1].type not in EMERGENCIES)
        return [_start(self._uplink.event(device_id, event), self._events) for device_id, event in said]

    def _say_others(self, cloud: Cloud, decoded: Sequence[Decoded], body: bytes) -> list[asyncio.Task[Any]]:
        said: list[Coroutine[Any, Any, None]] = []
        for one in decoded:
            device_id = self._settings.device_id(cloud, one.hardware_id)
            if one.readings:
                said.append(self._uplink.readings(device_id, one.readings))
            if one.status is not None:
                said.append(self._uplink.status(device_id, one.status.online, self._clock()))
            if one.flaws:
                log.info("%s: %s: %s", cloud, device_id, "; ".join(flaw.detail for flaw in one.flaws[:5]))
                said.append(self._uplink.raw(device_id, _leaf(one), body))
        if said and len(self._others) + len(said) > MOST_WAITING:
            for coroutine in said:
                coroutine.close()
            raise _BusyError
        return [_start(coroutine, self._others) for coroutine in said]


def _start(work: Coroutine[Any, Any, Any], kept: set[asyncio.Task[Any]]) -> asyncio.Task[Any]:
    """A task that goes on when nobody waits for it any more; its failure is then nobody's news."""
    task = asyncio.get_running_loop().create_task(work)
    kept.add(task)
    task.add_done_callback(kept.discard)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task


def _leaf(decoded: Decoded) -> Leaf:
    """Where bytes that were not understood go: under events, where the gateway looks for an emergency in them, unless
    they were understood but for a value, or have raised already."""
    raised = any(event.type in EMERGENCIES for event in decoded.events)
    hiding = any(flaw.reason in _HIDING for flaw in decoded.flaws)
    return Leaf.EVENTS if hiding and not raised else Leaf.READINGS


def make_app(
    settings: CloudSettings, uplink: Uplink, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    bridge = CloudBridge(settings, uplink, clock)

    async def answer(cloud: Cloud, topic: str, body: bytes) -> Response:
        if await bridge.take(cloud, topic, body):
            return JSONResponse({"result": "ok"})
        return JSONResponse({"result": "not stored yet, push again"}, status_code=503, headers={"retry-after": "5"})

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @app.get("/readyz")
    async def readyz() -> Response:
        if uplink.connected:
            return PlainTextResponse("ok")
        return PlainTextResponse("no connection to the broker", status_code=503)

    @app.get("/onenet")
    async def onenet_asks(request: Request) -> Response:
        """How OneNET finds out that this address is ours: we give `msg` back."""
        if not settings.secret("onenet"):
            return _no_such_cloud()
        signed = signed_query(request.query_params)
        if signed is None or not is_onenets(signed, settings.secret("onenet")):
            return _refused("onenet", request)
        return PlainTextResponse(signed.msg, headers={"x-content-type-options": "nosniff"})

    @app.post("/onenet")
    async def onenet(request: Request) -> Response:
        if not settings.secret("onenet"):
            return _no_such_cloud()
        try:
            signed = signed_body(await _body(request))
        except _BodyError as error:
            return _not_taken("onenet", request, error)
        if signed is None or not is_onenets(signed, settings.secret("onenet")):
            return _refused("onenet", request)
        try:
            message = opened(signed.msg, settings.onenet_key.get_secret_value())
        except SealedError as error:
            # What is inside may be a press: OneNET is to push it again, until somebody has mended the settings.
            log.error("onenet: a push cannot be read: %s", error)
            return JSONResponse({"result": "cannot be decrypted"}, status_code=503, headers={"retry-after": "5"})
        return await answer("onenet", "cloud/onenet", message)

    @app.post("/{name}/{secret}")
    async def pushed(name: str, secret: str, request: Request) -> Response:
        cloud = next((cloud for cloud in CLOUDS if cloud == name and cloud != "onenet"), None)
        if cloud is None or not settings.secret(cloud):
            return _no_such_cloud()
        if not is_secret(secret, settings.secret(cloud)):
            return _refused(cloud, request)
        try:
            body = await _body(request)
        except _BodyError as error:
            return _not_taken(cloud, request, error)
        # A forwarder of Alink's queue says the message's topic in the query: an event's name may stand there alone.
        topic = request.query_params.get("topic", "")
        return await answer(cloud, topic if topic.startswith("/") else f"cloud/{cloud}", body)

    return app


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MOST_BODY_BYTES:
                    raise _BodyError(413, f"over {MOST_BODY_BYTES} bytes")
                parts.append(part)
    except TimeoutError:
        raise _BodyError(408, f"not whole after {BODY_SECONDS:.0f} s") from None
    return b"".join(parts)


def _refused(cloud: str, request: Request) -> Response:
    # Not the body: it is a stranger's, or an elder's.
    log.warning("%s: a push from %s does not prove itself: refused", cloud, request.client and request.client.host)
    return JSONResponse({"result": "refused"}, status_code=403)


def _not_taken(cloud: str, request: Request, error: _BodyError) -> Response:
    log.warning("%s: a push from %s is not taken: %s", cloud, request.client and request.client.host, error)
    return JSONResponse({"result": str(error)}, status_code=error.status)


def _no_such_cloud() -> Response:
    return JSONResponse({"result": "not found"}, status_code=404)
