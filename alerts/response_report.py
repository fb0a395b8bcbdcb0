"""Reads the cases of a response report from the event log: alerts, their timeline, and where they were shown."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.response import BEIJING, Case, measure

Connection = AsyncConnection[Any]

#: Days of one report.
MOST_DAYS = 92
#: So many rows are made at once: the process that reports has live screens too, and they do not wait.
_AT_ONCE = 1000

#: So many alerts fit into one report: some ten times a week of a large district, some 100 MB while it is made.
MOST_CASES = 300_000

_NOW = "SELECT clock_timestamp()"
#: The report's own organisation comes first: what belongs to none of those below, which are those next below, or all
#: of a tier.
GROUPS = """
SELECT id, name, tier FROM organizations WHERE id = %(organization_id)s
UNION ALL (SELECT id, name, tier FROM organizations
           WHERE CASE WHEN %(tier)s::text IS NULL THEN parent_id = %(organization_id)s
                 ELSE tier = %(tier)s AND %(organization_id)s = ANY(path) AND id <> %(organization_id)s END
           ORDER BY name, id)
"""
#: Which of them each organisation within belongs to.
WITHIN = """
SELECT id, coalesce((SELECT max(array_position(%(groups)s::uuid[], one)) FROM unnest(path) AS one), 1) - 1
FROM organizations WHERE %(organization_id)s = ANY(path)
"""
# The first time that each thing was done; of a fall the last time that it became worse, which made it red.
_CASES = """
SELECT g.place, a.type, a.severity, a.drill, a.state, a.outcome, extract(epoch FROM a.raised_at)::float8,
       m.worsened, m.acknowledged, m.dispatched, m.arrived,
       EXISTS (SELECT FROM alert_routes r WHERE r.alert_id = a.id AND r.reason = 'escalated')
FROM alerts a JOIN unnest(%(within)s::uuid[], %(places)s::int[]) AS g (id, place) ON g.id = a.organization_id
LEFT JOIN LATERAL (
    SELECT max(extract(epoch FROM t.at)::float8) FILTER (WHERE t.kind = 'worsened') AS worsened,
           min(extract(epoch FROM t.at)::float8) FILTER (WHERE t.kind = 'acknowledged') AS acknowledged,
           min(extract(epoch FROM t.at)::float8) FILTER (WHERE t.kind = 'dispatched') AS dispatched,
           min(extract(epoch FROM t.at)::float8) FILTER (WHERE t.kind = 'arrived') AS arrived
    FROM alert_timeline t
    WHERE t.alert_id = a.id
      AND t.kind IN ('acknowledged', 'dispatched', 'arrived', 'resolved', 'worsened', 'cancelled')) m ON true
WHERE a.raised_at >= %(since)s AND a.raised_at < %(until)s LIMIT %(most)s
"""
# Compiling this would take longer than running it.
NO_JIT = "SET LOCAL jit = off"
_TITLES = """
SELECT type, coalesce(then_title, title) FROM alert_rules
UNION ALL SELECT 'rule.' || r.key, v.definition ->> 'title'
FROM rules r JOIN rule_versions v ON v.rule_id = r.id AND v.version = r.version
"""


class TooManyError(Exception):
    """More alerts than one report takes."""

    most = MOST_CASES


def beijing_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - BEIJING


def days_of(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


async def response_report(
    connection: Connection, organization_id: UUID, first: date, last: date, tier: str | None = None
) -> Mapping[str, Any] | None:
    """The figures of an organisation and all below it for days of Beijing, both included; None when there is no such
    organisation. `tier`: by organisations of it, and not by those next below. One moment for all of it. Raises
    TooManyError."""
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await connection.execute(NO_JIT)
        clock = await (await connection.execute(_NOW)).fetchone()
        assert clock is not None
        values: dict[str, Any] = {"organization_id": organization_id, "tier": tier}
        groups = await (await connection.execute(GROUPS, values)).fetchall()
        if not groups:
            return None
        values |= {
            "groups": [row[0] for row in groups],
            "since": beijing_midnight(first),
            "until": beijing_midnight(last + timedelta(days=1)),
        }
        within = await (await connection.execute(WITHIN, values)).fetchall()
        values |= {"within": [row[0] for row in within], "places": [row[1] for row in within], "most": MOST_CASES + 1}
        cases: list[Case] = []
        async with connection.cursor() as cursor:
            await cursor.execute(_CASES, values)
            while rows := await cursor.fetchmany(_AT_ONCE):
                cases += map(Case._make, rows)
                if len(cases) > MOST_CASES:
                    raise TooManyError
                await asyncio.sleep(0)
        titles = dict(await (await connection.execute(_TITLES)).fetchall())
    figures = await asyncio.to_thread(measure, cases, len(groups), days_of(first, last), clock[0])
    organizations = [
        {"id": id_, "name": name, "tier": tier, **section}
        for (id_, name, tier), section in zip(groups, figures["groups"], strict=True)
    ]
    return {
        "organization": {"id": groups[0][0], "name": groups[0][1]},
        "from": first,
        "to": last,
        "made_at": clock[0],
        "real": figures["real"],
        "drills": figures["drills"],
        "days": figures["days"],
        "types": [one | {"title": _title(titles.get(one["type"]), one["type"])} for one in figures["types"]],
        "organizations": organizations,
    }


def _title(title: str | None, type_: str) -> str:
    return (title or type_).removeprefix("紧急救援 · ")
