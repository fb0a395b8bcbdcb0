"""China Mobile OneNET (中移物联): OneJSON of devices over MQTT, and what it pushes over HTTP.

Formats as open.iot.10086.cn has them (OneJSON; 消息源格式): `$sys/{product}/{device}/thing/property/post`,
`event/post`, `pack/post`; pushes with `messageType` `notify` or `lifeCycle`. A push arrives as the string `msg`, whose
signature is the receiver's business; here it may still be inside its {msg, nonce, signature}. An older envelope says
`pid` and `devName`. A device is `product/device`: a name is its product's own.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.family import Decoded, Enrolled
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object
from gateway.decoders.thing_model import Message, text
from gateway.decoders.thing_model_broken import hardware_id_in

_TOPIC = re.compile(r"\$sys/([^/]+)/([^/]+)/(.+)")
_POSTS = frozenset({"property/post", "event/post", "pack/post", "sub/property/post", "sub/event/post", "history/post"})
_IGNORED = frozenset({"reply", "sceneLog"})


def speaks(topic: str, payload: bytes) -> bool:
    if _TOPIC.fullmatch(topic):
        return True
    pushed = b"messageType" in payload and (b"notifyType" in payload or b"lifeCycle" in payload)
    return pushed and not topic.startswith(("$", "anhu/"))


def decode(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    message = Message("onenet", topic, payload, now)
    found = _TOPIC.fullmatch(topic)
    if found is not None:
        path = found[3].removeprefix("thing/")
        if path not in _POSTS:
            return (Decoded(ignored="an order to a device, or an answer to it"),)
        document = read_object(payload)
        hardware_id = f"{found[1]}/{found[2]}"
        if isinstance(document, Flaw):
            return message.salvaged(hardware_id, document)
        _posted(message, hardware_id, path, document.get("params"))
        return message.done()
    document = _out_of_envelope(payload)
    if isinstance(document, Flaw):
        return message.salvaged(_named(payload), document)
    return _pushed(message, document)


def _out_of_envelope(payload: bytes) -> dict[str, Any] | Flaw:
    document = read_object(payload)
    if isinstance(document, Flaw) or "msg" not in document or "messageType" in document:
        return document
    inner = document["msg"]
    if isinstance(inner, dict):
        return inner
    return read_object(inner.encode("utf-8", "replace")) if isinstance(inner, str) else document


def _pushed(message: Message, document: dict[str, Any]) -> Sequence[Decoded]:
    product = document.get("productId", document.get("pid"))
    name = document.get("deviceName", document.get("devName"))
    kind, data = text(document.get("messageType")), document.get("data")
    if kind in _IGNORED:
        return (Decoded(ignored="an answer, or the platform's own business"),)
    if not isinstance(product, str | int) or not isinstance(name, str | int):
        told = "want productId and deviceName"
        return message.salvaged(None, Flaw(Reason.WRONG_SHAPE, "deviceName", told))
    device = message.of(f"{product}/{name}")
    if kind == "lifeCycle" and isinstance(data, dict) and data.get("status") in ("online", "offline"):
        device.status = Status(data["status"] == "online")
    elif kind == "notify" and isinstance(data, dict) and document.get("notifyType") == "property":
        device.properties(data.get("params"))
    elif kind == "notify" and isinstance(data, dict) and document.get("notifyType") == "event":
        for identifier, outputs in _pairs(message, data.get("params")):
            serious = isinstance(outputs, dict) and outputs.get("eventType") in ("alert", "error")
            device.event(identifier, outputs, serious=serious)
    else:
        what = f"{kind} {document.get('notifyType')}"[:80]
        device.tell(Reason.UNKNOWN_TYPE, "messageType", f"a push of {what!r} is not known")
    return message.done()


def _posted(message: Message, hardware_id: str, path: str, params: Any) -> None:
    if path in ("property/post", "event/post") and isinstance(params, dict):
        _said(message, hardware_id, path == "event/post", params)
        return
    for part in params if isinstance(params, list) else [params]:
        identity = part.get("identity") if isinstance(part, dict) else None
        own = hardware_id
        if isinstance(identity, dict):
            product, name = identity.get("productID", identity.get("productId")), identity.get("deviceName")
            own = f"{product}/{name}"
        if not isinstance(part, dict):
            message.of(hardware_id).tell(Reason.WRONG_SHAPE, "params", f"not {str(part)[:80]!r}")
            continue
        for events, field in ((False, "properties"), (True, "events"), (path == "sub/event/post", "params")):
            if part.get(field):
                _said(message, own, events, part[field])


def _said(message: Message, hardware_id: str, events: bool, named: Any) -> None:
    if not events:
        message.of(hardware_id).properties(named)
        return
    for identifier, outputs in _pairs(message, named):
        message.of(hardware_id).event(identifier, outputs)


def _pairs(message: Message, named: Any) -> list[tuple[str, Any]]:
    if isinstance(named, dict):
        return list(named.items())
    message.tell(Reason.WRONG_SHAPE, "params", f"events are an object, not {str(named)[:80]!r}")
    return []


def _named(payload: bytes) -> str | None:
    inner = payload.replace(b'\\"', b'"')
    product, name = hardware_id_in(inner, "productId", "pid"), hardware_id_in(inner, "deviceName", "devName")
    return f"{product}/{name}" if product and name else None
