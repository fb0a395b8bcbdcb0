"""ChirpStack v4: application/{id}/device/{devEui}/event/{up|status|join|ack|txack|log|location|integration}, in JSON.

Fields as in its API (chirpstack/api/proto/integration/integration.proto, d77207c); its HTTP integration posts the same
bodies. What the frames say is in lorawan/. Its traps:

- fractions of a second have nine digits;
- fields that are 0, false or empty may be left out;
- a battery level of 0 beside `externalPowerSource` or `batteryLevelUnavailable` is no level;
- a `log` may tell that the server throws a device's frames away: with them its calls.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, object_of, truth
from gateway.decoders.lorawan.models import best_rssi, decode_frame
from gateway.decoders.model import Flaw, Reason
from gateway.decoders.native import parse_time, read_object

_TOPIC = re.compile(r"(?:.*/)?application/[^/]+/device/([0-9a-fA-F]{16})/event/([a-z]+)")
_EUI = re.compile(r"[0-9a-fA-F]{16}")
_NO_LEVEL = ("externalPowerSource", "batteryLevelUnavailable")
#: What comes of the same instant as a frame, without being it, is told apart by its `seq`.
_STATUS_SEQ, _LOCATION_SEQ = 1, 2
#: Logs that tell of frames that never arrive.
_DEAF = {
    "UPLINK_F_CNT_RESET": "its frame counter began again: let it join anew, or allow that in its profile",
    "UPLINK_MIC": "its keys are wrong: enter them again and let it join anew",
    "OTAA": "it cannot join: see to its keys",
}


def speaks(topic: str, payload: bytes) -> bool:
    return bool(_TOPIC.fullmatch(topic)) or (b'"deviceInfo"' in payload and b'"devEui"' in payload)


def decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Sequence[Decoded]:
    """One event of one device, whose hardware id is its devEui in lower case."""
    named = _TOPIC.fullmatch(topic)
    hardware_id = named[1].lower() if named else None
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        return (Decoded(hardware_id, flaws=(fields,)),)
    device = object_of(fields.get("deviceInfo"))
    if hardware_id is None:
        eui = device.get("devEui")
        if not isinstance(eui, str) or not _EUI.fullmatch(eui):
            told = f"a devEui has 16 hexadecimal digits, not {str(eui)[:64]!r}"
            return (Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, "deviceInfo.devEui", told),)),)
        hardware_id = eui.lower()
    event = named[2] if named else _event(fields)
    draft = Draft(hardware_id, _name(hardware_id, event, fields, payload), now)
    # Without a time a call is of the arrival, and told apart from the next one by that.
    time = fields.get("time")
    draft.at(parse_time(time) if isinstance(time, str) else None, time, "time")
    match event:
        case "up":
            return _up(draft, fields, device, now, enrolled)
        case "status":
            return (_status(draft, fields),)
        case "location":
            draft.seq(_LOCATION_SEQ)
            place = object_of(fields.get("location"))
            draft.locate(place.get("latitude"), place.get("longitude"), place.get("accuracy"))
            return (draft.done(),)
        case "log" if isinstance(code := fields.get("code"), str) and code in _DEAF:
            why = f"the server refuses its frames: {_DEAF[code]}"
            return (Decoded(hardware_id, flaws=(Flaw(Reason.CONFLICT, "code", why),)),)
        case "join" | "ack" | "txack" | "log" | "integration":
            return (Decoded(hardware_id, ignored=f"{event}: the network speaks of itself"),)
        case _:
            told = f"event {event!r} is not known"
            return (Decoded(hardware_id, flaws=(Flaw(Reason.UNKNOWN_TOPIC, None, told),)),)


def _up(
    draft: Draft, fields: dict[str, Any], device: Mapping[str, Any], now: datetime, enrolled: Enrolled
) -> tuple[Decoded, ...]:
    draft.measure("rssi", best_rssi(fields.get("rxInfo")))
    data = fields.get("data")
    if fields.get("joinServerContext") and data:
        told = "the frame is still encrypted: let the network server have the application session key"
        draft.tell(Reason.WRONG_TYPE, "data", told)
        data = None
    tags = object_of(device.get("tags"))
    names = (f"{tags.get('brand', '')} {tags['model']}" if "model" in tags else None, device.get("deviceProfileName"))
    return decode_frame(
        draft,
        now,
        enrolled(draft.hardware_id),
        port=fields.get("fPort"),
        data=data,
        given=fields.get("object"),
        names=names,
    )


def _status(draft: Draft, fields: dict[str, Any]) -> Decoded:
    draft.seq(_STATUS_SEQ)
    absent = [truth(name, fields.get(name), draft.flaws) for name in _NO_LEVEL]
    if not any(absent):
        draft.measure("battery", fields.get("batteryLevel"), "batteryLevel")
    return draft.done(["margin"] if "margin" in fields else [])


def _event(fields: Mapping[str, Any]) -> str:
    """What a body is that came by HTTP, where the event stands in the query and not in a topic."""
    for name, event in (
        ("batteryLevel", "status"), ("margin", "status"), ("location", "location"), ("level", "log"),
        ("acknowledged", "ack"), ("downlinkId", "txack"), ("integrationName", "integration"), ("rxInfo", "up"),
        ("fPort", "up"), ("data", "up"), ("dr", "up"),
    ):  # fmt: skip
        if name in fields:
            return event
    return "join" if "devAddr" in fields else "unknown"


def _name(hardware_id: str, event: str, fields: Mapping[str, Any], payload: bytes) -> str:
    """A frame that is delivered or sent again has the name that it had: by its session and counter, else by the
    server's own id of it."""
    address, counter = fields.get("devAddr"), fields.get("fCnt", 0)
    if event == "up" and address:
        return message_id(hardware_id, str(fields.get("data")).encode(), f"{address} {counter}")
    return message_id(hardware_id, payload, fields.get("deduplicationId") or "")
