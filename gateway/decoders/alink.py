"""Alibaba Cloud IoT (阿里云物联网平台): Alink JSON of devices over MQTT, and what its subscription passes on.

Formats as help.aliyun.com documents 89301 (devices) and 73736 (subscription, AMQP) have them: property, event, pack
(a gateway with its sub-devices), batch and history posts; `items` messages, events and the status of a device, whose
topic an AMQP consumer takes from the message's `topic` property, or leaves away. A device is `productKey/deviceName`:
a deviceName alone may be in two products. Binary pass-through (`up_raw`) needs the product's own script: it is told.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.family import Decoded, Enrolled
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object
from gateway.decoders.thing_model import Message
from gateway.decoders.thing_model_broken import hardware_id_in

_TOPIC = re.compile(r"(?:/(?:sys|ext))?/([^/]+)/([^/]+)/(?:thing|ota|device)/(.+)")
_STATUS_TOPIC = re.compile(r"/as/mqtt/status/([^/]+)/([^/]+)")
_EVENT = re.compile(r"event/([^/]+)/(?:history/)?post")
_METHOD = re.compile(r"thing\.event\.([^.]+)\.post")
_NOT_WANTED = "the platform's own business, not a device's word"


def speaks(topic: str, payload: bytes) -> bool:
    if _STATUS_TOPIC.fullmatch(topic) or (topic.startswith("/") and _TOPIC.fullmatch(topic)):
        return True
    return b'"productKey"' in payload and b'"deviceName"' in payload and not topic.startswith(("$", "anhu/"))


def decode(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    found = _STATUS_TOPIC.fullmatch(topic) or _TOPIC.fullmatch(topic)
    hardware_id = f"{found[1]}/{found[2]}" if found else None
    path = found[3] if found and found.re is _TOPIC else ""
    if path.startswith(("service/", "topo/", "sub/")) or path.endswith(("_reply", "/set")):
        return (Decoded(ignored="an order to a device or an answer to it"),)
    message = Message("alink", topic, payload, now)
    if path == "model/up_raw":
        told = "bytes that only the product's own script can read: let the platform parse them (消息解析)"
        return message.salvaged(hardware_id, Flaw(Reason.WRONG_SHAPE, None, told))
    document = read_object(payload)
    if isinstance(document, Flaw):
        event = _EVENT.fullmatch(path)
        return message.salvaged(hardware_id or _named(payload), document, event[1] if event else "")
    key, name = document.get("productKey"), document.get("deviceName")
    if isinstance(key, str) and isinstance(name, str):
        hardware_id = f"{key}/{name}"
    if hardware_id is None:
        return message.salvaged(None, Flaw(Reason.WRONG_SHAPE, "deviceName", "no productKey and deviceName"))
    message.at = document.get("gmtCreate")
    _read(message, hardware_id, path, document)
    if not message.spoke:
        return (Decoded(ignored=_NOT_WANTED),)
    return message.done()


def _read(message: Message, hardware_id: str, path: str, document: dict[str, Any]) -> None:
    device = message.of
    if "items" in document and "event/batch" in path:
        _events(message, hardware_id, document["items"])
    elif "items" in document:
        for part in _parts(document["items"]):
            device(hardware_id).properties(part)
    elif isinstance(document.get("identifier"), str):
        serious = document.get("type") in ("alert", "error")
        device(hardware_id).event(document["identifier"], document.get("value"), document.get("time"), serious=serious)
    elif "params" in document:
        event = _EVENT.fullmatch(path) or _METHOD.fullmatch(str(document.get("method")))
        if event is not None and event[1] != "property":
            device(hardware_id).event(event[1], document["params"])
        elif path.startswith("event/property/") or "thing.event.property" in str(document.get("method")):
            _posted(message, hardware_id, document["params"])
    elif "status" in document:
        if document["status"] in ("online", "offline"):
            device(hardware_id).status = Status(document["status"] == "online")
        else:
            told = f"online or offline, not {str(document['status'])[:64]!r}"
            device(hardware_id).tell(Reason.WRONG_TYPE, "status", told)
    elif path.startswith("event/") or not path:
        device(hardware_id).tell(Reason.WRONG_SHAPE, None, "neither params, items, an identifier nor a status")


def _posted(message: Message, hardware_id: str, params: Any) -> None:
    """The params of a property, pack, batch or history post."""
    for part in _parts(params):
        packed = isinstance(part, dict) and any(name in part for name in ("properties", "events", "subDevices"))
        if not packed:
            message.of(hardware_id).properties(part)
            continue
        own = _identity(part.get("identity")) or hardware_id
        for properties in _parts(part.get("properties") or {}):
            if properties:
                message.of(own).properties(properties)
        for events in _parts(part.get("events") or {}):
            _events(message, own, events)
        for sub in _parts(part.get("subDevices") or []):
            if isinstance(sub, dict) and (name := _identity(sub.get("identity"))):
                _posted(message, name, sub)
            else:
                message.tell(Reason.WRONG_SHAPE, "subDevices", "a sub-device without its productKey and deviceName")


def _identity(given: Any) -> str | None:
    if not isinstance(given, dict):
        return None
    key, name = given.get("productKey"), given.get("deviceName")
    return f"{key}/{name}" if isinstance(key, str) and isinstance(name, str) else None


def _parts(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _events(message: Message, hardware_id: str, named: Any) -> None:
    if not isinstance(named, dict):
        message.of(hardware_id).tell(Reason.WRONG_SHAPE, "events", f"events are an object, not {str(named)[:80]!r}")
        return
    for name, outputs in named.items():
        message.of(hardware_id).event(name, outputs)


def _named(payload: bytes) -> str | None:
    key, name = hardware_id_in(payload, "productKey"), hardware_id_in(payload, "deviceName")
    return f"{key}/{name}" if key and name else None
