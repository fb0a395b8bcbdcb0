"""The press ledger: every press of a period, reconciled from the event log. On request; and once a day for each of the
last days, since what came late may fill a gap."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts.domain.press_ledger import Counted, unaccounted, unexplained, walk
from alerts.domain.response import BEIJING
from alerts.response_report import NO_JIT, beijing_midnight

Connection = AsyncConnection[Any]

#: What a person presses, or what calls for one: the contract's emergencies.
PRESSES = ("sos", "fall", "smoke", "gas", "water_leak")
#: Kinds that call nobody: a number that they lost is no press.
NO_CALL = ("door_sensor", "bed_sensor")
#: So long on either side numbers are looked for: what comes late out of a memory, and chatty devices' numbers before.
AROUND = timedelta(days=7)
#: A press that has waited so long to be taken in is not merely on its way.
WAITS_SECONDS = 60
#: Days that are made anew each day.
DAYS_ANEW = 8
MOST_LISTED = 500

_WITHIN = """
SELECT coalesce(array_agg(id), '{}') AS within, coalesce(bool_or(parent_id IS NULL), false) AS of_root
FROM organizations WHERE %(organization_id)s = ANY(path)
"""
#: Of the whole system when there is no organisation; what belongs to none, of the root.
_OF = """
(%(organization_id)s::uuid IS NULL OR e.organization_id = ANY(%(within)s) OR e.organization_id IS NULL AND %(of_root)s)
"""
_PRESSES = f"""
SELECT e.id, e.device_id, e.type, e.received_at, e.repeats, ae.alert_id IS NOT NULL AS raised, a.drill,
       a.seen_at IS NOT NULL AS seen, a.state, q.last_error,
       q.event IS NOT NULL AND q.queued_at > clock_timestamp() - make_interval(secs => {WAITS_SECONDS}) AS waiting,
       EXISTS (SELECT FROM alert_timeline t WHERE t.alert_id = a.id
               AND t.kind IN ('acknowledged', 'dispatched', 'arrived', 'resolved') AND t.at >= e.received_at)
           AS answered
FROM events e
LEFT JOIN alert_events ae ON ae.event = e.id
LEFT JOIN alerts a ON a.id = ae.alert_id
LEFT JOIN event_queue q ON q.event = e.id
WHERE e.received_at >= %(since)s AND e.received_at < %(until)s AND e.type = ANY(%(presses)s) AND {_OF}
"""
_STAGES = f"""
SELECT count(*) AS stored, count(*) FILTER (WHERE raised) AS raised,
       count(*) FILTER (WHERE NOT raised AND waiting) AS waiting,
       count(*) FILTER (WHERE raised AND (seen OR answered)) AS seen,
       count(*) FILTER (WHERE raised AND answered) AS answered,
       count(*) FILTER (WHERE raised AND NOT answered AND state = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE raised AND NOT answered
                        AND state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')) AS open,
       count(*) FILTER (WHERE raised AND drill) AS drills, coalesce(sum(repeats), 0)::int AS repeats
FROM ({_PRESSES}) p
"""
_NOT_RAISED = f"""
SELECT id AS event, device_id, type, received_at, last_error AS error FROM ({_PRESSES}) p
WHERE NOT raised AND NOT waiting ORDER BY id LIMIT {MOST_LISTED}
"""
# Devices whose numbers do not simply go on, or that were not heard in the days before: those are walked one by one.
_TO_WALK = f"""
WITH counted AS (
    SELECT e.device_id, e.seq, e.received_at,
           lag(e.seq) OVER (PARTITION BY e.device_id ORDER BY e.occurred_at, e.seq) AS before
    FROM events e LEFT JOIN devices d ON d.device_id = e.device_id
    WHERE e.received_at >= %(since)s - %(around)s AND e.received_at < %(until)s + %(around)s AND e.seq IS NOT NULL
      AND coalesce(d.kind, '') <> ALL(%(no_call)s) AND {_OF})
SELECT device_id, bool_or(before IS NULL AND received_at >= %(since)s) AS looks_back,
       bool_or(coalesce(seq <> before + 1, received_at >= %(since)s)) AS walks
FROM counted GROUP BY device_id HAVING bool_or(received_at >= %(since)s AND received_at < %(until)s)
"""
_NUMBERS = """
SELECT device_id, seq, occurred_at, received_at FROM events
WHERE device_id = ANY(%(walked)s) AND seq IS NOT NULL
  AND received_at >= %(since)s - %(around)s AND received_at < %(until)s + %(around)s
UNION ALL
SELECT w.device_id, b.seq, b.occurred_at, b.received_at FROM unnest(%(back)s::text[]) AS w (device_id), LATERAL (
    SELECT e.seq, e.occurred_at, e.received_at FROM events e
    WHERE e.device_id = w.device_id AND e.seq IS NOT NULL AND e.received_at < %(since)s - %(around)s
    ORDER BY e.received_at DESC LIMIT 1) b
"""
_REFUSED = """
SELECT device_id, payload FROM quarantine
WHERE device_id = ANY(%(walked)s) AND received_at >= %(since)s - %(around)s AND received_at < %(until)s + %(around)s
"""
_KEEP = """
INSERT INTO press_ledger (day, unaccounted, figures, made_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (day) DO UPDATE SET unaccounted = excluded.unaccounted, figures = excluded.figures,
    made_at = excluded.made_at
"""
_KEPT = """
SELECT day, unaccounted, made_at, (figures ->> 'pressed')::int AS pressed, (figures ->> 'answered')::int AS answered,
       (figures ->> 'gaps')::int AS gaps, (figures ->> 'resets')::int AS resets
FROM press_ledger ORDER BY day DESC LIMIT 90
"""
_STALE = """
SELECT d::date FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') d
LEFT JOIN press_ledger l ON l.day = d::date WHERE l.day IS NULL OR l.made_at < %(today)s ORDER BY 1
"""


async def reconcile(
    connection: Connection, since: datetime, until: datetime, organization_id: UUID | None = None
) -> dict[str, Any]:
    """What was received from `since` to before `until`: of an organisation and all below it, or of the whole system."""
    values: dict[str, Any] = {
        "since": since,
        "until": until,
        "organization_id": organization_id,
        "presses": list(PRESSES),
        "no_call": list(NO_CALL),
        "around": AROUND,
    }
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await cursor.execute(NO_JIT)
        clock = await (await cursor.execute("SELECT clock_timestamp() AS now")).fetchone()
        values |= await (await cursor.execute(_WITHIN, values)).fetchone() or {}
        stages = await (await cursor.execute(_STAGES, values)).fetchone()
        assert stages is not None
        all_raised = stages["stored"] <= stages["raised"] + stages["waiting"]
        not_raised = [] if all_raised else await (await cursor.execute(_NOT_RAISED, values)).fetchall()
        devices = await (await cursor.execute(_TO_WALK, values)).fetchall()
        values["walked"] = [row["device_id"] for row in devices if row["walks"]]
        values["back"] = [row["device_id"] for row in devices if row["looks_back"]]
        numbers = await (await cursor.execute(_NUMBERS, values)).fetchall()
        refused = await (await cursor.execute(_REFUSED, values)).fetchall()
    assert clock is not None
    gaps, resets = _walked(numbers, _refused(refused), since, until)
    missing = sum(gap["last"] - gap["first"] + 1 - gap["explained"] for gap in gaps)
    keys = ("stored", "raised", "waiting", "answered", "cancelled", "open")
    return {
        "first": since,
        "last": until,
        "made_at": clock["now"],
        "unaccounted": unaccounted(missing=missing, **{key: stages[key] for key in keys}),
        "stages": {"pressed": stages["stored"] + missing, **stages},
        "counted_devices": len(devices),
        "missing": missing,
        "gaps": gaps[:MOST_LISTED],
        "resets": resets[:MOST_LISTED],
        "not_raised": not_raised,
    }


def _walked(
    numbers: list[dict[str, Any]], refused: Mapping[str, set[int]], since: datetime, until: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    of_device: dict[str, list[Counted]] = defaultdict(list)
    for row in numbers:
        of_device[row["device_id"]].append(Counted(row["seq"], row["occurred_at"], row["received_at"]))
    gaps: list[dict[str, Any]] = []
    resets: list[dict[str, Any]] = []
    for device_id, events in sorted(of_device.items()):
        found, begun_again = walk(events)
        for gap in found:
            if since <= gap.known_at < until:
                explained = gap.size - unexplained(gap, refused.get(device_id, ()))
                span = {"first": gap.first, "last": gap.last, "after": gap.after, "before": gap.before}
                gaps.append({"device_id": device_id, **span, "explained": explained})
        for one in begun_again:
            if since <= one.known_at < until:
                resets.append({"device_id": device_id, "at": one.known_at, "last": one.last, "first": one.first})
    return gaps, resets


def _refused(rows: list[dict[str, Any]]) -> dict[str, set[int]]:
    """Numbers of events that were refused with a reason, by device."""
    found: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        try:
            seq = json.loads(bytes(row["payload"])).get("seq")
        except (ValueError, AttributeError, RecursionError):
            continue
        if isinstance(seq, int) and not isinstance(seq, bool):
            found[row["device_id"]].add(seq)
    return found


async def days_kept(connection: Connection) -> list[dict[str, Any]]:
    """What was reconciled day by day, the latest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(_KEPT)).fetchall()


def keep_ledger(database_url: str) -> Callable[[psycopg.Connection[Any], datetime, Callable[[], bool]], int]:
    """A step of `anhu upkeep`: reconciles each of the last days once a day; how many were."""

    def step(connection: psycopg.Connection[Any], now: datetime, ended: Callable[[], bool]) -> int:
        today = (now.astimezone(UTC) + BEIJING).date()
        asked = {
            "first": today - timedelta(days=DAYS_ANEW),
            "last": today - timedelta(days=1),
            "today": beijing_midnight(today),
        }
        days: list[date] = [row[0] for row in connection.execute(_STALE, asked).fetchall()]
        return asyncio.run(_keep(database_url, days, ended)) if days else 0

    return step


async def _keep(database_url: str, days: list[date], ended: Callable[[], bool]) -> int:
    done = 0
    async with await AsyncConnection.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        for day in days:
            if ended():
                break
            made = await reconcile(connection, beijing_midnight(day), beijing_midnight(day + timedelta(days=1)))
            figures = made["stages"] | {"gaps": len(made["gaps"]), "resets": len(made["resets"])}
            await connection.execute(_KEEP, (day, made["unaccounted"], Jsonb(figures), made["made_at"]))
            done += 1
    return done
