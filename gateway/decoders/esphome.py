"""ESPHome: presence and fall radars, bed mats, buttons and whatever else people build with it.

Topics as its documentation has them (components/mqtt): `{prefix}/{component}/{object_id}/state`, and on
`{prefix}/status` its birth and its will. The node is known by its prefix. What to know of it:

- an `object_id` is the name that its builder gave it, in lower case with `_` for all else: what it is goes by the
  words in it, as in the makers' examples (Seeed MR60FDA2: "Falling Information", MR60BHA2: "Real-time heart rate");
- a binary sensor is ON when a door is open, a leak is wet, somebody is there;
- a radar says 0 beats and 0 breaths when nobody is there, and `nan` before its first word: both are unknown;
- what is ON, and named by nothing that we know, is a call from an emergency button, is told from a fall detector, and
  is unread from anything else.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from gateway.decoders.buttons import BUTTON, is_call
from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, number, truth
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object

#: The components of ESPHome that have a state on MQTT.
_COMPONENTS = frozenset({
    "binary_sensor", "sensor", "text_sensor", "event", "switch", "light", "fan", "cover", "climate", "number", "select",
    "text", "lock", "valve", "alarm_control_panel", "date", "time", "datetime", "update",
})  # fmt: skip
_BINARY, _NUMBER, _TEXT, _EVENT = "binary_sensor", "sensor", "text_sensor", "event"
#: Topics of the same shape that are others' words.
_OTHERS = ("homeassistant/", "zigbee2mqtt/", "anhu/")
_FALLS = frozenset({"fall", "falls", "falling", "fallen"})
_NO_FALL = frozenset({"no", "not", "none", "normal", "off", "false"})
#: Words in the name of a binary sensor → the event that ON is; the first that fits.
_ON_IS = (
    (frozenset({"test"}), "test"),
    (frozenset({"sos", "panic", "emergency", "help"}), "sos"),
    (_FALLS, "fall"),
    (frozenset({"smoke"}), "smoke"),
    (frozenset({"gas", "co", "monoxide", "methane", "lpg"}), "gas"),
    (frozenset({"leak", "leakage", "flood", "moisture"}), "water_leak"),
    (frozenset({"tamper"}), "tamper"),
)
#: Words that say that it is of the sensor, whatever that senses.
_OF_ITSELF = frozenset({"connected", "connection", "online", "enabled", "fault", "problem"})
_DOORS = frozenset({"door", "window", "contact", "opening"})
_BEDS = frozenset({"presence", "occupancy", "occupied", "in", "sensor", "status", "person"})
#: Words that say that somebody is there: nothing to us, whatever the node is enrolled as.
_NOTHING = frozenset({"presence", "people", "person", "occupancy", "motion", "moving", "still", "target", "status",
                      "exist", "has"})  # fmt: skip
_WORDS = re.compile(r"[_\W]+")


def speaks(topic: str, payload: bytes) -> bool:
    levels = topic.split("/")
    if topic.startswith(_OTHERS) or len(levels) < 2:
        return False
    if levels[-1] == "status":
        return payload.strip() in (b"online", b"offline")
    return len(levels) > 3 and levels[-1] == "state" and levels[-3] in _COMPONENTS


def decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Sequence[Decoded]:
    """One state of one node. `now` is when it was received, which is its time: it brings none."""
    return (_decode(topic, payload, now, enrolled),)


def _decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Decoded:
    levels = topic.split("/")
    if not payload:
        return Decoded(ignored="an empty message clears a retained topic")
    word = payload.strip().decode("utf-8", "replace")
    if levels[-1] == "status":
        if word in ("online", "offline"):
            return Decoded("/".join(levels[:-1]), status=Status(word == "online"))
        told = Flaw(Reason.WRONG_TYPE, "status", f"online or offline, not {word[:64]!r}")
        return Decoded("/".join(levels[:-1]), flaws=(told,))
    if len(levels) < 4 or levels[-1] != "state":
        return Decoded(ignored="a log, or an order to the node")
    node, component, name = "/".join(levels[:-3]), levels[-3], levels[-2]
    draft, kind = Draft(node, message_id(topic, payload), now), enrolled(node).kind
    words = frozenset(_WORDS.split(name.lower()))
    if component == _BINARY:
        read = _binary(draft, name, words, word, kind)
    elif component == _NUMBER:
        read = _number(draft, name, words, word)
    elif component == _TEXT:
        read = _text(draft, name, words, word)
    elif component == _EVENT:
        read = _event(draft, name, payload, kind)
    else:
        read = False
    return draft.done(() if read else (f"{component}/{name}",))


def _binary(draft: Draft, name: str, words: frozenset[str], word: str, kind: str | None) -> bool:
    on = truth(name, word, draft.flaws)
    if on is None:
        return True
    if words & _OF_ITSELF:
        return False
    if {"battery", "low"} <= words:
        if on:
            draft.happened("low_battery", {name: True})
        return True
    for known, event_type in _ON_IS:
        if known & words:
            if on:
                draft.happened(event_type, {name: True})
            return True
    if "bed" in words and "room" not in words and words <= _BEDS | {"bed"}:
        draft.measure("in_bed", on, name)
        draft.happened("bed_in" if on else "bed_out", {name: on})
        return True
    if _DOORS & words:
        draft.happened("door_open" if on else "door_closed", {name: on})
        return True
    if _NOTHING & words or not on:
        return False
    if kind == BUTTON:
        draft.happened("sos", {name: True})
        return True
    if kind == "fall_detector":
        told = f"{name} is ON, and nothing in its name says what that is: name it fall_detected if it is a fall"
        draft.tell(Reason.UNKNOWN_TYPE, name, told)
    return False


def _number(draft: Draft, name: str, words: frozenset[str], word: str) -> bool:
    measured = _measured(words)
    if measured is None:
        return False
    value = number(word)
    if word.lower() == "nan" or (value == 0 and measured != "battery"):
        return False
    draft.measure(measured, value, name)
    return True


def _measured(words: frozenset[str]) -> str | None:
    if "heart" in words and words & {"rate", "bpm", "beat"}:
        return "heart_rate"
    if words & {"respiratory", "respiration", "breath", "breathing"} and "rate" in words:
        return "respiratory_rate"
    if {"body", "temperature"} <= words:
        return "body_temperature"
    if words & {"spo2"}:
        return "spo2"
    if "battery" in words and not words & {"voltage", "volt", "current", "power", "temperature"}:
        return "battery"
    return None


def _text(draft: Draft, name: str, words: frozenset[str], word: str) -> bool:
    """Early MR60FDA2 components tell a fall as text."""
    if not words & _FALLS:
        return False
    said = frozenset(_WORDS.split(word.lower()))
    if said & _NO_FALL:
        return True
    if said & (_FALLS | {"on", "true", "detected", "suspected", "real"}):
        draft.happened("fall", {name: word})
    else:
        draft.tell(Reason.UNKNOWN_TYPE, name, f"{name} {word[:64]!r} is neither a fall nor none")
    return True


def _event(draft: Draft, name: str, payload: bytes, kind: str | None) -> bool:
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        draft.flaws.append(fields)
    elif is_call(fields.get("event_type"), kind, draft.flaws, name):
        draft.happened("sos", {name: fields["event_type"]})
    return True
