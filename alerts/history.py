"""Stored readings as a trial of a rule asks for them: first what lies outside of limits, then what is around it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from alerts.domain.rules import news2
from alerts.domain.rules.model import Sample, Score, Subject
from alerts.domain.rules.preselecting import WIDTH, Chain, Span
from alerts.samples import Worn
from services.storage.fields import FIELDS

Connection = AsyncConnection[Any]

A_DAY = timedelta(days=1)

_QUIETLY = """
SET default_transaction_read_only = on; SET work_mem = '64MB'; SET max_parallel_workers_per_gather = {helpers}
"""
# Nothing is known of a list: the planner would go through a whole day for a few hours of a few people.
_BY_INDEX = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off"

# The points of each instant, by the bands of the chart. Without those of a device that is not worn.
_INSTANTS = """
SELECT span, min(ts), max(ts) FROM (
    SELECT c.span, r.ts, c.total, c.three_in_one, {caps}, {points}
    FROM unnest(%(spans)s::int[], %(keys)s::int[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[],
                %(scale_2)s::bool[], %(total)s::int[], %(three_in_one)s::bool[]{cap_lists})
         AS c (span, key, first, last, scale_2, total, three_in_one, {caps})
    JOIN readings r ON r.device_key = c.key AND r.ts BETWEEN c.first AND c.last
    WHERE r.ts BETWEEN %(first)s AND %(last)s AND r.worn IS DISTINCT FROM false
    GROUP BY c.span, r.ts, c.total, c.three_in_one, {caps}
) AS at
WHERE greatest({measured}) > 0 AND ({counted} >= total OR three_in_one AND greatest({each}) = 3)
GROUP BY span, date_bin(%(width)s, ts, '2000-01-01 00:00:00+00')
"""
_AROUND = """
SELECT c.span, r.device_key, r.ts, r.worn, {fields}
FROM unnest(%(spans)s::int[], %(keys)s::int[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[])
     AS c (span, key, first, last)
JOIN readings r ON r.device_key = c.key AND r.ts BETWEEN c.first AND c.last
WHERE r.ts BETWEEN %(first)s AND %(last)s AND ({measured})
"""


async def quietly(connection: Connection, server_processes: int = 1) -> None:
    """Reads only, and by no more of the server's processes than so many, whatever it would allow: the others are for
    presses."""
    await connection.execute(_QUIETLY.format(helpers=server_processes - 1))


async def by_index(connection: Connection) -> None:
    """What is asked from here on is about stretches of time of a few people."""
    await connection.execute(_BY_INDEX)


def days(begin: datetime, end: datetime) -> Iterator[Span]:
    """Days of UTC, as tables of readings have them; the first and the last may be shorter. `end` is inclusive."""
    first = begin.astimezone(UTC)
    while first <= end:
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0) + A_DAY
        yield first, min(midnight, end + timedelta.resolution)
        first = midnight


async def instants(connection: Connection, chains: Sequence[tuple[Sequence[Worn], Subject, Chain]]) -> list[list[Span]]:
    """For each chain of a score, in which the person had these devices, the first and the last instant of each bucket
    of time at which the points of what was measured, and else the caps, are enough."""
    asked, _ = _devices_in([(devices, (chain.first, chain.last)) for devices, _, chain in chains])
    found: list[list[Span]] = [[] for _ in chains]
    if not asked["keys"]:
        return found
    scores = [(subject, chain, chain.rule.condition) for _, subject, chain in chains]
    places = asked["spans"]
    asked |= {
        "scale_2": [scores[place][0].spo2_scale_2 for place in places],
        "total": [score.total for place in places if isinstance(score := scores[place][2], Score)],
        "three_in_one": [score.or_three_in_one for place in places if isinstance(score := scores[place][2], Score)],
        "width": WIDTH,
    }
    for field in news2.MEASURED:
        asked[f"cap_{field}"] = [scores[place][1].caps.get(field, 0) for place in places]
    both = [f"coalesce(p_{field}, cap_{field})" for field in news2.MEASURED]
    statement = _INSTANTS.format(
        caps=", ".join(f"cap_{field}" for field in news2.MEASURED),
        cap_lists="".join(f", %(cap_{field})s::int[]" for field in news2.MEASURED),
        points=", ".join(f"max({_points(field)}) AS p_{field}" for field in news2.MEASURED),
        measured=", ".join(f"p_{field}" for field in news2.MEASURED),
        counted=" + ".join(both),
        each=", ".join(both),
    )
    async with connection.cursor() as cursor:
        await cursor.execute(statement, asked)
        for place, first, last in await cursor.fetchall():
            found[place].append((first, last))
    return found


def _points(field: str) -> str:
    """At least as many as `news2.points_of` gives; NULL where it was not measured."""
    if field != "spo2":
        return _points_by(field, scale_2=False)
    return f"CASE WHEN c.scale_2 THEN {_points_by(field, scale_2=True)} ELSE {_points_by(field, scale_2=False)} END"


def _points_by(field: str, *, scale_2: bool) -> str:
    parts = []
    for most in range(3):
        low, high = news2.band(field, most, scale_2=scale_2)
        sides = [f"r.{field} < {low}"] if low is not None else []
        sides += [f"r.{field} > {high}"] if high is not None else []
        if sides:
            parts.append(f"({' OR '.join(sides)})::int")
    return f"({' + '.join(parts)})"


async def around(
    connection: Connection, spans: Sequence[tuple[Sequence[Worn], Span]], fields: Sequence[str]
) -> list[list[Sample]]:
    """For each of the spans what these devices measured in it, with those fields alone, in any order."""
    asked, names = _devices_in(spans)
    found: list[list[Sample]] = [[] for _ in spans]
    if not names or not fields:
        return found
    assert set(fields) <= set(FIELDS)
    statement = _AROUND.format(
        fields=", ".join(f"r.{field}" for field in fields),
        measured=" OR ".join(f"r.{field} IS NOT NULL" for field in fields),
    )
    # As text, psycopg's default, as everywhere where rules look: in four bytes 38.2 is 38.200001.
    async with connection.cursor() as cursor:
        await cursor.execute(statement, asked)
        for number, key, ts, worn, *values in await cursor.fetchall():
            known: dict[str, float | bool] = {
                field: value for field, value in zip(fields, values, strict=True) if value is not None
            }
            if worn is False:
                known["worn"] = False
            found[number].append(Sample(ts, known, names[key]))
    return found


def _devices_in(spans: Sequence[tuple[Sequence[Worn], Span]]) -> tuple[dict[str, Any], dict[int, str]]:
    """Lists for a statement, an entry for each device in each span; and the devices' names."""
    asked: dict[str, Any] = {"spans": [], "keys": [], "firsts": [], "lasts": []}
    names: dict[int, str] = {}
    for number, (devices, (first, last)) in enumerate(spans):
        for device in devices:
            asked["spans"].append(number)
            asked["keys"].append(device.key)
            asked["firsts"].append(max(first, device.since))
            asked["lasts"].append(last)
            names[device.key] = device.device_id
    if names:
        asked |= {"first": min(asked["firsts"]), "last": max(asked["lasts"])}
    return asked, names
