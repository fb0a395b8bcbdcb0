"""Statistics for supervisors: elders, devices, wearing, alerts, response and visits of an organisation, and of those
below it or of one tier. Counts alone: no name."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.statistics import Figures, together
from alerts.response_report import GROUPS, NO_JIT, WITHIN, beijing_midnight, response_report

Connection = AsyncConnection[Any]

_NOW = "SELECT clock_timestamp()"
_OF = "JOIN unnest(%(within)s::uuid[], %(places)s::int[]) AS g (id, place) ON g.id = {}.organization_id"
_ELDERS = f"""
SELECT g.place, coalesce(p.ability_level, 'unknown'), coalesce(p.living_situation, ''), count(*),
       count(*) FILTER (WHERE EXISTS (SELECT FROM devices d WHERE d.elder_id = p.id AND d.revoked_at IS NULL))
FROM elders p {_OF.format("p")} GROUP BY 1, 2, 3
"""
_CATEGORIES = f"""
SELECT g.place, one, count(*) FROM elders p {_OF.format("p")} CROSS JOIN unnest(p.care_categories) AS one GROUP BY 1, 2
"""
# What has no word of its own about being online is when it was heard within a day.
_DEVICES = f"""
SELECT g.place, d.kind, count(*), count(*) FILTER (WHERE coalesce(s.online, s.last_seen_at > now() - interval '1 day')
       AND NOT EXISTS (SELECT FROM device_conditions c WHERE c.device_key = d.key AND c.type = 'device.offline'
                       AND c.ended_at IS NULL))
FROM devices d {_OF.format("d")} LEFT JOIN device_states s ON s.device_key = d.key
WHERE d.revoked_at IS NULL GROUP BY 1, 2
"""
# Of the days that are rolled up: the share of readings that said worn, of wristbands that say it at all.
_WORN = f"""
SELECT g.place, coalesce(sum(r.worn_sum), 0)::float8, coalesce(sum(r.worn_count), 0)::float8
FROM devices d {_OF.format("d")} JOIN readings_1d r ON r.device_key = d.key
WHERE r.bucket >= %(since)s AND r.bucket < %(until)s AND r.worn_count > 0 GROUP BY 1
"""
_VISITS = f"""
SELECT g.place, v.result, count(*) FROM visits v {_OF.format("v")}
WHERE v.visited_at >= %(since)s AND v.visited_at < %(until)s GROUP BY 1, 2
"""
_VISITED = f"""
SELECT g.place, count(DISTINCT v.elder_id) FROM visits v {_OF.format("v")}
JOIN visit_dues d ON d.elder_id = v.elder_id
WHERE v.visited_at >= %(since)s AND v.visited_at < %(until)s AND v.result IN ('met', 'telephone') GROUP BY 1
"""
_DUE = f"""
SELECT g.place, count(*), count(*) FILTER (WHERE d.due_on < %(today)s) FROM visit_dues d {_OF.format("d")} GROUP BY 1
"""
_REQUESTS = f"""
SELECT g.place, count(*), count(*) FILTER (WHERE s.state = 'done') FROM service_requests s {_OF.format("s")}
WHERE s.requested_at >= %(since)s AND s.requested_at < %(until)s GROUP BY 1
"""


async def statistics(
    connection: Connection, organization_id: UUID, first: date, last: date, tier: str | None = None
) -> Mapping[str, Any] | None:
    """For days of Beijing, both included; None when there is no such organisation. Elders, devices and plans as they
    are now. Raises TooManyError."""
    response = await response_report(connection, organization_id, first, last, tier)
    if response is None:
        return None
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await connection.execute(NO_JIT)
        values: dict[str, Any] = {"organization_id": organization_id, "tier": tier}
        groups = await (await connection.execute(GROUPS, values)).fetchall()
        values |= {"groups": [row[0] for row in groups]}
        within = await (await connection.execute(WITHIN, values)).fetchall()
        values |= {
            "within": [row[0] for row in within],
            "places": [row[1] for row in within],
            "since": beijing_midnight(first),
            "until": beijing_midnight(last + timedelta(days=1)),
            "today": last,
        }
        figures = [Figures() for _ in groups]
        await _count(connection, values, figures)
        clock = await (await connection.execute(_NOW)).fetchone()
    assert clock is not None
    answered = {one["id"]: one for one in response["organizations"]}
    return {
        "organization": response["organization"],
        "first": first,
        "last": last,
        "made_at": clock[0],
        "total": together(figures).told(),
        "response": response["real"],
        "organizations": [
            {"id": id_, "name": name, "tier": tier_, **one.told(), "response": answered[id_]}
            for (id_, name, tier_), one in zip(groups, figures, strict=True)
            if id_ in answered
        ],
    }


async def _count(connection: Connection, values: Mapping[str, Any], figures: list[Figures]) -> None:
    async def rows(statement: str) -> list[tuple[Any, ...]]:
        return await (await connection.execute(statement, values)).fetchall()

    for place, level, living, count, equipped in await rows(_ELDERS):
        one = figures[place]
        one.elders += count
        one.equipped += equipped
        one.levels[level] += count
        if living:
            one.living[living] += count
    for place, category, count in await rows(_CATEGORIES):
        figures[place].categories[category] += count
    for place, kind, count, online in await rows(_DEVICES):
        figures[place].devices[kind] += count
        figures[place].online[kind] += online
    for place, worn, wearable in await rows(_WORN):
        figures[place].worn, figures[place].wearable = worn, wearable
    for place, result, count in await rows(_VISITS):
        figures[place].visits[result] += count
    for place, visited in await rows(_VISITED):
        figures[place].visited = visited
    for place, planned, overdue in await rows(_DUE):
        figures[place].planned, figures[place].overdue = planned, overdue
    for place, requests, done in await rows(_REQUESTS):
        figures[place].requests, figures[place].requests_done = requests, done
