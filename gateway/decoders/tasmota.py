"""Tasmota: switches and buttons wired to it, Zigbee devices and Bluetooth tags behind it.

Topics as its documentation has them (docs/MQTT.md): `tele/{name}/SENSOR`, `stat/{name}/RESULT`, `tele/{name}/LWT`,
or with the name first, as Home Assistant wants it; with SetOption89 a Zigbee device's address before the last level.
Zigbee fields are Zigbee2Tasmota's (docs/Zigbee.md; attribute names in xdrv_23_zigbee_5_1_attributes.ino). What to
know of it:

- `{"Switch1": {"Action": "ON"}}` and `stat/{name}/SWITCH1` are somebody's hand; `"Switch1": "ON"` among the sensors is
  where the switch stands, told again every few minutes: for an emergency button both are a call (OFF is its release),
  for anything else neither is;
- `Contact: 1` is an open door, the reverse of Zigbee2MQTT's `contact: true`;
- a zone alarm (`ZoneStatusChange`) that has no name by its side is one of a sensor that was never probed: told;
- `Time` is local and without an offset unless SetOption52 is on: then the time is the arrival;
- a Zigbee device is known as `{bridge}/{its name, else its address}`, a Bluetooth tag by its address alone: it roams;
- `LinkQuality` is not in dBm.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.buttons import BUTTON, is_call
from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, truth
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import parse_time, read_object

_LEAVES = re.compile(r"SENSOR|STATE|RESULT|LWT|(?:STATUS|POWER|INFO|BUTTON|SWITCH)\d*|UPTIME|EVENT|LOGGING", re.ASCII)
_HANDS = re.compile(r"(?:Switch|Button)\d*", re.ASCII)
_HAND_LEAVES = re.compile(r"(?:SWITCH|BUTTON)\d*", re.ASCII)
#: Where the sensors' state stands, asked for (Status 8 and 10) or not.
_SENSES = frozenset({"SENSOR", "RESULT", "STATUS8", "STATUS10"})
#: A Zigbee attribute that is true → the event it is.
_TRUE_IS = {
    "Fire": "smoke",
    "Water": "water_leak",
    "CO": "gas",
    "PersonalAlarm": "sos",
    "Panic": "sos",
    "Tamper": "tamper",
}
#: IAS zone status of the Zigbee cluster library (8.2.2.2.1.3): alarm 1, alarm 2, tamper, battery.
_ALARMS, _TAMPER, _BATTERY = 0b11, 0b100, 0b1000
_ZONES = ("ZoneStatusChange", "ZoneStatus")
#: Says which kind of zone it is, when it stands beside the zone status.
_NAMED = frozenset({*_TRUE_IS, "Contact", "Occupancy", "Movement", "GlassBreak", "CIE"})
#: What the kind of device says of a zone alarm whose sensor does not say it.
_ZONE_OF_KIND = {
    BUTTON: "sos",
    "smoke_detector": "smoke",
    "gas_detector": "gas",
    "water_detector": "water_leak",
    "door_sensor": "door_open",
}
_OF_ITSELF = frozenset({"Device", "Name", "IEEEAddr", "Endpoint", "Group", "ModelId"})


def speaks(topic: str, _payload: bytes) -> bool:
    levels = topic.split("/")
    return bool({"tele", "stat"} & set(levels[:-1])) and _LEAVES.fullmatch(levels[-1]) is not None


def decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Sequence[Decoded]:
    """One message, which may speak of several devices. `now` is when it was received."""
    levels = topic.split("/")
    leaf, name = levels[-1], "/".join(level for level in levels[:-1] if level not in ("tele", "stat"))
    if not payload:
        return (Decoded(ignored="an empty message clears a retained topic"),)
    if leaf == "LWT":
        return (_will(name, payload),)
    if _HAND_LEAVES.fullmatch(leaf):
        return (_hand(name, leaf, topic, payload, now, enrolled),)
    if leaf not in _SENSES:
        return (Decoded(ignored="the device speaks of itself"),)
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        return (Decoded(name, flaws=(fields,)),)
    if isinstance(fields.get("StatusSNS"), dict):
        fields = fields["StatusSNS"]
    told = [*_zigbee(name, levels, payload, fields, now, enrolled), *_tags(topic, payload, fields, now)]
    rest = {field: value for field, value in fields.items() if field not in ("Time", "ZbReceived", "IBEACON")}
    if rest or not told:
        told.append(_wired(name, topic, payload, rest, fields.get("Time"), now, enrolled))
    return told


def _wired(
    name: str, topic: str, payload: bytes, fields: dict[str, Any], time: object, now: datetime, enrolled: Enrolled
) -> Decoded:
    draft, kind = Draft(name, message_id(topic, payload), now), enrolled(name).kind
    _clock(draft, time)
    hands = [field for field in fields if _HANDS.fullmatch(field)]
    for field in hands:
        value = fields[field]
        if isinstance(value, dict):
            action = value.get("Action")
            called = action != "OFF" and is_call(action, kind, draft.flaws, field)
        else:
            called = kind == BUTTON and truth(field, value, draft.flaws) is True
        if called:
            draft.happened("sos", {field: value})
    read = {field for field in hands if isinstance(fields[field], dict) or kind == BUTTON}
    return draft.done(sorted(set(fields) - read))


def _hand(name: str, leaf: str, topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Decoded:
    """A switch or button on a topic of its own: `{"STATE": "ON"}`, `{"Action": "SINGLE"}`, or the bare word."""
    draft = Draft(name, message_id(topic, payload), now)
    action: object = payload.strip().decode("utf-8", "replace")
    if payload.lstrip().startswith(b"{"):
        fields = read_object(payload)
        if isinstance(fields, Flaw):
            draft.flaws.append(fields)
            return draft.done()
        said = next((value for field, value in fields.items() if _HANDS.fullmatch(field.capitalize())), fields)
        words = said.values() if isinstance(said, dict) else (said,)
        action = next((word for word in words if isinstance(word, str) and parse_time(word) is None), None)
        if action is None:
            draft.tell(Reason.WRONG_SHAPE, leaf, f"{leaf} says neither a state nor an action")
    kind = enrolled(name).kind
    if isinstance(action, str) and action.upper() == "OFF":
        return draft.done((leaf,))
    if is_call(action, kind, draft.flaws, leaf):
        draft.happened("sos", {leaf: action})
    return draft.done()


def _zigbee(
    bridge: str, levels: list[str], payload: bytes, fields: dict[str, Any], now: datetime, enrolled: Enrolled
) -> Iterator[Decoded]:
    received = fields.get("ZbReceived")
    if received is None:
        return
    if not isinstance(received, dict):
        yield Decoded(bridge, flaws=(Flaw(Reason.WRONG_SHAPE, "ZbReceived", "ZbReceived must be an object"),))
        return
    for key, said in received.items():
        if not isinstance(said, dict):
            yield Decoded(f"{bridge}/{key}", flaws=(Flaw(Reason.WRONG_SHAPE, key, f"{key} must be an object"),))
            continue
        address = str(said.get("Device") or key)
        # With SetOption89 the topic has the address, which is no part of the bridge's name.
        home = bridge.removesuffix(f"/{address.removeprefix('0x')}")
        called = said.get("Name") or (key if key != address else None)
        name = f"{home}/{str(called or address).strip()}"
        draft = Draft(name, message_id("/".join(levels), payload, key), now)
        _clock(draft, fields.get("Time"))
        yield _zigbee_one(draft, said, enrolled(name).kind)


def _zigbee_one(draft: Draft, said: dict[str, Any], kind: str | None) -> Decoded:
    # `Battery` until Tasmota 9, `BatteryPercentage` since.
    for field in ("Battery", "BatteryPercentage"):
        draft.measure("battery", said.get(field), field)
    for field, event_type in _TRUE_IS.items():
        if truth(field, said.get(field), draft.flaws):
            draft.happened(event_type, {field: said[field]})
    opened = truth("Contact", said.get("Contact"), draft.flaws)
    if opened is not None:
        draft.happened("door_open" if opened else "door_closed")
    if is_call(said.get("Click"), kind, draft.flaws, "Click"):
        draft.happened("sos", {"Click": said["Click"]})
    read = {*_OF_ITSELF, *_TRUE_IS, *_ZONES, "Battery", "BatteryPercentage", "Contact", "Click"}
    if kind == BUTTON and said.get("Power") is not None:
        # How buttons of the on/off cluster speak: 0, 1 and 2 are so many ways to press.
        draft.happened("sos", {"Power": said["Power"]})
        read.add("Power")
    for field in _ZONES:
        _zone(draft, field, said, kind)
    return draft.done(sorted(field for field, value in said.items() if field not in read and value is not None))


def _zone(draft: Draft, field: str, said: dict[str, Any], kind: str | None) -> None:
    status = said.get(field)
    if status is None:
        return
    if not isinstance(status, int) or isinstance(status, bool):
        draft.tell(Reason.WRONG_TYPE, field, f"{field} must be a number, not {str(status)[:64]!r}")
        return
    if status & _ALARMS and not _NAMED & set(said):
        event_type = _ZONE_OF_KIND.get(kind or "")
        if event_type is not None:
            draft.happened(event_type, {field: status})
        else:
            told = f"{field} {status} is an alarm of a sensor of unknown kind: probe it (ZbProbe), or enrol its kind"
            draft.tell(Reason.UNKNOWN_TYPE, field, told)
    if status & _TAMPER:
        draft.happened("tamper", {field: status})
    if status & _BATTERY:
        draft.happened("low_battery", {field: status})


def _tags(topic: str, payload: bytes, fields: dict[str, Any], now: datetime) -> Iterator[Decoded]:
    """A Bluetooth tag that came or went (docs/Bluetooth.md): whether somebody who carries it is in reach."""
    tag = fields.get("IBEACON")
    if tag is None:
        return
    name = tag.get("MAC") if isinstance(tag, dict) else None
    if not isinstance(tag, dict) or not isinstance(name, str) or not name:
        yield Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, "IBEACON", "IBEACON without a MAC: nobody knows whose it is"),))
        return
    draft = Draft(name, message_id(topic, payload, "IBEACON"), now)
    _clock(draft, fields.get("Time"))
    there = truth("STATE", tag.get("STATE"), draft.flaws)
    if there is not None:
        draft.status = Status(there)
    if there:
        draft.measure("rssi", tag.get("RSSI"), "RSSI")
    yield draft.done(sorted(set(tag) - {"MAC", "STATE", "RSSI"}))


def _clock(draft: Draft, time: object) -> None:
    instant = parse_time(time) if isinstance(time, str) else None
    if instant is not None:
        draft.at(instant, time, "Time")


def _will(name: str, payload: bytes) -> Decoded:
    word = payload.strip().decode("utf-8", "replace")
    if word.lower() in ("online", "offline"):
        return Decoded(name, status=Status(word.lower() == "online"))
    return Decoded(name, flaws=(Flaw(Reason.WRONG_TYPE, "LWT", f"Online or Offline, not {word[:64]!r}"),))
