"""An elder's readings as rules look at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.alert import Position
from alerts.domain.rules.model import Sample
from services.storage.fields import FIELDS

Connection = AsyncConnection[Any]

#: Where a device was longer ago than this says nothing of where its wearer is.
_PLACE_FOR = timedelta(minutes=30)

# What a device measured before it came to this elder is another person's.
_DEVICES = "SELECT key, device_id, kind, elder_since FROM devices WHERE elder_id = %s"
_SAMPLES = f"""
SELECT r.device_key, r.ts, r.received_at, {", ".join("r." + name for name in FIELDS)}
FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS w (first, last)
JOIN readings r ON r.device_key = ANY(%s) AND r.ts BETWEEN w.first AND w.last
"""
_PLACE = """
SELECT lat, lon, accuracy FROM readings
WHERE device_key = ANY(%s) AND ts BETWEEN %s AND %s AND lat IS NOT NULL ORDER BY ts DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Worn:
    """A device of an elder."""

    key: int
    device_id: str
    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Samples:
    all: list[Sample]
    #: when each came, by its device and time
    came_at: dict[tuple[str, datetime], datetime]


async def devices_of(connection: Connection, elder_id: UUID) -> list[Worn]:
    return [Worn(*row) for row in await (await connection.execute(_DEVICES, (elder_id,))).fetchall()]


async def samples_of(
    connection: Connection, devices: Sequence[Worn], stretches: Sequence[tuple[datetime, datetime]]
) -> Samples:
    """All that these devices measured on their elder in these stretches of time, in any order."""
    by_key = {device.key: device for device in devices}
    found = Samples([], {})
    if not by_key or not stretches:
        return found
    starts, ends = [start for start, _ in stretches], [end for _, end in stretches]
    # As text, psycopg's default: in four bytes 38.2 is 38.200001, and so beyond 38.2.
    cursor = await connection.execute(_SAMPLES, (starts, ends, list(by_key)))
    for key, ts, received_at, *values in await cursor.fetchall():
        device = by_key[key]
        if ts >= device.since:
            known = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
            found.all.append(Sample(ts, known, device.device_id))
            found.came_at[device.device_id, ts] = received_at
    return found


async def position_of(connection: Connection, devices: Sequence[Worn], at: datetime) -> Position | None:
    """Where one of them was last, shortly before or after."""
    keys = [device.key for device in devices if device.since <= at - _PLACE_FOR]
    row = await (await connection.execute(_PLACE, (keys, at - _PLACE_FOR, at + _PLACE_FOR))).fetchone()
    return Position(*row) if row else None
