"""Where an elder was and what they did, as rules look at it: readings thinned out, and events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.rules.model import Sample
from alerts.samples import Samples, Worn

Connection = AsyncConnection[Any]

#: Events of an elder's hand or body, and what they say beside that. Emergencies are told as such.
SIGNS: Final[dict[str, dict[str, bool]]] = {
    "door_open": {},
    "door_closed": {},
    "bed_out": {"in_bed": False},
    "bed_in": {"in_bed": True},
    "worn_on": {},
    "worn_off": {},
    "medication_taken": {},
    "test": {},
    "service_request": {},
}

#: Events that say whether somebody is in bed.
BED_SIGNS: Final = [kind for kind, said in SIGNS.items() if "in_bed" in said]

_FIELDS = ("steps", "worn", "in_bed", "lat", "lon", "accuracy")
# A step count that stays the same says no more than that somebody watched: the first and the last of a quarter of an
# hour say it as well as all, and four weeks of them are some thousands and not forty thousand.
_READINGS = f"""
WITH r AS (
    SELECT r.device_key, r.ts, r.received_at, {", ".join("r." + name for name in _FIELDS)},
           cut.quarter, row_number() OVER in_time AS number,
           lag(r.steps) OVER in_time AS steps_before, lag(r.worn) OVER in_time AS worn_before,
           lag(r.in_bed) OVER in_time AS in_bed_before, lag(cut.quarter) OVER in_time AS quarter_before,
           lead(cut.quarter) OVER in_time AS quarter_after
    FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS w (first, last)
    JOIN readings r ON r.device_key = ANY(%s) AND r.ts BETWEEN w.first AND w.last
         AND (r.in_bed IS NOT NULL OR %s AND (r.steps IS NOT NULL OR r.worn IS NOT NULL) OR %s AND r.lat IS NOT NULL),
    LATERAL (SELECT floor(extract(epoch FROM r.ts) / 900)) AS cut (quarter)
    WINDOW in_time AS (PARTITION BY r.device_key ORDER BY r.ts, r.seq)
)
SELECT device_key, ts, received_at, {", ".join(_FIELDS)} FROM r
WHERE lat IS NOT NULL OR steps IS DISTINCT FROM steps_before OR worn IS DISTINCT FROM worn_before
   OR in_bed IS DISTINCT FROM in_bed_before OR quarter IS DISTINCT FROM quarter_before
   OR quarter IS DISTINCT FROM quarter_after
"""
_EVENTS = """
SELECT e.device_id, e.occurred_at, e.received_at, e.type
FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS w (first, last)
JOIN events e ON e.elder_id = %s AND e.occurred_at BETWEEN w.first AND w.last AND e.type = ANY(%s)
"""


async def living_samples(
    connection: Connection,
    elder_id: UUID,
    devices: Sequence[Worn],
    stretches: Sequence[tuple[datetime, datetime]],
    *,
    steps: bool = True,
    places: bool = True,
) -> Samples:
    """Of these stretches of time, in any order. An event is a sample with `sign`, and `in_bed` where it says so.
    Readings of steps, and of places, only where they matter."""
    found = Samples([], {})
    if not stretches:
        return found
    starts, ends = [start for start, _ in stretches], [end for _, end in stretches]
    by_key = {device.key: device for device in devices}
    cursor = await connection.execute(_READINGS, (starts, ends, list(by_key), steps, places))
    for key, ts, received_at, *values in await cursor.fetchall():
        device = by_key[key]
        if ts >= device.since:
            known = {name: value for name, value in zip(_FIELDS, values, strict=True) if value is not None}
            _take(found, Sample(ts, known, device.device_id), received_at)
    cursor = await connection.execute(_EVENTS, (starts, ends, elder_id, list(SIGNS)))
    for device_id, occurred_at, received_at, kind in await cursor.fetchall():
        _take(found, Sample(occurred_at, {"sign": True, **SIGNS[kind]}, device_id), received_at)
    return found


def _take(into: Samples, sample: Sample, came_at: datetime) -> None:
    into.all.append(sample)
    into.came_at[sample.device_id, sample.at] = came_at
