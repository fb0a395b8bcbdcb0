"""Shelly: buttons, smoke, flood, gas and door sensors of every generation, and BLU devices behind a gateway of its.

Topics and fields as the maker's documentation has them (shelly-api-docs.shelly.cloud). Generation 1:
`shellies/{id}/sensor/{what}`, `shellies/{id}/input_event/{n}`, `shellies/{id}/online`. Later ones: notifications on
`{id}/events/rpc`, whole states on `{id}/status/{component}`, `{id}/online`. What to know of them:

- `input_event` is told again with the same `event_cnt` every 30 s, and with `event: ""` at a start: neither is a press;
- a press is `btn_down`, then `btn_up`, then `single_push` or its like: the first and the last are a call of an
  emergency button (and fold into one alert), the release is not;
- `ts` counts from the start until the device has its time: then the time is the arrival;
- the device behind `bthomedevice:N` or `bthomesensor:N` is known as `{id}/bthomedevice:N`: which sensor a number is,
  only the settings of its gateway say, so what `true` means goes by the kind of device it is enrolled as;
- a detector that runs on batteries sleeps, and is offline then.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from gateway.decoders.buttons import BUTTON, is_call
from gateway.decoders.clocks import unix_time
from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, number, truth
from gateway.decoders.model import Flaw, Reason, Status
from gateway.decoders.native import read_object

_COMPONENT = re.compile(r"[a-z][a-z0-9_]*(?::\d+)?", re.ASCII)
_PRESSED = re.compile(r"(?:input|bthomedevice|bthomesensor|button):\d+", re.ASCII)
#: Generation 1's words and the later ones', in those of the rule on buttons; a release is none.
_WORDS = {"s": "single", "ss": "double", "sss": "triple", "l": "long", "sl": "double", "ls": "double",
          "btn_down": "press", "btn_up": ""}  # fmt: skip
_PUSHES = frozenset({*_WORDS, "single_push", "double_push", "triple_push", "long_push", "long_double_push",
                     "long_triple_push", "hold_press"})  # fmt: skip
#: A component whose `alarm` is true → the event it is.
_ALARM_IS = {"smoke": "smoke", "flood": "water_leak", "gas": "gas", "co": "gas"}
_TRUE_OF_KIND = {
    BUTTON: ("sos", None),
    "smoke_detector": ("smoke", None),
    "gas_detector": ("gas", None),
    "water_detector": ("water_leak", None),
    "door_sensor": ("door_open", "door_closed"),
}
_GAS = {"none": None, "mild": "gas", "heavy": "gas", "test": "test"}
#: Before 2001 it is no date but a count of seconds since the start.
_A_CLOCK = 1e9


def speaks(topic: str, payload: bytes) -> bool:
    levels = topic.split("/")
    if levels[0] == "shellies" or levels[-2:] == ["events", "rpc"]:
        return True
    if not payload.lstrip().startswith(b"{"):
        return levels[-1] == "online" and any(level.startswith("shelly") for level in levels[:-1])
    if len(levels) > 2 and levels[-2] == "status":
        return _COMPONENT.fullmatch(levels[-1]) is not None
    document = read_object(payload)
    return isinstance(document, dict) and "event" in document and _pressed(document.get("component"))


def decode(topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Sequence[Decoded]:
    """One message, which may speak of several devices. `now` is when it was received."""
    levels = topic.split("/")
    if not payload:
        return (Decoded(ignored="an empty message clears a retained topic"),)
    if levels[-1] == "online":
        return (_online("/".join(levels[:-1]).removeprefix("shellies/"), payload),)
    if levels[-2:] == ["events", "rpc"]:
        return tuple(_notified("/".join(levels[:-2]).removeprefix("shellies/"), payload, now, enrolled))
    if len(levels) > 2 and levels[-2] == "status" and _COMPONENT.fullmatch(levels[-1]):
        return (_state("/".join(levels[:-2]).removeprefix("shellies/"), levels[-1], payload, now, enrolled),)
    if levels[0] == "shellies" and len(levels) > 2:
        return (_first(levels[1], levels[2:], topic, payload, now, enrolled),)
    if levels[0] == "shellies":
        return (Decoded(ignored="announcements and orders, nobody's word"),)
    return tuple(_notified(topic, payload, now, enrolled))


# Generation 1 -----------------------------------------------------------------------------------------


def _first(name: str, what: list[str], topic: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Decoded:
    draft = Draft(name, message_id(topic, payload), now)
    word = payload.strip().decode("utf-8", "replace")
    match what:
        case ["input_event", _]:
            return _first_press(draft, payload, enrolled(name).kind)
        case ["sensor", "battery"]:
            draft.measure("battery", number(word))
        case ["sensor", "flood" | "smoke" as field]:
            if truth(field, word or None, draft.flaws):
                draft.happened("water_leak" if field == "flood" else "smoke", {field: True})
        case ["sensor", "state"]:
            if word in ("open", "close", "closed"):
                draft.happened("door_open" if word == "open" else "door_closed")
            else:
                draft.tell(Reason.UNKNOWN_TYPE, "state", f"state {word[:64]!r} is neither open nor close")
        case ["sensor", "gas"]:
            event_type = _GAS.get(word, "?")
            if event_type == "?":
                draft.tell(Reason.UNKNOWN_TYPE, "gas", f"gas {word[:64]!r} is not none, mild, heavy or test")
            elif event_type is not None:
                draft.happened(event_type, {"gas": word})
        case ["info"] | ["announce"] | ["command"] | [*_, "command"]:
            return Decoded(ignored="an order, or the device of itself: what it senses it says on topics of their own")
        case _:
            return draft.done(("/".join(what),))
    return draft.done()


def _first_press(draft: Draft, payload: bytes, kind: str | None) -> Decoded:
    fields = read_object(payload)
    if isinstance(fields, Flaw):
        draft.flaws.append(fields)
    elif is_call(_word(fields.get("event")), kind, draft.flaws, "event"):
        draft.happened("sos", fields, count=fields.get("event_cnt"))
    return draft.done()


# The later ones ---------------------------------------------------------------------------------------


def _notified(name: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Iterator[Decoded]:
    document = read_object(payload)
    if isinstance(document, Flaw):
        yield Decoded(name, flaws=(document,))
        return
    params = document.get("params")
    if isinstance(params, dict) and not isinstance(params.get("events"), list):
        yield from _statuses(name, payload, params, now, enrolled)
        return
    # A notification of events; or, as a script hands it on, one event, bare or in `info`.
    events = params["events"] if isinstance(params, dict) else [document.get("info") or document]
    if not events:
        yield Decoded(name, ignored="a notification of no events")
    for place, event in enumerate(events):
        told = message_id(name, payload, place)
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            component = event.get("component") or document.get("component")
            whose = _whose(name, component)
            draft = Draft(whose, told, now)
            _clock(draft, event.get("ts"))
            yield _happened(draft, event, component, enrolled(whose).kind)
        else:
            flaw = Flaw(Reason.WRONG_SHAPE, "event", "an event has the name of what happened")
            yield Decoded(name, flaws=(flaw,))


def _happened(draft: Draft, event: dict[str, Any], component: object, kind: str | None) -> Decoded:
    word = event["event"]
    if word.strip().lower() not in _PUSHES and not _pressed(component):
        return draft.done((f"{component or 'event'}: {word[:64]}",))
    if is_call(_word(word), kind, draft.flaws, "event"):
        draft.happened("sos", {field: event[field] for field in ("component", "id", "idx", "event") if field in event})
    return draft.done()


def _statuses(
    name: str, payload: bytes, params: dict[str, Any], now: datetime, enrolled: Enrolled
) -> Iterator[Decoded]:
    """The components that changed, those behind a gateway each for itself."""
    by_name: dict[str, dict[str, Any]] = {name: {}}
    for component, state in params.items():
        if component != "ts":
            by_name.setdefault(_whose(name, component), {})[component] = state
    for whose, components in by_name.items():
        if not components and len(by_name) > 1:
            continue
        draft = Draft(whose, message_id(whose, payload), now)
        _clock(draft, params.get("ts"))
        unread = [part for part, state in components.items() if not _sensed(draft, part, state, enrolled(whose).kind)]
        yield draft.done(sorted(unread) or (["params"] if not components else ()))


def _state(name: str, component: str, payload: bytes, now: datetime, enrolled: Enrolled) -> Decoded:
    whose = _whose(name, component)
    draft = Draft(whose, message_id(f"{name}/{component}", payload), now)
    try:
        state = from_json(payload)
    except ValueError as error:
        draft.tell(Reason.NOT_JSON, component, f"not JSON: {error}")
        return draft.done()
    return draft.done(() if _sensed(draft, component, state, enrolled(whose).kind) else (component,))


def _sensed(draft: Draft, component: str, state: Any, kind: str | None) -> bool:
    """Whether anything of a component's state was read."""
    what = component.partition(":")[0]
    if state is None:
        return False
    if not isinstance(state, dict):
        if what in (*_ALARM_IS, "devicepower", "input", "bthomesensor", "bthomedevice"):
            draft.tell(Reason.WRONG_SHAPE, component, f"{component} must be an object, not {str(state)[:64]!r}")
        return False
    if "alarm" in state:
        _alarmed(draft, component, state)
        return True
    match what, state:
        case "devicepower", {"battery": {"percent": percent}}:
            draft.measure("battery", percent, f"{component}.battery.percent")
        case "bthomedevice", {"battery": percent}:
            draft.measure("battery", percent, f"{component}.battery")
            draft.measure("rssi", state.get("rssi"), f"{component}.rssi")
        case "input", {"state": bool() as value} if kind == BUTTON:
            if value:
                draft.happened("sos", {component: True})
        case "bthomesensor", {"value": bool() as value} if kind in _TRUE_OF_KIND:
            event_type = _TRUE_OF_KIND[kind][0 if value else 1]
            if event_type is not None:
                draft.happened(event_type, {component: value})
        case _:
            return False
    return True


def _alarmed(draft: Draft, component: str, state: dict[str, Any]) -> None:
    """A detector: its alarm, and what it says is wrong with itself."""
    event_type = _ALARM_IS.get(component.partition(":")[0])
    if truth("alarm", state["alarm"], draft.flaws):
        if event_type is not None:
            draft.happened(event_type, {component: "alarm"})
        else:
            draft.tell(Reason.UNKNOWN_TYPE, component, f"{component} has an alarm of a kind that is not known")
    errors = state.get("errors")
    for error in errors if isinstance(errors, list) else ():
        draft.tell(Reason.WRONG_SHAPE, component, f"{component}: the sensor says {str(error)[:64]!r}")


def _whose(name: str, component: object) -> str:
    text = component if isinstance(component, str) else ""
    return f"{name}/{text}" if text.startswith(("bthomedevice:", "bthomesensor:")) else name


def _pressed(component: object) -> bool:
    return isinstance(component, str) and _PRESSED.fullmatch(component) is not None


def _word(event: object) -> object:
    return _WORDS.get(event.strip().lower(), event) if isinstance(event, str) else event


def _clock(draft: Draft, ts: object) -> None:
    if isinstance(ts, int | float) and not isinstance(ts, bool) and ts < _A_CLOCK:
        return
    if ts is not None:
        draft.at(unix_time(ts), ts, "ts")


def _online(name: str, payload: bytes) -> Decoded:
    word = payload.strip()
    if word in (b"true", b"false"):
        return Decoded(name, status=Status(word == b"true"))
    shown = word[:64].decode("utf-8", "replace")
    return Decoded(name, flaws=(Flaw(Reason.WRONG_TYPE, "online", f"online must be true or false, not {shown!r}"),))
