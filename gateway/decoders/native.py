"""Anhu's own payloads, version 1: bytes in, readings, events and flaws out. Pure; the time is an argument.

One way for all: pydantic validates the bytes. Where it finds fault, the faulty fields are taken out and told as
flaws, and what is left is validated again. A reading lives on without them; so does an emergency; any other event
is rejected.
"""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json
from typing_extensions import TypedDict

from gateway.decoders.datum import gcj02_to_wgs84
from gateway.decoders.model import (
    EMERGENCIES,
    EVENT_TYPES,
    MEASURED,
    PROBE,
    URGENT,
    Event,
    Flaw,
    Location,
    Reading,
    Reason,
    Rejection,
    Status,
)

#: Larger messages go to quarantine; an emergency among them still raises.
MAX_PAYLOAD_BYTES = 256 * 1024
MAX_ARRAY = 500
MOST_TOLD_ALONE = 20
EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(minutes=5)
#: Half of the equator, in metres: an accuracy beyond it says nothing, and one of 1e39 would be stored as infinite.
FARTHEST = 20_037_508.0

_STRICT = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)

# RFC 3339 with an offset; datetime.fromisoformat alone would take more.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

# An emergency in bytes that do not parse: cut off, wrongly encoded, wrapped in something else.
_BROKEN_TYPE, _URGENT_TYPE = (
    re.compile(rb'"type"[^"]{0,256}"\s*(' + "|".join(sorted(types)).encode() + rb')\s*"', re.IGNORECASE)
    for types in (EMERGENCIES, URGENT)
)
_BROKEN_ID = re.compile(rb'"event_id"\s*:\s*"([\x20\x21\x23-\x5b\x5d-\x7e]{1,64})"')
_BROKEN_TS = re.compile(rb'"ts"\s*:\s*"([\x20\x21\x23-\x5b\x5d-\x7e]{1,64})"')


class _Location(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    accuracy: NotRequired[Annotated[float | None, Field(ge=0)]]
    datum: NotRequired[Literal["wgs84", "gcj02"] | None]


_Seq = Annotated[int | None, Field(ge=0, le=2**63 - 1)]
_Percent = Annotated[float | None, Field(ge=0, le=100)]


class _Reading(TypedDict):
    """The contract's field table: units and physical ranges."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    ts: str
    seq: NotRequired[_Seq]
    heart_rate: NotRequired[Annotated[float | None, Field(ge=20, le=300)]]
    spo2: NotRequired[Annotated[float | None, Field(ge=30, le=100)]]
    body_temperature: NotRequired[Annotated[float | None, Field(ge=25, le=45)]]
    respiratory_rate: NotRequired[Annotated[float | None, Field(ge=2, le=80)]]
    systolic: NotRequired[Annotated[float | None, Field(ge=30, le=300)]]
    diastolic: NotRequired[Annotated[float | None, Field(ge=20, le=200)]]
    steps: NotRequired[Annotated[int | None, Field(ge=0, le=200_000)]]
    worn: NotRequired[bool | None]
    in_bed: NotRequired[bool | None]
    battery: NotRequired[_Percent]
    rssi: NotRequired[Annotated[float | None, Field(ge=-150, le=0)]]
    location: NotRequired[_Location | None]


_Words = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]


class _Event(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    event_id: NotRequired[_Words | None]
    type: NotRequired[str | None]
    ts: NotRequired[str | None]
    seq: NotRequired[_Seq]
    cancels: NotRequired[_Words | None]
    location: NotRequired[_Location | None]
    battery: NotRequired[_Percent]
    detail: NotRequired[dict[str, Any] | None]


#: As MEASURED, without the position.
_PLAIN = MEASURED[: MEASURED.index("lat")]

_READING = TypeAdapter(_Reading)
_READINGS = TypeAdapter(list[_Reading])
_EVENT = TypeAdapter(_Event)


def parse_time(text: str) -> datetime | None:
    """An RFC 3339 time with an offset as UTC, else None."""
    if not _TIME.fullmatch(text):
        return None
    try:
        instant = datetime.fromisoformat(text.upper() if text[-1] == "z" else text)
        return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_believable(instant: datetime, now: datetime) -> bool:
    """Whether a device's clock may be right: not before 2020, and at most 5 min ahead (contract)."""
    return EARLIEST <= instant <= now + MAX_AHEAD


def payload_id(payload: bytes) -> str:
    """The name of an event that brought none it can be known by: a hash of its bytes."""
    return hashlib.sha256(payload).hexdigest()[:32]


def names_emergency(payload: bytes) -> bool:
    """Whether the bytes look like an emergency or its cancel: a quick look, for the order of work alone."""
    return _URGENT_TYPE.search(payload) is not None


# Readings ---------------------------------------------------------------------------------------------


def decode_readings(payload: bytes, now: datetime) -> tuple[list[Reading], list[Flaw]]:
    """One reading or an array of them; each bad item, and in an item each bad field, is a flaw of its own."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return [], [_too_large(payload)]
    array = payload[:1] != b"{" and payload.lstrip()[:1] == b"["
    try:
        typed = _READINGS.validate_json(payload) if array else [_READING.validate_json(payload)]
    except ValidationError:
        return _salvage_readings(payload, now)
    if len(typed) > MAX_ARRAY:
        return _salvage_readings(payload, now)
    readings: list[Reading] = []
    flaws: list[Flaw] = []
    for item in typed:
        made = _reading(item, now)
        if isinstance(made, Reading):
            readings.append(made)
        else:
            flaws.append(_with_part(made, item) if array else made)
    return readings, flaws


def _salvage_readings(payload: bytes, now: datetime) -> tuple[list[Reading], list[Flaw]]:
    try:
        document = from_json(_without_bom(payload))
    except ValueError as error:
        return [], [Flaw(Reason.NOT_JSON, None, f"not JSON: {error}")]
    array = isinstance(document, list)
    items = document if array else [document]
    readings: list[Reading] = []
    flaws: list[Flaw] = []
    for item in items[:MAX_ARRAY]:
        found: list[Flaw] = []
        if not isinstance(item, dict):
            found.append(Flaw(Reason.WRONG_SHAPE, None, f"a reading is an object, not {_kind(item)}"))
        else:
            typed, found = _salvage(_READING, item)
            if typed is not None:
                made = _reading(typed, now)
                if isinstance(made, Reading):
                    readings.append(made)
                else:
                    found.append(made)
        flaws.extend(_with_part(flaw, item) if array else flaw for flaw in found)
    flaws += _beyond(items)
    return readings, flaws


def _beyond(items: list[Any]) -> list[Flaw]:
    """What is over an array's length: some items alone, the rest as one, so that nobody fills a disk with rows."""
    over = items[MAX_ARRAY:]
    told = f"an array may have {MAX_ARRAY} readings, this one has {len(items)}: send the rest apart"
    flaw = Flaw(Reason.TOO_LARGE, None, told)
    alone, rest = over[:MOST_TOLD_ALONE], over[MOST_TOLD_ALONE:]
    return [_with_part(flaw, item) for item in alone] + ([_with_part(flaw, rest)] if rest else [])


def _reading(item: Any, now: datetime) -> Reading | Flaw:
    ts = parse_time(item["ts"])
    if ts is None:
        return Flaw(Reason.WRONG_TYPE, "ts", f"ts must be RFC 3339 with an offset, not {_shown(item['ts'])}")
    if not is_believable(ts, now):
        return Flaw(Reason.CLOCK, "ts", f"ts {item['ts']} is before 2020 or over 5 min ahead: set the device's clock")
    located = item.get("location")
    if located:
        place = _location(located)
        assert place is not None
        values = (*map(item.get, _PLAIN), place.lat, place.lon, place.accuracy)
    else:
        values = (*map(item.get, _PLAIN), None, None, None)
    if values.count(None) == len(values):
        return Flaw(Reason.EMPTY, None, "a reading needs one measurement beside ts")
    return Reading(ts, item.get("seq") or 0, values)


def check_reading(name: str, value: object) -> tuple[Any, Flaw | None]:
    """One measurement of another family, by its name in MEASURED, held against the contract's type and range."""
    typed, flaws = _salvage(_READING, {"ts": "", name: value})
    return (typed or {}).get(name), flaws[0] if flaws else None


def check_location(given: dict[str, Any]) -> tuple[Location | None, Flaw | None]:
    """`{"lat", "lon", "accuracy"?, "datum"?}` of another family, held against the contract."""
    typed, flaws = _salvage(_READING, {"ts": "", "location": given})
    return _location((typed or {}).get("location")), flaws[0] if flaws else None


# Events -----------------------------------------------------------------------------------------------


def decode_event(payload: bytes, now: datetime) -> Event | Rejection:
    """An event, or why it is not one. An emergency always is one, with what could be read."""
    flaws: list[Flaw] = [_too_large(payload)] if len(payload) > MAX_PAYLOAD_BYTES else []
    try:
        document = from_json(_without_bom(payload))
    except ValueError as error:
        document = None
        flaws.append(Flaw(Reason.NOT_JSON, None, f"not JSON: {error}"))
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        return _broken(payload, document, flaws, now)

    kind = document["type"].strip().lower()
    if kind not in EVENT_TYPES and kind != PROBE:  # whose it may be, the event lane knows
        flaws.append(Flaw(Reason.UNKNOWN_TYPE, "type", f"type {_shown(document['type'])} is not in the contract"))
    given = {name: value for name, value in document.items() if value is not None}
    typed, found = _salvage(_EVENT, given)
    assert typed is not None  # no field of an event is required for its shape
    flaws += found
    faulty = {flaw.field for flaw in flaws}
    emergency = kind in EMERGENCIES
    event_id = typed.get("event_id")
    if event_id is None and "event_id" not in faulty:
        flaws.append(_missing("event_id", "the device's own name of the event, 1–64 characters"))
    ts = typed.get("ts")
    instant = parse_time(ts) if ts is not None else None
    if instant is None and "ts" not in faulty:
        flaws.append(
            _missing("ts", "RFC 3339 with an offset")
            if ts is None
            else Flaw(Reason.WRONG_TYPE, "ts", f"ts must be RFC 3339 with an offset, not {_shown(ts)}")
        )
    detail = typed.get("detail")
    if kind == "cancel" and typed.get("cancels") is None and "cancels" not in faulty:
        flaws.append(_missing("cancels", "the event_id of what is cancelled"))
    if kind == "service_request" and "detail" not in faulty:
        service = (detail or {}).get("service")
        if not isinstance(service, str) or not service.strip():
            flaws.append(_missing("detail.service", "the service that is asked for"))
    if flaws and not emergency:
        return Rejection(event_id or payload_id(payload), tuple(flaws))

    too_large = any(flaw.reason is Reason.TOO_LARGE for flaw in flaws)
    return _clocked(
        event_id=event_id or payload_id(payload),
        kind=kind,
        instant=instant,
        words=_words(document.get("ts")),
        now=now,
        seq=typed.get("seq"),
        cancels=typed.get("cancels"),
        location=_location(typed.get("location")),
        battery=typed.get("battery"),
        detail=None if detail is None or too_large else storable(detail),
        flaws=tuple(flaws),
    )


def _broken(payload: bytes, document: Any, flaws: list[Flaw], now: datetime) -> Event | Rejection:
    """No type can be read as it should: an emergency still raises when its bytes name it."""
    if isinstance(document, dict):
        flaws.append(_missing("type", "one of the contract's event types"))
    elif document is not None or not flaws:
        flaws.append(Flaw(Reason.WRONG_SHAPE, None, f"an event is an object, not {_kind(document)}"))
    name = _BROKEN_ID.search(payload)
    event_id = name[1].decode("ascii") if name else payload_id(payload)
    kind = _BROKEN_TYPE.search(payload)
    if kind is None:
        return Rejection(event_id, tuple(flaws))
    ts = _BROKEN_TS.search(payload)
    words = ts[1].decode("ascii") if ts else None
    return _clocked(
        event_id=event_id,
        kind=kind[1].decode("ascii").lower(),
        instant=parse_time(words) if words else None,
        words=words,
        now=now,
        flaws=tuple(flaws),
    )


def _clocked(*, kind: str, instant: datetime | None, words: str | None, now: datetime, **known: Any) -> Event:
    """The contract's rule on clocks: a past time is believed, an impossible one is kept as the device's words."""
    suspect = instant is None or not is_believable(instant, now)
    if instant is not None:
        ts_key = instant.isoformat(timespec="microseconds")
    else:
        ts_key = f"words {words}" if words else "none"
    return Event(
        type=kind,
        ts_key=ts_key,
        occurred_at=now if suspect or instant is None else instant,
        received_at=now,
        device_ts=words if suspect else None,
        clock_suspect=suspect,
        **known,
    )


# The rest ---------------------------------------------------------------------------------------------


def decode_status(payload: bytes) -> Status | Flaw:
    """`{"online": true or false, …}`; its `at` is not used: receivers go by arrival."""
    document = read_object(payload)
    if isinstance(document, Flaw):
        return document
    online = document.get("online")
    if not isinstance(online, bool):
        return Flaw(Reason.WRONG_TYPE, "online", f"online must be true or false, not {_shown(online)}")
    return Status(online)


def decode_result(payload: bytes) -> dict[str, Any] | Flaw:
    """The outcome of a command: an object, kept as it is."""
    document = read_object(payload)
    return document if isinstance(document, Flaw) else storable(document)


def storable(value: Any) -> Any:
    """The same JSON value without what PostgreSQL's jsonb cannot hold: NUL characters, NaN and infinities."""
    match value:
        case str():
            return value.replace("\x00", "�")
        case float():
            return value if isfinite(value) else None
        case dict():
            return {storable(name): storable(part) for name, part in value.items()}
        case list():
            return [storable(part) for part in value]
        case _:
            return value


def read_object(payload: bytes) -> dict[str, Any] | Flaw:
    """A JSON object within the limit of size, else why not."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return _too_large(payload)
    try:
        document = from_json(_without_bom(payload))
    except ValueError as error:
        return Flaw(Reason.NOT_JSON, None, f"not JSON: {error}")
    if not isinstance(document, dict):
        return Flaw(Reason.WRONG_SHAPE, None, f"an object is expected, not {_kind(document)}")
    return document


def _salvage(adapter: TypeAdapter[Any], item: dict[str, Any]) -> tuple[Any, list[Flaw]]:
    """What is left of an object without its faulty fields, and a flaw for each; None when a required one is gone."""
    flaws: list[Flaw] = []
    left = {name: value for name, value in item.items() if value is not None}
    while True:
        try:
            return adapter.validate_python(left), flaws
        except ValidationError as error:
            for found in error.errors(include_url=False, include_context=False):
                name = str(found["loc"][0])
                if name not in left:
                    if not any(flaw.field == name for flaw in flaws):
                        flaws.append(_missing(name, "required"))
                    return None, flaws
                if not any(flaw.field == name for flaw in flaws):
                    flaws.append(_flaw(name, found))
            for flaw in flaws:
                left.pop(flaw.field or "", None)


def _flaw(name: str, found: ErrorDetails) -> Flaw:
    match found["type"]:
        case "missing":
            reason = Reason.WRONG_SHAPE
        case (
            "greater_than_equal" | "less_than_equal" | "finite_number" | "string_pattern_mismatch" | "int_parsing_size"
        ):
            reason = Reason.OUT_OF_RANGE
        case _:
            reason = Reason.WRONG_TYPE
    where = ".".join(str(part) for part in found["loc"])
    return Flaw(reason, name, f"{where}: {found['msg']}, got {_shown(found['input'])}")


def _missing(name: str, what: str) -> Flaw:
    return Flaw(Reason.WRONG_SHAPE, name, f"{name} is missing: {what}")


def _too_large(payload: bytes) -> Flaw:
    return Flaw(
        Reason.TOO_LARGE, None, f"{len(payload)} bytes; a message may have {MAX_PAYLOAD_BYTES}: send less at once"
    )


def _location(given: Any) -> Location | None:
    if not given:
        return None
    lat, lon = given["lat"], given["lon"]
    if given.get("datum") == "gcj02":
        lat, lon = gcj02_to_wgs84(lat, lon)
    accuracy = given.get("accuracy")
    return Location(lat, lon, None if accuracy is None or accuracy > FARTHEST else accuracy)


def _with_part(flaw: Flaw, item: Any) -> Flaw:
    return Flaw(flaw.reason, flaw.field, flaw.detail, json.dumps(item, ensure_ascii=False).encode("utf-8", "replace"))


def _words(value: Any) -> str | None:
    """What a device wrote for the time, whatever it was, as text that the database can hold."""
    if value is None:
        return None
    return (value if isinstance(value, str) else json.dumps(value))[:200].replace("\x00", "�")


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _without_bom(payload: bytes) -> bytes:
    return payload.removeprefix(b"\xef\xbb\xbf")
