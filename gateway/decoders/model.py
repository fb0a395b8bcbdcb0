"""What every decoder gives, whatever the device family. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self


class Reason(StrEnum):
    """Why something is in quarantine."""

    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"  # not an object, a field missing
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    CLOCK = "clock"  # before 2020, or too far ahead
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_TOPIC = "unknown_topic"
    EMPTY = "empty"  # a reading without a measurement
    CONFLICT = "conflict"  # a repeat that differs from what is stored
    UNSTORABLE = "unstorable"  # the database refused it
    RATE_LIMITED = "rate_limited"  # more than one device has to say
    DECODER = "decoder"  # the decoder itself failed: ours to mend


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that could not be understood: what, where, and how to mend it."""

    reason: Reason
    field: str | None
    detail: str
    #: the part of the message it stands in, when that is not the whole message
    part: bytes | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """WGS 84 degrees; accuracy in metres."""

    lat: float
    lon: float
    accuracy: float | None = None


#: The measured columns of `readings`, in the order of `Reading.values`.
MEASURED = (
    "heart_rate",
    "spo2",
    "body_temperature",
    "respiratory_rate",
    "systolic",
    "diastolic",
    "steps",
    "worn",
    "in_bed",
    "battery",
    "rssi",
    "lat",
    "lon",
    "accuracy",
)


class Reading(NamedTuple):  # a tuple: made 30,000 times a second
    ts: datetime
    seq: int
    values: tuple[Any, ...]  # as MEASURED; None is unknown

    @classmethod
    def of(cls, ts: datetime, seq: int, measured: Mapping[str, Any], location: Location | None) -> Self:
        """From measurements by name."""
        lat, lon, accuracy = (location.lat, location.lon, location.accuracy) if location else (None, None, None)
        placed = {**measured, "lat": lat, "lon": lon, "accuracy": accuracy}
        return cls(ts, seq, tuple(placed.get(name) for name in MEASURED))


EMERGENCIES = frozenset({"sos", "fall", "smoke", "gas", "water_leak"})
#: What goes before all other events: a cancel must not come after its fall has turned red.
URGENT = EMERGENCIES | {"cancel"}
EVENT_TYPES = EMERGENCIES | {
    "cancel",
    "service_request",
    "door_open",
    "door_closed",
    "bed_out",
    "bed_in",
    "worn_off",
    "worn_on",
    "low_battery",
    "tamper",
    "medication_taken",
    "test",
}
#: The synthetic press of `anhu watch`, and the one account that may send it: no device's, and not of the contract.
PROBE = "probe"
PROBE_DEVICE = "anhu-probe"


@dataclass(frozen=True, slots=True)
class Event:
    event_id: str
    type: str
    #: the instant of `ts` in UTC, or its text when it cannot be read: tells a repeat from a new press
    ts_key: str
    occurred_at: datetime
    received_at: datetime
    #: the device's own words for the time, kept when they are not believed
    device_ts: str | None = None
    clock_suspect: bool = False
    seq: int | None = None
    cancels: str | None = None
    location: Location | None = None
    battery: float | None = None
    detail: dict[str, Any] | None = None
    flaws: tuple[Flaw, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that is not believed: the device is told, the bytes are kept."""

    event_id: str
    flaws: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True)
class Status:
    online: bool
