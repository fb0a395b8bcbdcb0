"""Huawei Cloud IoTDA (华为云设备接入): devices over MQTT, and what it pushes over HTTP or AMQP.

Formats as support.huaweicloud.com api-iothub has them: `$oc/devices/{id}/sys/properties/report`,
`…/gateway/sub_devices/properties/report`, `…/events/up`; pushes of `device.property`, `device.event` and
`device.status`. A service of a device is a part of its thing model, with the time of its own. What a device sends as
a bare message (`device.message`) is its maker's own: it is told.
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

_TOPIC = re.compile(r"\$oc/devices/([^/]+)/(?:sys|user)/(.+)")
_PUSHED = {
    "device.property": "properties/report",
    "device.event": "events/up",
    "device.message": "messages/up",
}
#: What it tells of devices, products and tasks, and of what became of orders.
_IGNORED = frozenset(
    {"device", "product", "batchtask", "batchtask.status", "device.message.status", "device.command.status"}
)
_REPORTS = frozenset({"properties/report", "gateway/sub_devices/properties/report", "events/up", "messages/up"})
_ONLINE = {"ONLINE": True, "OFFLINE": False, "ABNORMAL": False}


def speaks(topic: str, payload: bytes) -> bool:
    if topic.startswith("$oc/devices/"):
        return True
    return b'"notify_data"' in payload and b'"resource"' in payload and not topic.startswith(("$", "anhu/"))


def decode(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    found = _TOPIC.fullmatch(topic)
    message = Message("iotda", topic, payload, now)
    if found is not None and found[2] not in _REPORTS:
        return (Decoded(ignored="an order to a device, or the platform's own business"),)
    document = read_object(payload)
    if isinstance(document, Flaw):
        return message.salvaged(found[1] if found else hardware_id_in(payload, "device_id"), document)
    if found is not None:
        _reported(message, found[1], found[2], document)
        return message.done()
    return _pushed(message, document)


def _pushed(message: Message, document: dict[str, Any]) -> Sequence[Decoded]:
    resource = text(document.get("resource"))
    data = document.get("notify_data")
    header = data.get("header") if isinstance(data, dict) else None
    body = data.get("body") if isinstance(data, dict) else None
    hardware_id = header.get("device_id") if isinstance(header, dict) else None
    if resource in _IGNORED:
        return (Decoded(ignored="the platform speaks of itself"),)
    if resource != "device.status" and resource not in _PUSHED:
        told = f"resource {resource[:64]!r} is not known"
        return message.salvaged(text(hardware_id) or None, Flaw(Reason.UNKNOWN_TYPE, "resource", told))
    if not isinstance(hardware_id, str) or not isinstance(body, dict):
        flaw = Flaw(Reason.WRONG_SHAPE, "notify_data", "want notify_data with header.device_id and a body")
        return message.salvaged(text(hardware_id) or None, flaw)
    message.at = document.get("event_time_ms") or document.get("event_time")
    if resource == "device.status":
        device, status = message.of(hardware_id), text(body.get("status"))
        if status in _ONLINE:
            device.status = Status(_ONLINE[status])
        else:
            device.tell(Reason.WRONG_TYPE, "status", f"ONLINE or OFFLINE, not {status[:64]!r}")
    else:
        _reported(message, hardware_id, _PUSHED[resource], body)
    return message.done()


def _reported(message: Message, hardware_id: str, path: str, body: dict[str, Any]) -> None:
    if path == "messages/up":
        told = "a bare message (消息上报) is the maker's own: let the device report properties, or write a decoder"
        message.of(hardware_id).tell(Reason.WRONG_SHAPE, "content", told)
    elif path == "gateway/sub_devices/properties/report":
        devices = body.get("devices")
        for device in devices if isinstance(devices, list) else [None]:
            if isinstance(device, dict) and isinstance(device.get("device_id"), str):
                _services(message, device["device_id"], device.get("services"), events=False)
            else:
                message.tell(Reason.WRONG_SHAPE, "devices", "a list of {device_id, services} is expected")
    else:
        own = body.get("object_device_id")
        named = own if isinstance(own, str) and own else hardware_id
        _services(message, named, body.get("services"), events=path == "events/up")


def _services(message: Message, hardware_id: str, services: Any, *, events: bool) -> None:
    device = message.of(hardware_id)
    if not isinstance(services, list):
        device.tell(Reason.WRONG_SHAPE, "services", "a list of services is expected")
        return
    for service in services:
        if not isinstance(service, dict):
            device.tell(Reason.WRONG_SHAPE, "services", f"a service is an object, not {str(service)[:80]!r}")
            continue
        name, at = str(service.get("service_id")), service.get("event_time")
        if name.startswith("$"):
            device.leave(name)  # the platform's own: firmware, clock, log, sub-devices
        elif events and isinstance(service.get("event_type"), str):
            device.event(service["event_type"], service.get("paras"), at)
        elif events:
            device.tell(Reason.WRONG_SHAPE, "event_type", "an event has a type")
        else:
            device.service(name, service.get("properties"), at)
