"""Zigbee2MQTT 1.x and 2.x: buttons, fall radars, door, smoke, gas and water sensors behind a home's own coordinator.

Topics and fields as its documentation has them (usage/mqtt_topics_and_messages, "exposes" of each device). Its traps:

- a button's `action` is followed by `action: ""` or `null`, which is no second press;
- which action is a call for help depends on the button: `emergency` and its like always are, `single` only from what
  is enrolled as an emergency button;
- `contact: false` is an open door;
- `temperature` is the room's, not the body's; `linkquality` is not in dBm;
- a battery may be null, a string, or a fraction;
- a smoke detector under test says `smoke: true` and `test: true`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from gateway.decoders.buttons import is_call
from gateway.decoders.clocks import unix_time
from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, truth
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import parse_time, read_object

#: A field that is true → the event it is.
_TRUE_IS = {
    "sos": "sos",
    "smoke": "smoke",
    "gas": "gas",
    "carbon_monoxide": "gas",
    "water_leak": "water_leak",
    "tamper": "tamper",
    "battery_low": "low_battery",
}
_FALL_FIELDS = ("fall_status", "fall_down_status")
#: A warning is a possible fall: its alert is orange first, as every fall's.
_FALLS = frozenset({"fall_alarm", "fall_warning", "fall", "true"})
_NO_FALL = frozenset({"normal", "none", "no_fall", "false", ""})
#: Read together with other fields, or said of the message itself.
_READ = frozenset({*_TRUE_IS, *_FALL_FIELDS, "action", "contact", "battery", "last_seen", "test"})


def speaks(topic: str, _payload: bytes) -> bool:
    return topic.startswith("zigbee2mqtt/")


def decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Sequence[Decoded]:
    """One message below the base topic. `now` is when it was received, which is its time when it brings none."""
    return (_decode(topic, payload, now, enrolled),)


def _decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Decoded:
    name = topic.partition("/")[2]
    head, _, leaf = name.rpartition("/")
    if not payload:
        return Decoded(ignored="an empty message clears a retained topic")
    if name == "bridge/state":
        return _availability("bridge", payload)
    if name == "bridge/event" and (left := _left(payload)) is not None:
        return Decoded(left, status=Status(False))
    if name.startswith("bridge/"):
        return Decoded(ignored="the coordinator speaks of itself")
    if head and leaf == "availability":
        return _availability(head, payload)
    if head and leaf in ("set", "get"):
        return Decoded(ignored="an order to a device, not its word")
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        return Decoded(name, flaws=(fields,))
    draft = Draft(name, message_id(topic, payload), now)
    if fields.get("last_seen") is not None:
        draft.at(_time(fields["last_seen"]), fields["last_seen"], "last_seen")
    draft.measure("battery", fields.get("battery"))
    _events(draft, fields, enrolled(name).kind)
    return draft.done(sorted(field for field, value in fields.items() if field not in _READ and value is not None))


def _events(draft: Draft, fields: dict[str, Any], kind: str | None) -> None:
    if is_call(fields.get("action"), kind, draft.flaws):
        draft.happened("sos", {"action": fields["action"]})
    for field in _FALL_FIELDS:
        if _is_fall(field, fields.get(field), draft.flaws):
            draft.happened("fall", {field: fields[field]})
    testing = truth("test", fields.get("test"), draft.flaws) is True
    for field, event_type in _TRUE_IS.items():
        if truth(field, fields.get(field), draft.flaws):
            tried = testing and event_type in ("smoke", "gas")
            draft.happened("test" if tried else event_type, {field: True})
    contact = truth("contact", fields.get("contact"), draft.flaws)
    if contact is not None:
        draft.happened("door_closed" if contact else "door_open")


def _is_fall(field: str, status: Any, flaws: list[Flaw]) -> bool:
    if status is None:
        return False
    word = str(status).strip().lower()
    if word not in _FALLS | _NO_FALL:
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, field, f"{field} {status!r} is not known"))
    return word in _FALLS


def _time(value: Any) -> datetime | None:
    """RFC 3339, or milliseconds since 1970."""
    if isinstance(value, str):
        return parse_time(value)
    return unix_time(value, 1000)


def _left(payload: bytes) -> str | None:
    """Who left the network and will not be heard any more, where the coordinator says so."""
    event = read_object(payload)
    told = event.get("data") if isinstance(event, dict) and event.get("type") == "device_leave" else None
    name = told.get("friendly_name") if isinstance(told, dict) else None
    return name if isinstance(name, str) and name else None


def _availability(name: str, payload: bytes) -> Decoded:
    """`{"state": "online"}`; 1.x says the bare word."""
    words = payload.strip()
    try:
        document = from_json(words)
    except ValueError:
        document = words.decode("utf-8", "replace")
    state = document.get("state") if isinstance(document, dict) else document
    if state in ("online", "offline"):
        return Decoded(name, status=Status(state == "online"))
    return Decoded(name, flaws=(Flaw(Reason.WRONG_TYPE, "state", f"online or offline, not {str(state)[:64]!r}"),))
