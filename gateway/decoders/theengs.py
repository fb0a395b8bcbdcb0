"""Theengs Gateway and OpenMQTTGateway: Bluetooth devices that one of their receivers overhears.

Topics as their documentation has them (docs/use/ble.md): `home/{receiver}/BTtoMQTT/{address}`, the room presence on
`home/{receiver}/BTtoMQTT` and `home/presence/{receiver}`, `home/{receiver}/LWT`. Fields as the Theengs decoder's
properties have them (theengs/decoder, src/devices). What to know of them:

- a device only advertises: the same press is overheard several times, by several receivers, at another strength each
  time. It is known by device and `packet`; where there is none, by all that the device itself said;
- `button` is 0 for none, 1 to 8 for so many presses, 9 long, 10 the end of a long one, 11 held;
- `open: true` is an open door; SwitchBot says `contact: "open"`, `"closed"` or `"timeout not closed"`;
- `rssi` is in dBm, as the receiver measured it: kept, so that a tag that only says that it is there is seen; of what is
  not enrolled it is ignored, or every telephone that passes by would be in quarantine;
- `bpm` is a heart rate, `act_bpm` that of a band while its wearer is active; `tempc` is the room's;
- what is encrypted (`encr`) cannot be read, and may have been a press: told.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.buttons import is_call
from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, truth
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object

_WAY = "BTtoMQTT"
#: What differs each time that the same word of a device is overheard.
_RECEPTION = frozenset({"rssi", "distance", "id", "mac", "mac_type", "name", "adv_type", "rssi_avg", "time"})
_BUTTONS = ("button", "button1", "button2", "button3", "button4")
_PRESSES = {**dict.fromkeys(range(1, 9), "press"), 1: "single", 2: "double", 3: "triple", 9: "long", 11: "hold"}
_TRUE_IS = {"smoke": "smoke", "gas": "gas", "leak": "water_leak", "water_leak": "water_leak", "tamper": "tamper"}
_OPEN = {"open": True, "timeout not closed": True, "closed": False}
_OF_THE_MODEL = frozenset({"brand", "model", "model_id", "type", "acts", "cont", "cidc", "packet"})
_READ = frozenset({*_RECEPTION, *_OF_THE_MODEL, *_BUTTONS, *_TRUE_IS, "open", "contact", "batt", "bpm", "act_bpm",
                   "steps", "encr"})  # fmt: skip


def speaks(topic: str, _payload: bytes) -> bool:
    levels = topic.split("/")
    if len(levels) < 3:
        return False
    ours = levels[:2] == ["home", "presence"] or (levels[0] == "home" and levels[-1] == "LWT")
    return ours or any(level.endswith("toMQTT") for level in levels[2:])


def decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Sequence[Decoded]:
    """One advertisement of one device. `now` is when it was received, which is its time: it brings none."""
    return (_decode(topic, payload, now, enrolled),)


def _decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Decoded:
    levels = topic.split("/")
    if not payload:
        return Decoded(ignored="an empty message clears a retained topic")
    if levels[-1] == "LWT":
        return _receiver(levels[-2] if len(levels) > 1 else "", payload)
    if _WAY not in levels and "presence" not in levels:
        return _other_way(levels)
    fields = read_object(payload)
    name = levels[-1] if _WAY in levels[:-1] else None
    if isinstance(fields, Flaw):
        return Decoded(name, flaws=(fields,))
    if name is None:
        name = _address(fields.get("id"))
    if name is None:
        return Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, "id", "id is missing: nobody knows whose word this is"),))
    kind = enrolled(name).kind
    if kind is None and not _says_something(fields):
        return Decoded(name, ignored="it only says that it is there, and it is not enrolled")
    draft = Draft(name, _heard(name, fields), now)
    draft.measure("rssi", fields.get("rssi"))
    draft.measure("battery", fields.get("batt"), "batt")
    draft.measure("heart_rate", fields.get("act_bpm"), "act_bpm")
    draft.measure("heart_rate", fields.get("bpm"), "bpm")
    draft.measure("steps", fields.get("steps"))
    _events(draft, fields, kind)
    return draft.done(sorted(field for field, value in fields.items() if field not in _READ and value is not None))


def _says_something(fields: dict[str, Any]) -> bool:
    ours = _READ - _RECEPTION - _OF_THE_MODEL
    return "rssi" not in fields or any(fields.get(field) is not None for field in ours)


def _events(draft: Draft, fields: dict[str, Any], kind: str | None) -> None:
    for field in _BUTTONS:
        if is_call(_press(fields.get(field)), kind, draft.flaws, field):
            draft.happened("sos", {field: fields[field]})
    for field, event_type in _TRUE_IS.items():
        if truth(field, fields.get(field), draft.flaws):
            draft.happened(event_type, {field: True})
    opened = truth("open", fields.get("open"), draft.flaws)
    if opened is None:
        opened = _contact(fields.get("contact"), draft.flaws)
    if opened is not None:
        draft.happened("door_open" if opened else "door_closed")
    if fields.get("encr") not in (None, 0, False):
        told = "the device encrypts what it says, a press too: give the receiver its key"
        draft.tell(Reason.WRONG_SHAPE, "encr", told)


def _press(value: object) -> object:
    """The word for a number of presses; what is no such number is left for the rule on buttons to judge."""
    if value == 0:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return _PRESSES.get(value, f"press {value}")
    return value


def _contact(value: object, flaws: list[Flaw]) -> bool | None:
    if value is None:
        return None
    opened = _OPEN.get(value.strip().lower()) if isinstance(value, str) else None
    if opened is None:
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, "contact", f"contact {str(value)[:64]!r} is neither open nor closed"))
    return opened


def _heard(name: str, fields: dict[str, Any]) -> str:
    said = {field: value for field, value in fields.items() if field not in _RECEPTION}
    return message_id(name, json.dumps(said, sort_keys=True).encode())


def _address(value: object) -> str | None:
    return value.replace(":", "") or None if isinstance(value, str) else None


def _other_way(levels: list[str]) -> Decoded:
    if "SYStoMQTT" in levels:
        return Decoded(ignored="the receiver speaks of itself")
    told = f"only what comes by Bluetooth ({_WAY}) is read, not {levels[-1][:64]!r}"
    return Decoded(flaws=(Flaw(Reason.UNKNOWN_TOPIC, None, told),))


def _receiver(name: str, payload: bytes) -> Decoded:
    word = payload.strip().decode("utf-8", "replace")
    if word.lower() in ("online", "offline"):
        return Decoded(name, status=Status(word.lower() == "online"))
    return Decoded(name, flaws=(Flaw(Reason.WRONG_TYPE, "LWT", f"online or offline, not {word[:64]!r}"),))
