"""What a device says, as JSON bytes in the contract's form (pure)."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from simulators.terms import CHINA

Reading: TypeAlias = dict[str, Any]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def timestamp(at: datetime) -> str:
    """RFC 3339 in China's time, to the millisecond."""
    return at.astimezone(CHINA).isoformat(timespec="milliseconds")


def reading(at: datetime, seq: int, measurements: Mapping[str, Any]) -> Reading:
    return {"ts": timestamp(at), "seq": seq, **measurements}


def readings(batch: Sequence[Reading]) -> bytes:
    """One reading goes alone, several as an array."""
    return encode(batch[0] if len(batch) == 1 else list(batch))


def event(event_id: str, event_type: str, at: datetime, seq: int, extra: Mapping[str, Any]) -> bytes:
    return encode({"event_id": event_id, "type": event_type, "ts": timestamp(at), "seq": seq, **extra})


def status(online: bool, at: datetime) -> bytes:
    return encode({"online": online, "at": timestamp(at)})


def ulid(at: datetime, rng: random.Random) -> str:
    """26 characters that sort by time: 48 bits of milliseconds, 80 bits from the given source."""
    number = (int(at.timestamp() * 1000) << 80) | rng.getrandbits(80)
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -5, -5))


@dataclass(frozen=True)
class Receipt:
    event_id: str
    stage: str
    at: str | None = None
    message: str | None = None
    reason: str | None = None


def parse_receipt(payload: bytes) -> Receipt:
    """Raises ValueError, saying what is wrong, if the bytes are not a receipt of the contract."""
    try:
        fields = json.loads(payload)
    except ValueError as error:
        raise ValueError(f"a receipt that is not JSON ({error}): {payload[:200]!r}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"a receipt that is not a JSON object: {payload[:200]!r}")
    for name in ("event_id", "stage"):
        if not isinstance(fields.get(name), str):
            raise ValueError(f"a receipt without a text {name!r}: {payload[:200]!r}")
    known = {name: value for name in ("at", "message", "reason") if isinstance(value := fields.get(name), str)}
    return Receipt(fields["event_id"], fields["stage"], **known)
