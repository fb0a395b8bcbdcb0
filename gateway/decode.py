"""`anhu decode`: shows an engineer what captured messages become, and why."""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.decoders.family import Decoded, Enrolment
from gateway.decoders.model import MEASURED, Event, Flaw, Reading, Reason
from gateway.decoders.native import parse_time
from gateway.decoders.registry import FAMILIES, recognise


def decode_lines(lines: Iterable[str], source: str = "auto") -> Iterator[str]:
    """A line of JSON for each line of JSON: `topic`, `payload` (an object, or text in `encoding` hex, base64 or text),
    and, where known, `received_at` and the `kind` and `model` of the device. Nothing in a line raises."""
    for line in lines:
        if line.strip():
            yield json.dumps(_decode_line(line, source), ensure_ascii=False)


def _decode_line(line: str, source: str) -> dict[str, Any]:
    try:
        captured = json.loads(line)
        topic = captured["topic"]
        payload = _bytes(captured["payload"], captured.get("encoding"))
        received = captured.get("received_at")
        kind, model = (given if isinstance(given := captured.get(name), str) else None for name in ("kind", "model"))
        if not isinstance(topic, str):
            raise TypeError("topic must be text")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        told = f'a line is {{"topic": …, "payload": …}}: {type(error).__name__} {error}'
        return _shown(None, Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, None, told),)))
    now = (parse_time(received) if isinstance(received, str) else None) or datetime.now(UTC)
    name = recognise(topic, payload) if source == "auto" else source
    if name is None:
        told = f"no family speaks on {topic!r}: name one with --source ({', '.join(FAMILIES)})"
        return _shown(None, Decoded(flaws=(Flaw(Reason.UNKNOWN_TOPIC, None, told),)))
    enrolment = Enrolment(kind, model)
    return _together(name, FAMILIES[name].decode(topic, payload, now, lambda _: enrolment))


def _bytes(payload: Any, encoding: str | None) -> bytes:
    """As it was on the wire, as near as the capture has it. Raises ValueError."""
    match encoding:
        case "hex":
            return bytes.fromhex(payload)
        case "base64":
            try:
                return base64.b64decode(payload, validate=True)
            except binascii.Error as error:
                raise ValueError(f"payload is not base64: {error}") from None
        case None | "text" | "ascii" | "json":
            # A capture writes a bare word of a device as text, and JSON as what it means.
            return payload.encode() if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False).encode()
        case _:
            raise ValueError(f"encoding {encoding!r}: want hex, base64 or text")


def _together(source: str, decoded: Sequence[Decoded]) -> dict[str, Any]:
    """One message: of one device as it is; of several, each part says whose it is."""
    shown = [_shown(source, one) for one in decoded]
    if len(shown) == 1:
        return shown[0]
    devices = list(dict.fromkeys(one["device"] for one in shown))
    together: dict[str, Any] = {"source": source, "device": devices[0] if len(devices) == 1 else None}
    for part in ("readings", "events", "not_understood"):
        own = [{"device": one["device"]} if len(devices) > 1 else {} for one in shown]
        together[part] = [more | item for one, more in zip(shown, own, strict=True) for item in one[part]]
    together |= {name: value for one in shown for name, value in one.items() if name not in together}
    if not shown:
        together["ignored"] = "it says nothing of any device"
    return together


def _shown(source: str | None, decoded: Decoded) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "source": source,
        "device": decoded.hardware_id,
        "readings": [_reading(reading) for reading in decoded.readings],
        "events": [_event(event) for event in decoded.events],
        "not_understood": [_flaw(flaw) for flaw in decoded.flaws],
    }
    if decoded.status is not None:
        shown["online"] = decoded.status.online
    if decoded.unread:
        shown["unread"] = list(decoded.unread)
    if decoded.ignored is not None:
        shown["ignored"] = decoded.ignored
    return shown


def _reading(reading: Reading) -> dict[str, Any]:
    values = zip(MEASURED, reading.values, strict=True)
    return {"ts": reading.ts.isoformat(), "seq": reading.seq} | {
        name: value for name, value in values if value is not None
    }


def _event(event: Event) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "event_id": event.event_id,
        "type": event.type,
        "occurred_at": event.occurred_at.isoformat(),
        "clock_suspect": event.clock_suspect,
    }
    if event.location is not None:
        shown["location"] = {"lat": event.location.lat, "lon": event.location.lon}
    for name in ("device_ts", "battery", "detail", "cancels", "seq"):
        if (value := getattr(event, name)) is not None:
            shown[name] = value
    return shown


def _flaw(flaw: Flaw) -> dict[str, Any]:
    return {"reason": flaw.reason.value, "field": flaw.field, "detail": flaw.detail}
