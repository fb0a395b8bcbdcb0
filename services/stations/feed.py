"""The station feed in the database: what a screen is shown at first, and what it missed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from alerts.ledger import ALERT, alert_of
from alerts.presentation import alert_json, withhold
from services.storage.pool import Connection

#: A bound on memory, far above what a station sees in the 24 h that are kept: a screen that missed more starts anew.
MOST_MISSED = 50_000
#: How many changes are read at once.
MOST_AT_ONCE = 2000

_HEAD = "SELECT coalesce((SELECT seq FROM station_feed_heads WHERE organization_id = %s), 0)"
_OPEN = (
    ALERT
    + """
JOIN alert_routes r ON r.alert_id = a.id
WHERE r.organization_id = %s AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')
ORDER BY a.raised_at
"""
)
_ROW = """
f.organization_id, f.seq, f.alert,
(SELECT a.state NOT IN ('triggered', 'acknowledged', 'dispatched', 'arrived') FROM alerts a WHERE a.id = f.alert_id)
    AS withheld
"""
_MISSED = f"""
SELECT {_ROW} FROM station_feed f
WHERE f.organization_id = %s AND f.seq > %s AND f.seq <= %s AND f.at > clock_timestamp() - interval '24 hours'
ORDER BY f.seq LIMIT %s
"""
# Hundreds of organisations have screens, and one a change: the heads, a row each, say which. The rest is by index, a
# few rows each, whatever statistics say of a feed that grows all day.
_NEW = f"""
SELECT {_ROW}
FROM unnest(%s::uuid[], %s::bigint[]) AS have (organization_id, seq)
JOIN station_feed_heads h ON h.organization_id = have.organization_id AND h.seq > have.seq,
LATERAL (SELECT * FROM station_feed s WHERE s.organization_id = have.organization_id AND s.seq > have.seq
         ORDER BY s.seq LIMIT {MOST_AT_ONCE}) AS f
ORDER BY f.organization_id, f.seq LIMIT {MOST_AT_ONCE}
"""
# What a probe looks for is read as an alert is: by the same reader, at the same word.
_PROBES = "SELECT organization_id, probe FROM station_probes WHERE organization_id = ANY(%s)"
_REACHED = """
SELECT 1 FROM organizations WHERE id = %s AND path && %s::uuid[]
"""
_ROUTED = "SELECT 1 FROM alert_routes WHERE alert_id = %s AND organization_id = %s"


@dataclass(frozen=True, slots=True)
class Start:
    """How a session begins: see Session.admitted."""

    seq: int
    open_alerts: list[dict[str, Any]]
    missed: list[tuple[int, dict[str, Any]]] | None


async def heads(connection: Connection, organization_id: UUID) -> int:
    """The last `seq` of an organisation; 0 when nothing happened yet."""
    row = await (await connection.execute(_HEAD, (organization_id,))).fetchone()
    assert row is not None
    return int(row[0])


async def start(connection: Connection, organization_id: UUID, after: int) -> Start:
    """Resumes after `after` when everything since is still kept; else all that is unresolved."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        # One snapshot: the open alerts are exactly those of `seq`.
        await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        head = await heads(connection, organization_id)
        if 0 < after <= head and head - after <= MOST_MISSED:
            rows = await (await cursor.execute(_MISSED, (organization_id, after, head, MOST_MISSED))).fetchall()
            if len(rows) == head - after:
                return Start(after, [], [(row["seq"], _shown(row)) for row in rows])
        opened = await (await cursor.execute(_OPEN, (organization_id,))).fetchall()
        return Start(head, [alert_json(alert_of(row)) for row in opened], None)


async def news(connection: Connection, have: dict[UUID, int]) -> list[tuple[UUID, int, dict[str, Any]]]:
    """(organisation, seq, alert) of every change since the given seq of each organisation, in order."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NEW, (list(have), list(have.values())))
        return [(row["organization_id"], row["seq"], _shown(row)) for row in await cursor.fetchall()]


async def probes(connection: Connection, organizations: list[UUID]) -> list[tuple[UUID, str]]:
    """The last synthetic press of each of these organisations."""
    rows = await (await connection.execute(_PROBES, (organizations,))).fetchall()
    return [(organization_id, str(probe)) for organization_id, probe in rows]


async def reaches(connection: Connection, organizations: tuple[UUID, ...], organization_id: UUID) -> bool:
    return await (await connection.execute(_REACHED, (organization_id, list(organizations)))).fetchone() is not None


async def is_routed(connection: Connection, alert_id: UUID, organization_id: UUID) -> bool:
    return await (await connection.execute(_ROUTED, (alert_id, organization_id))).fetchone() is not None


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    # Frames from before there were rules have none, nor do older ones say whom nothing reached.
    alert = {"rule": None, "family_safe": False, "unreached": 0} | row["alert"]
    return withhold(alert) if row["withheld"] else alert
