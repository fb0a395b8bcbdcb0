"""The Milesight VS373 fall radar by Wi-Fi: what it posts or publishes itself, on a topic that its owner chose.

Fields as in the maker's guide (vs373/topic/trigger-report); one of its own examples has blanks for underscores and the
alarm inside `device_info`, so both are read. Its time has no zone: everything is of the arrival. What its frames say by
LoRaWAN is in lorawan/milesight.py.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, number, object_of
from gateway.decoders.lorawan.milesight import radar_alarm
from gateway.decoders.model import Flaw, Reason
from gateway.decoders.native import read_object


def speaks(_topic: str, payload: bytes) -> bool:
    plain = payload.replace(b" ", b"_")
    return b'"device_info"' in plain and b'"device_sn"' in plain


def decode(topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    """One report of one radar, whose hardware id is its serial number."""
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        return (Decoded(flaws=(fields,)),)
    named = _named(fields)
    device = object_of(named.get("device_info"))
    serial = device.get("device_sn")
    if not isinstance(serial, str) or not serial:
        told = f"device_info.device_sn is the radar's serial number, not {str(serial)[:64]!r}"
        return (Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, "device_info", told),)),)
    draft = Draft(serial, message_id(topic, payload), now)
    unread = {name for name in named if name not in ("device_info", "trigger_data")}
    trigger = named.get("trigger_data") or device.get("trigger_data")
    if isinstance(trigger, Mapping):
        said, status, alarm_id = (_whole(trigger.get(name)) for name in ("event", "status", "trigger_id"))
        unread |= radar_alarm(draft, said, status, alarm_id)
    elif trigger is not None or not unread:
        draft.tell(Reason.WRONG_SHAPE, "trigger_data", "neither an alarm nor another report is in it")
    return (draft.done(sorted(unread)),)


def _whole(value: object) -> int | None:
    read = number(value)
    return read if isinstance(read, int) and not isinstance(read, bool) else None


def _named(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with underscores for blanks, also in the objects within."""
    return {
        name.strip().replace(" ", "_"): _named(value) if isinstance(value, Mapping) else value
        for name, value in given.items()
    }
