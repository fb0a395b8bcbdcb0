"""What a decoder read, as Anhu's own payloads, version 1: for bridges, which speak for devices that cannot. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.decoders.model import EMERGENCIES, MEASURED, Event, Location, Reading
from gateway.decoders.native import MAX_ARRAY, parse_time
from gateway.topics import DEVICE_ID

_REPLACED = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)
_PLACED = frozenset({"lat", "lon", "accuracy"})


def device_id(template: str, hardware_id: str) -> str:
    """The native id of a device from a template with `{id}`: what an id cannot have becomes `_`, and it is cut at 64.

    Raises ValueError for a template without `{id}`, by which all devices would be one.
    """
    if "{id}" not in template:
        raise ValueError(f"the template of a device id needs {{id}}, as in watch-{{id}}: {template!r} has none")
    made = _REPLACED.sub("_", template.replace("{id}", hardware_id))[:64]
    assert DEVICE_ID.fullmatch(made), made
    return made


def event_ts(event: Event) -> str | None:
    """The `ts` to send: the same for each repeat of an event that has a time of its own, so that it is one event.

    An emergency whose device told no time that can be read is sent with the device's words, or without any: the
    gateway keeps such a one as of its arrival, and tells a repeat from a new press by when the last one came. Any
    other event needs a time, and has that of its arrival.
    """
    words = event.device_ts
    if event.clock_suspect and words and (event.type in EMERGENCIES or parse_time(words)):
        return words
    if event.type in EMERGENCIES and (event.clock_suspect or event.ts_key == "none"):
        return None
    return event.occurred_at.isoformat()


def event_json(event: Event) -> bytes:
    """The payload of `up/events`. What was not understood of an emergency goes along in `detail.not_understood`."""
    detail = dict(event.detail or {})
    if event.flaws:
        detail["not_understood"] = [flaw.detail[:200] for flaw in event.flaws[:10]]
    return _json(
        {
            "event_id": event.event_id,
            "type": event.type,
            "ts": event_ts(event),
            "seq": event.seq,
            "cancels": event.cancels,
            "location": _location(event.location),
            "battery": event.battery,
            "detail": detail or None,
        }
    )


def readings_json(readings: Sequence[Reading]) -> Iterator[bytes]:
    """The payloads of `up/readings`, of at most 500 readings each."""
    for start in range(0, len(readings), MAX_ARRAY):
        part = [_reading(reading) for reading in readings[start : start + MAX_ARRAY]]
        yield _json(part[0] if len(part) == 1 else part)


def status_json(online: bool, at: datetime) -> bytes:
    """The payload of `up/status`, to be retained."""
    return _json({"online": online, "at": at.isoformat()})


def result_json(command: Mapping[str, Any], status: str, at: datetime, **found: Any) -> bytes:
    """The payload of `up/results`: what came of a command, with its `command_id` where it had one."""
    named = {name: command[name] for name in ("command_id", "command") if isinstance(command.get(name), str)}
    return _json(named | {"status": status, "at": at.isoformat()} | found)


def _reading(reading: Reading) -> dict[str, Any]:
    measured = dict(zip(MEASURED, reading.values, strict=True))
    made: dict[str, Any] = {"ts": reading.ts.isoformat(), "seq": reading.seq or None}
    made |= {name: value for name, value in measured.items() if name not in _PLACED}
    if measured["lat"] is not None and measured["lon"] is not None:
        made["location"] = _location(Location(measured["lat"], measured["lon"], measured["accuracy"]))
    return {name: value for name, value in made.items() if value is not None}


def _location(location: Location | None) -> dict[str, float] | None:
    if location is None:
        return None
    placed = {"lat": location.lat, "lon": location.lon, "accuracy": location.accuracy}
    return {name: value for name, value in placed.items() if value is not None}


def _json(document: Any) -> bytes:
    if isinstance(document, dict):
        document = {name: value for name, value in document.items() if value is not None}
    # Characters beyond ASCII are escaped: half a surrogate pair from a device would not be UTF-8.
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
