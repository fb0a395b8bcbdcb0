"""China Telecom CTWing (天翼物联 AEP): what it pushes over HTTP.

`messageType` tells what it is: `dataReport` with a service of the thing model, with the device's own JSON, or with
bytes that only the product's decoder can read (told); `eventReport`, whose `eventContent` are a service's parameters;
`deviceOnlineOfflineReport` (1 is online, 0 is not). A device is its `deviceId`, which every message has; the IMEI is
not in all. `timestamp` is the platform's, in milliseconds, and the same in a repeated push.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.family import Decoded, Enrolled
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object
from gateway.decoders.thing_model import Message, text
from gateway.decoders.thing_model_broken import hardware_id_in
from gateway.decoders.thing_model_words import Alarm, Meanings

#: 1 is gas in low concentration, 2 in high: products of the platform's own model of combustible-gas detectors.
MEANINGS: Meanings = {"gassensorstate": Alarm("gas", yes=frozenset({"1", "2"}), no=frozenset({"0"}))}
_IGNORED = frozenset({"commandResponse", "deviceAdd", "deviceDelete", "deviceUpdate"})
_REPORTS = (b'"dataReport', b'"eventReport"', b'"deviceOnlineOfflineReport"', b'"commandResponse"')


def speaks(topic: str, payload: bytes) -> bool:
    typed = b'"messageType"' in payload and any(report in payload for report in _REPORTS)
    return typed and not topic.startswith(("$", "anhu/"))


def decode(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    message = Message("ctwing", topic, payload, now, MEANINGS)
    document = read_object(payload)
    if isinstance(document, Flaw):
        return message.salvaged(hardware_id_in(payload, "deviceId"), document)
    kind, hardware_id = text(document.get("messageType")), document.get("deviceId")
    if kind in _IGNORED:
        return (Decoded(ignored="the platform's own business, not a device's word"),)
    if not isinstance(hardware_id, str) or not hardware_id:
        return message.salvaged(None, Flaw(Reason.WRONG_SHAPE, "deviceId", "no deviceId"))
    message.at = document.get("timestamp")
    device = message.of(hardware_id)
    if kind == "dataReport":
        _data(message, hardware_id, document.get("payload"))
    elif kind == "eventReport":
        # 1 is news, 2 a warning, 3 a fault.
        serious = str(document.get("eventType")) != "1"
        device.event(str(document.get("serviceId", "")), document.get("eventContent"), serious=serious)
    elif kind == "deviceOnlineOfflineReport" and document.get("eventType") in (0, 1, "0", "1"):
        device.status = Status(str(document["eventType"]) == "1")
    elif kind == "deviceOnlineOfflineReport":
        told = f"1 is online and 0 is not; {str(document.get('eventType'))[:64]!r} is neither"
        device.tell(Reason.WRONG_TYPE, "eventType", told)
    else:
        device.tell(Reason.UNKNOWN_TYPE, "messageType", f"messageType {str(kind)[:64]!r} is not known")
    return message.done()


def _data(message: Message, hardware_id: str, payload: Any) -> None:
    device = message.of(hardware_id)
    if not isinstance(payload, dict):
        device.tell(Reason.WRONG_SHAPE, "payload", f"a payload is an object, not {str(payload)[:80]!r}")
    elif "APPdata" in payload:
        told = "bytes that only the product's own decoder can read: define its model (物模型) on the platform"
        device.tell(Reason.WRONG_SHAPE, "APPdata", told)
    elif "serviceData" in payload:
        device.service(str(payload.get("serviceId", "")), payload["serviceData"])
    else:
        device.properties(payload)
