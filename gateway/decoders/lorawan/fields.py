"""What a network server decoded, where we do not know the bytes: by the names that makers' decoders give. Pure.

Only names that say what they are: a name that could be anything is unread, an `alarm` of an unknown kind is told.
Dragino says "TRUE" and "FALSE" for true and false.
"""

from collections.abc import Mapping
from typing import Any

from gateway.decoders.buttons import BUTTON
from gateway.decoders.family import truth
from gateway.decoders.lorawan.uplink import Uplink
from gateway.decoders.model import Flaw, Reason

#: Names in lower case without `_`, `-` and blanks → the event that they tell of when they are true.
_TRUE_IS = {
    "sos": "sos", "sosflag": "sos", "sosalarm": "sos", "sosstatus": "sos", "alarmstatus": "sos", "panic": "sos",
    "fall": "fall", "falldetected": "fall", "fallalarm": "fall", "fallstatus": "fall",
    "smoke": "smoke", "smokealarm": "smoke", "smokedetected": "smoke", "smokestatus": "smoke",
    "gas": "gas", "gasalarm": "gas", "gasstatus": "gas", "carbonmonoxide": "gas",
    "leak": "water_leak", "waterleak": "water_leak", "leakage": "water_leak", "leakagestatus": "water_leak",
    "waterleakstatus": "water_leak", "flood": "water_leak",
    "tamper": "tamper", "tamperstatus": "tamper",
    "batterylow": "low_battery", "lowbattery": "low_battery",
}  # fmt: skip
_DOORS = frozenset({"magnetstatus", "dooropenstatus", "doorstatus", "door"})
_PRESSES = frozenset({"press", "button", "buttonevent", "buttonpress", "buttonpressed"})
_ALARMS = frozenset({"alarm", "detectionstatus", "event"})
_MEASURED = {
    "battery": "battery", "batterylevel": "battery", "heartrate": "heart_rate", "spo2": "spo2",
    "bodytemperature": "body_temperature", "respiratoryrate": "respiratory_rate", "systolic": "systolic",
    "diastolic": "diastolic", "steps": "steps", "inbed": "in_bed", "worn": "worn",
}  # fmt: skip
_LATITUDES, _LONGITUDES = ("latitude", "lat", "gpslatitude"), ("longitude", "lon", "lng", "gpslongitude")
_YES = frozenset({"alarm", "leak", "leaking", "open", "opened", "triggered", "detected", "uninstalled", "removed"})
_NO = frozenset({"normal", "none", "noleak", "close", "closed", "idle", "installed", "install", "vacant", "null", "ok"})


def read(uplink: Uplink, given: Mapping[str, Any]) -> None:
    draft = uplink.draft
    named = {_plain(name): (name, value) for name, value in given.items() if value is not None}
    for plain, (name, value) in named.items():
        if plain in _TRUE_IS:
            if _truth(name, value, draft.flaws):
                draft.happened(_TRUE_IS[plain], {name: value})
        elif plain in _DOORS:
            is_open = _truth(name, value, draft.flaws)
            if is_open is not None:
                draft.happened("door_open" if is_open else "door_closed")
        elif plain in _PRESSES:
            if (word := _press(value)) is not None:
                uplink.pressed(word)
        elif plain in _ALARMS:
            _alarm(uplink, name, value)
        elif plain in _MEASURED:
            draft.measure(_MEASURED[plain], value, name)
        elif plain not in _LATITUDES + _LONGITUDES:
            uplink.unread.add(name)
    lat, lon = (next((named[n][1] for n in names if n in named), None) for names in (_LATITUDES, _LONGITUDES))
    draft.locate(lat, lon)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _truth(name: str, value: Any, flaws: list[Flaw]) -> bool | None:
    word = _plain(value) if isinstance(value, str) else None
    if word in _YES | _NO:
        return word in _YES
    return truth(name, int(value) if isinstance(value, float) and value in (0, 1) else value, flaws)


def _press(value: Any) -> str | None:
    """A word, a number, or an object with `status`; None for none."""
    if isinstance(value, Mapping):
        value = value.get("status", value)
    return None if value in ("", 0, False, None, "none", "released") else str(value)[:32]


def _alarm(uplink: Uplink, name: str, value: Any) -> None:
    """A word that names an emergency is one; of the others only an `alarm` can be more than a state."""
    word = _plain(value) if isinstance(value, str) else None
    if word in ("fall", "sos", "smoke"):
        uplink.draft.happened(word, {name: value})
        return
    alarms = _plain(name) == "alarm" and _truth(name, value, uplink.draft.flaws)
    if alarms is False:
        uplink.unread.add(name)
    elif uplink.kind == BUTTON:
        uplink.draft.happened("sos", {name: value})  # it exists to call for help, and in doubt it did
    elif alarms:
        told = f"{name} {str(value)[:80]!r} may be an emergency: enrol the device with its model"
        uplink.draft.tell(Reason.UNKNOWN_TYPE, name, told)
