"""Coverage (周探访率, 月探访率): of the elders of a plan, how many somebody met or spoke with in a calendar period."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.visits import Every, Period, last_periods, rate
from alerts.response_report import NO_JIT, beijing_midnight

Connection = AsyncConnection[Any]

#: How many periods are told of each plan, the running one included.
SHOWN = {Every.WEEK: 8, Every.MONTH: 6, Every.QUARTER: 4}

_WITHIN = "SELECT id FROM organizations WHERE path && %s::uuid[]"
_PLANS = """
SELECT plan, every, count(*) AS elders, count(*) FILTER (WHERE due_on < %(today)s) AS overdue,
       count(*) FILTER (WHERE g.elder_id IS NULL) AS nobodys,
       coalesce((SELECT v.name FROM visit_plans v WHERE v.key = d.plan ORDER BY v.organization_id NULLS FIRST LIMIT 1),
                d.plan) AS name
FROM visit_dues d LEFT JOIN visit_assignments g ON g.elder_id = d.elder_id
WHERE d.organization_id = ANY(%(within)s) GROUP BY plan, every ORDER BY plan, every
"""
# Who has left the plan since is not known any more: of those who are in it now, from when they joined.
_PERIODS = """
WITH planned AS (
    SELECT elder_id, since FROM visit_dues
    WHERE organization_id = ANY(%(within)s) AND plan = %(plan)s AND every = %(every)s
), seen AS (
    SELECT n.number, v.elder_id, bool_or(v.result = 'met') AS met
    FROM visits v JOIN planned d ON d.elder_id = v.elder_id
    CROSS JOIN LATERAL (SELECT width_bucket(v.visited_at, %(starts)s::timestamptz[]) AS number) n
    WHERE v.result IN ('met', 'telephone') AND v.visited_at >= %(begin)s AND v.visited_at < %(end)s
      AND d.since <= (%(lasts)s::date[])[n.number]
    GROUP BY n.number, v.elder_id
), counted AS (
    SELECT number, count(*) FILTER (WHERE met) AS met, count(*) AS visited FROM seen GROUP BY number
)
SELECT q.number, (SELECT count(*) FROM planned d WHERE d.since <= q.last) AS expected,
       coalesce(c.met, 0) AS met, coalesce(c.visited, 0) AS visited
FROM unnest(%(lasts)s::date[]) WITH ORDINALITY AS q (last, number) LEFT JOIN counted c ON c.number = q.number
ORDER BY q.number
"""
# The day of the last visit that counts stands beside the plan: the running period needs no more.
_BELOW = """
SELECT g.id, g.name, g.tier, d.plan, d.every, count(*) AS expected,
       count(*) FILTER (WHERE d.visited_on >= CASE d.every WHEN 'week' THEN %(week)s::date
                              WHEN 'month' THEN %(month)s::date ELSE %(quarter)s::date END) AS visited,
       count(*) FILTER (WHERE d.due_on < %(today)s) AS overdue
FROM organizations g JOIN organizations o ON g.id = ANY(o.path) JOIN visit_dues d ON d.organization_id = o.id
WHERE g.id = ANY(%(groups)s) GROUP BY g.id, g.name, g.tier, d.plan, d.every ORDER BY g.name, g.id, d.plan
"""
_GROUPS = "SELECT id FROM organizations WHERE parent_id = ANY(%(of)s) OR id = ANY(%(of)s)"


async def coverage(connection: Connection, organizations: Sequence[UUID], today: date) -> dict[str, Any]:
    """Of these organisations and all below them: each plan's rates, and of each that is next below the running ones."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(NO_JIT)
        rows = await (await cursor.execute(_WITHIN, (list(organizations),))).fetchall()
        within = [row["id"] for row in rows]
        plans = await (await cursor.execute(_PLANS, {"within": within, "today": today})).fetchall()
        for plan in plans:
            every = Every(plan["every"])
            periods = last_periods(today, every, SHOWN[every])
            values = {"within": within, "plan": plan["plan"], "every": plan["every"]} | _asked(periods)
            counted = await (await cursor.execute(_PERIODS, values)).fetchall()
            plan["periods"] = [_told(period, row) for period, row in zip(periods, counted, strict=True)]
        groups = await (await cursor.execute(_GROUPS, {"of": list(organizations)})).fetchall()
        running = {every.value: last_periods(today, every, 1)[0].first for every in Every}
        asked = {"groups": [row["id"] for row in groups], "today": today} | running
        below = await (await cursor.execute(_BELOW, asked)).fetchall()
    return {
        "plans": plans,
        "organizations": [row | {"rate": rate(row["visited"], row["expected"])} for row in below],
    }


def _asked(periods: Sequence[Period]) -> dict[str, Any]:
    """Periods that follow one another, the oldest first."""
    lasts = [one.last for one in periods]
    starts = [beijing_midnight(one.first) for one in periods]
    return {
        "starts": starts,
        "lasts": lasts,
        "begin": starts[0],
        "end": beijing_midnight(lasts[-1] + timedelta(days=1)),
    }


def _told(period: Period, row: dict[str, Any]) -> dict[str, Any]:
    visited, expected = row["visited"], row["expected"]
    return {
        "first": period.first,
        "last": period.last,
        "expected": expected,
        "visited": visited,
        "by_telephone_alone": visited - row["met"],
        "rate": rate(visited, expected),
    }
