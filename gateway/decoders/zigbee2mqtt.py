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

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from gateway.decoders.family import Decoded
from gateway.decoders.model import MEASURED, Event, Flaw, Reading, Reason, Status
from gateway.decoders.native import EARLIEST, MAX_AHEAD, MAX_PAYLOAD_BYTES, parse_time, payload_id

#: Actions that are a call for help whoever sends them.
CALLS = frozenset({"emergency", "sos", "panic", "alarm", "help"})
#: Actions that are one from a device enrolled as an emergency button.
PRESSES = frozenset({"single", "double", "triple", "quadruple", "hold", "long", "press", "on", "click"})
BUTTON = "emergency_button"

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
_TRUE, _FALSE = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0", ""})
#: Read together with other fields, or said of the message itself.
_READ = frozenset({*_TRUE_IS, *_FALL_FIELDS, "action", "contact", "battery", "last_seen", "test"})


def decode(topic: str, payload: bytes, now: datetime, kind: str | None = None) -> Decoded:
    """One message below the base topic. `now` is when it was received, which is its time when it brings none."""
    name = topic.partition("/")[2]
    head, _, leaf = name.rpartition("/")
    if not payload:
        return Decoded(ignored="an empty message clears a retained topic")
    if name == "bridge/state":
        return _availability("bridge", payload)
    if name.startswith("bridge/"):
        return Decoded(ignored="the coordinator speaks of itself")
    if head and leaf == "availability":
        return _availability(head, payload)
    if head and leaf in ("set", "get"):
        return Decoded(ignored="an order to a device, not its word")
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Decoded(name, flaws=(Flaw(Reason.TOO_LARGE, None, f"{len(payload)} bytes"),))
    try:
        fields = from_json(payload)
    except ValueError as error:
        return Decoded(name, flaws=(Flaw(Reason.NOT_JSON, None, f"not JSON: {error}"),))
    if not isinstance(fields, dict):
        return Decoded(name, flaws=(Flaw(Reason.WRONG_SHAPE, None, "a device's state is an object"),))
    return _state(name, fields, payload_id(topic.encode() + b"\0" + payload), now, kind)


def _state(name: str, fields: dict[str, Any], message_id: str, now: datetime, kind: str | None) -> Decoded:
    flaws: list[Flaw] = []
    seen, words = _time(fields.get("last_seen"), now, flaws)
    events = tuple(
        Event(
            # One message may say several things: smoke, and a low battery.
            event_id=f"{message_id[:24]}-{event_type}",
            type=event_type,
            ts_key=seen.isoformat(timespec="microseconds") if seen else "none",
            occurred_at=seen or now,
            received_at=now,
            device_ts=words,
            clock_suspect=words is not None,
            detail=detail or None,
        )
        for event_type, detail in _events(fields, kind, flaws)
    )
    battery = _battery(fields.get("battery"), flaws)
    readings: tuple[Reading, ...] = ()
    if battery is not None:
        values = tuple(battery if measured == "battery" else None for measured in MEASURED)
        readings = (Reading(seen or now, 0, values),)
    unread = tuple(sorted(field for field, value in fields.items() if field not in _READ and value is not None))
    return Decoded(name, readings, events, None, tuple(flaws), unread)


def _events(fields: dict[str, Any], kind: str | None, flaws: list[Flaw]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(type, detail) of each event, each type once."""
    told: dict[str, dict[str, Any]] = {}
    if _is_call(fields.get("action"), kind, flaws):
        told["sos"] = {"action": fields["action"]}
    for field in _FALL_FIELDS:
        if _is_fall(field, fields.get(field), flaws):
            told["fall"] = {field: fields[field]}
    testing = _truth("test", fields.get("test"), flaws) is True
    for field, event_type in _TRUE_IS.items():
        if _truth(field, fields.get(field), flaws):
            tried = testing and event_type in ("smoke", "gas")
            told.setdefault("test" if tried else event_type, {})[field] = True
    contact = _truth("contact", fields.get("contact"), flaws)
    if contact is not None:
        told["door_closed" if contact else "door_open"] = {}
    yield from told.items()


def _is_call(action: Any, kind: str | None, flaws: list[Flaw]) -> bool:
    """Whether a button's word is a call for help."""
    if action is None or (isinstance(action, str) and not action.strip()):
        return False  # what follows a press when it is over
    if not isinstance(action, str):
        flaws.append(Flaw(Reason.WRONG_TYPE, "action", f"an action is a word, not {action!r}"))
        return kind == BUTTON
    word = action.strip().lower()
    if word in CALLS:
        return True
    if kind != BUTTON:
        told = f"action {action!r} is a call only from what is enrolled as {BUTTON}"
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, "action", told))
        return False
    if word.partition("_")[0] not in PRESSES:
        # It exists to call for help, and it was touched.
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, "action", f"action {action!r} is not known: taken for a press"))
    return True


def _is_fall(field: str, status: Any, flaws: list[Flaw]) -> bool:
    if status is None:
        return False
    word = str(status).strip().lower()
    if word not in _FALLS | _NO_FALL:
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, field, f"{field} {status!r} is not known"))
    return word in _FALLS


def _truth(field: str, value: Any, flaws: list[Flaw]) -> bool | None:
    """True, False, or None for unknown: what cannot be read is told, and is not "all right"."""
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if isinstance(value, str | int) and word in _TRUE | _FALSE:
        return word in _TRUE
    flaws.append(Flaw(Reason.WRONG_TYPE, field, f"{field} must be true or false, not {value!r}"))
    return None


def _battery(value: Any, flaws: list[Flaw]) -> float | None:
    if value is None:
        return None
    try:
        percent = float(value)
    except (TypeError, ValueError):
        percent = -1.0
    if isinstance(value, bool) or not 0 <= percent <= 100:
        flaws.append(Flaw(Reason.OUT_OF_RANGE, "battery", f"battery must be 0 to 100 %, not {value!r}"))
        return None
    return percent


def _time(value: Any, now: datetime, flaws: list[Flaw]) -> tuple[datetime | None, str | None]:
    """(the time, None), or (None, the device's words) when they cannot be believed; RFC 3339, or ms since 1970."""
    if value is None:
        return None, None
    at = None
    if isinstance(value, str):
        at = parse_time(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e14:
        at = datetime.fromtimestamp(value / 1000, UTC)
    if at is not None and EARLIEST <= at <= now + MAX_AHEAD:
        return at, None
    flaws.append(Flaw(Reason.CLOCK, "last_seen", f"last_seen {value!r} cannot be believed"))
    return None, str(value)[:64]


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
