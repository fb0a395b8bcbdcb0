"""Tuya cloud (涂鸦): messages of its message service, decrypted, as plain JSON.

Formats as developer.tuya.com message-type has them: protocol 1000 and 1001 (`bizCode`, `bizData`), the older 4
(`status[]`) and 20. Codes as its standard status sets have them. Taking the messages from its Pulsar queue, and
decrypting them, is somebody else's business.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from gateway.decoders.family import Decoded, Enrolled
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object
from gateway.decoders.thing_model import Message, text
from gateway.decoders.thing_model_broken import hardware_id_in
from gateway.decoders.thing_model_words import Alarm, Meanings

_ONE, _TWO = frozenset({"1"}), frozenset({"2"})
#: "1" is the alarm and "2" its end (standard status sets of ywbj and rqbj).
MEANINGS: Meanings = {
    "smokesensorstate": Alarm("smoke", yes=_ONE, no=_TWO),
    "gassensorstate": Alarm("gas", yes=_ONE, no=_TWO),
}
_ONLINE = {"deviceOnline": True, "online": True, "deviceOffline": False, "offline": False}
#: About the device, not by it.
_IGNORED = frozenset(
    {
        "deviceTransfer", "deviceFreeze", "deviceUnFreeze", "deviceBindSpace", "deviceUnbindSpace",
        "deviceNameUpdate", "deviceOtaProgress", "deviceActionResponseMessage", "nameUpdate", "dpNameUpdate",
        "bindUser", "delete", "upgradeStatus", "spaceCreate",
    }
)  # fmt: skip
_REPORTS = frozenset({"devicePropertyMessage", "deviceQueryPropertyMessage", "statusReport"})


def speaks(topic: str, payload: bytes) -> bool:
    coded = b'"bizCode"' in payload or (b'"devId"' in payload and b'"status"' in payload)
    return coded and not topic.startswith(("$", "anhu/", "/"))


def decode(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    message = Message("tuya", topic, payload, now, MEANINGS)
    document = _out_of_envelope(read_object(payload))
    if isinstance(document, Flaw):
        return message.salvaged(hardware_id_in(payload, "devId"), document)
    data = document.get("bizData")
    data = data if isinstance(data, dict) else {}
    hardware_id, code = data.get("devId", document.get("devId")), text(document.get("bizCode"))
    if code in _IGNORED:
        return (Decoded(ignored="about a device, not its word"),)
    if not isinstance(hardware_id, str):
        return message.salvaged(None, Flaw(Reason.WRONG_SHAPE, "devId", "no devId"))
    message.at = document.get("ts", document.get("t"))
    device = message.of(hardware_id)
    if code in _ONLINE:
        device.status = Status(_ONLINE[code])
    elif code == "deviceEventMessage" and isinstance(data.get("eventCode"), str):
        device.event(data["eventCode"], data.get("outputParams"), data.get("eventTime"))
    elif code in _REPORTS or "bizCode" not in document:
        _properties(message, hardware_id, data.get("properties", data.get("status", document.get("status"))))
    else:
        device.tell(Reason.UNKNOWN_TYPE, "bizCode", f"bizCode {str(code)[:64]!r} is not known")
    return message.done()


def _out_of_envelope(document: Any) -> dict[str, Any] | Flaw:
    """What is inside {payload: {data: …}}, as the official client gives it; data may be the text of JSON."""
    for name in ("payload", "data"):
        if isinstance(document, dict) and "devId" not in document and "bizCode" not in document and name in document:
            document = document[name]
            if isinstance(document, str):
                try:
                    document = from_json(document)
                except ValueError as error:
                    return Flaw(Reason.NOT_JSON, name, f"not JSON: {error}")
    if isinstance(document, dict | Flaw):
        return document
    return Flaw(Reason.WRONG_SHAPE, None, "a message is an object")


def _properties(message: Message, hardware_id: str, reported: Any) -> None:
    device = message.of(hardware_id)
    if not isinstance(reported, list):
        device.tell(Reason.WRONG_SHAPE, "properties", "a list of {code, value, time} is expected")
        return
    for one in reported:
        if isinstance(one, dict) and isinstance(one.get("code"), str) and "value" in one:
            device.properties({one["code"]: one["value"]}, one.get("time", one.get("t")))
        else:
            device.tell(Reason.WRONG_SHAPE, "properties", f"want {{code, value, time}}, not {str(one)[:80]!r}")
