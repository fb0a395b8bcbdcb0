"""What the decoder of a device family is: topic and bytes in, what they say out. Pure."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.decoders.model import EMERGENCIES, EVENT_TYPES, Event, Flaw, Location, Reading, Reason, Status
from gateway.decoders.native import check_location, check_reading, is_believable, storable


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one message says of one device.

    A message of which nothing is wanted (a gateway's own log, a topic that was cleared) has `ignored` and nothing
    else; one that should have said something and did not has flaws. Silence is never "all right".
    """

    #: The name by which the hardware is known where it comes from; None when the message is nobody's.
    hardware_id: str | None = None
    readings: tuple[Reading, ...] = ()
    events: tuple[Event, ...] = ()
    status: Status | None = None
    flaws: tuple[Flaw, ...] = ()
    #: Fields that were read by nobody, because we have no place for them.
    unread: tuple[str, ...] = ()
    ignored: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the registry has of a device: the `kind` and `model` it is enrolled as; None where it is not."""

    kind: str | None = None
    model: str | None = None


#: By hardware id. Of what is not enrolled: `Enrolment()`.
Enrolled = Callable[[str], Enrolment]
#: (topic, payload, when it was received, what is enrolled) → what it says, of each device that it speaks of
Decoder = Callable[[str, bytes, datetime, Enrolled], Sequence[Decoded]]


@dataclass(frozen=True, slots=True)
class Family:
    """One family of devices, or one network or cloud that carries several."""

    decode: Decoder
    #: Whether a message may be of this family, by its topic and, where that is not enough, by its shape: for
    #: `anhu decode --source auto`. A gateway never guesses: there, a source names its family.
    speaks: Callable[[str, bytes], bool]


def nobody_enrolled(_hardware_id: str) -> Enrolment:
    return Enrolment()


class Draft:
    """What one device says in one message at one moment, while a decoder finds it.

    `message_id` names the message: the events of a device that gives them no names of their own are named by it, so
    that the same bytes are the same event. A message that tells of several moments has a draft for each, with a
    message id for each.
    """

    def __init__(self, hardware_id: str, message_id: str, now: datetime) -> None:
        self.hardware_id = hardware_id
        self._message_id = message_id
        self._now = now
        self._at: datetime | None = None
        self._words: str | None = None
        self._seq = 0
        self._measured: dict[str, Any] = {}
        self._location: Location | None = None
        self._told: dict[str, tuple[str, dict[str, Any], int | None]] = {}
        self.flaws: list[Flaw] = []
        self.status: Status | None = None

    def at(self, instant: datetime | None, words: object, field: str) -> None:
        """The device's time: `instant` is None where `words` cannot be read as one.

        A time that cannot be believed is told; events are then kept as of now with the device's words, and readings
        are not, as with native devices. Without this call everything is of now.
        """
        self._at = self._words = None
        if instant is not None and is_believable(instant, self._now):
            self._at = instant
            return
        self._words = str(words)[:64].replace("\x00", "�")
        self.tell(Reason.CLOCK, field, f"{field} {self._words!r} cannot be believed: set the device's clock")

    def seq(self, number: int) -> None:
        """Tells readings of the same moment apart."""
        self._seq = number

    def measure(self, name: str, value: object, field: str | None = None) -> None:
        """A measurement by its name in MEASURED; `field` is what the device calls it. None is unknown; a number may be
        text; what lies outside the contract's range is told and not stored."""
        field = field or name
        if value is None or value == "":
            return
        if name not in ("worn", "in_bed"):
            value = number(value)
            if name == "steps" and isinstance(value, float) and value.is_integer():
                value = int(value)
        checked, flaw = check_reading(name, value)
        if flaw is not None:
            self.flaws.append(Flaw(flaw.reason, field, f"{field}: {flaw.detail}"))
        else:
            self._measured[name] = checked

    def locate(self, lat: object, lon: object, accuracy: object = None, *, datum: str = "wgs84") -> None:
        """A position in degrees and metres. (0, 0) is what receivers say that have none: unknown."""
        given = {"lat": number(lat), "lon": number(lon), "accuracy": number(accuracy), "datum": datum}
        if lat is None or lon is None or (given["lat"], given["lon"]) == (0, 0):
            return
        location, flaw = check_location({name: value for name, value in given.items() if value is not None})
        if flaw is not None:
            self.flaws.append(flaw)
        else:
            self._location = location

    def happened(
        self,
        kind: str,
        detail: Mapping[str, Any] | None = None,
        *,
        event_id: str | None = None,
        count: object = None,
    ) -> None:
        """An event, each type once a message; `event_id` is the device's own name of it, where it has one. `count` is
        its own number of it, for a device that tells the same one again and again: see event_lane."""
        assert kind in EVENT_TYPES, kind
        seq = count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**63 else None
        self._told.setdefault(kind, (event_id or f"{self._message_id[:40]}-{kind}", dict(detail or {}), seq))

    def tell(self, reason: Reason, field: str | None, detail: str) -> None:
        """Something that was not understood: what, where, and how to mend it."""
        self.flaws.append(Flaw(reason, field, detail))

    def done(self, unread: Sequence[str] = ()) -> Decoded:
        readings: tuple[Reading, ...] = ()
        if (self._measured or self._location) and self._words is None:
            readings = (Reading.of(self._at or self._now, self._seq, self._measured, self._location),)
        events = tuple(self._event(kind, *told) for kind, told in self._told.items())
        return Decoded(self.hardware_id, readings, events, self.status, tuple(self.flaws), tuple(unread))

    def _event(self, kind: str, name: str, detail: dict[str, Any], seq: int | None) -> Event:
        return Event(
            event_id=name[:64],
            type=kind,
            # Without a clock, the same words are a repeat for a while only: see event_lane.
            ts_key=self._at.isoformat(timespec="microseconds") if self._at else "none",
            occurred_at=self._at or self._now,
            received_at=self._now,
            device_ts=self._words,
            clock_suspect=self._words is not None,
            seq=seq,
            location=self._location,
            battery=self._measured.get("battery"),
            detail=storable(detail) or None,
            flaws=tuple(self.flaws) if kind in EMERGENCIES else (),
        )


_TRUE, _FALSE = frozenset({"true", "on", "yes", "1"}), frozenset({"false", "off", "no", "0", ""})


def truth(field: str, value: object, flaws: list[Flaw]) -> bool | None:
    """True, False, or None for unknown, in any spelling: what cannot be read is told, and is not "all right"."""
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if isinstance(value, str | int) and word in _TRUE | _FALSE:
        return word in _TRUE
    flaws.append(Flaw(Reason.WRONG_TYPE, field, f"{field} must be true or false, not {str(value)[:80]!r}"))
    return None


def message_id(topic: str, payload: bytes, part: object = "") -> str:
    """The name of a message, or of a `part` of it: a hash of its topic and its bytes."""
    return hashlib.sha256(b"\0".join((topic.encode("utf-8", "replace"), payload, str(part).encode()))).hexdigest()[:32]


def object_of(value: object) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    return value if isinstance(value, Mapping) else {}


def number(value: object) -> object:
    """A number in text as a number; anything else as it is, for the check to judge."""
    if isinstance(value, str):
        try:
            read = float(value.strip().removesuffix("%"))
        except ValueError:
            return value
        return int(read) if read.is_integer() and abs(read) < 1e15 else read
    return value
