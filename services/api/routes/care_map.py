"""关爱地图: elders, stations, responders, open alerts, and the 一刻钟 circle, as far as the caller reaches."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from psycopg.rows import dict_row

from alerts.domain.alert import Position
from alerts.domain.circle import CELL, Cell, coarser, within
from services.api.dependencies import Address, AppSettings, DatabaseConnection, SignedIn, id_of
from services.api.map_schemas import CareMap, HomePosition, MapSettings
from services.api.problems import ProblemError, responses
from services.api.rows import one_of
from services.api.tiles import Tiles
from services.registry import reach
from services.registry.looks import record_look, record_looks
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(tags=["map"])

#: So many points are smooth on an office computer; more are put together.
MOST_CELLS = 12_000
MOST_ALERTS = 2_000
#: Homes and stations are counted anew so often.
KEPT_SECONDS = 60.0
MOST_RESPONDERS = 5_000
#: A responder who said so longer ago is at home again.
SEEN_FOR = "12 hours"

_WITHIN = f"""
SELECT o.id FROM organizations o WHERE {reach.ORGANIZATION_O}
   AND (%(organization_id)s::uuid IS NULL OR %(organization_id)s = ANY(o.path)) ORDER BY o.id
"""
_CELLS = f"""
SELECT floor(p.lat / {CELL}) AS y, floor(p.lon / {CELL}) AS x, count(*) AS elders,
       count(*) FILTER (WHERE p.care_categories <> '{{}}') AS cared
FROM elders p WHERE p.organization_id = ANY(%(within)s) AND p.lat IS NOT NULL GROUP BY 1, 2
"""
_UNPLACED = "SELECT count(*) FROM elders p WHERE p.organization_id = ANY(%(within)s) AND p.lat IS NULL"
_STATIONS = """
SELECT o.id, o.name, o.tier, coalesce(o.lat, e.lat) AS lat, coalesce(o.lon, e.lon) AS lon, o.lat IS NOT NULL AS placed,
       coalesce(e.elders, 0) AS elders
FROM organizations o LEFT JOIN (
    SELECT p.organization_id, count(*) AS elders, avg(p.lat) AS lat, avg(p.lon) AS lon FROM elders p
    WHERE p.organization_id = ANY(%(within)s) GROUP BY 1) e ON e.organization_id = o.id
WHERE o.id = ANY(%(within)s) AND coalesce(o.lat, e.lat) IS NOT NULL ORDER BY o.id
"""
_RESPONDERS = f"""
SELECT c.id, c.name, w.kind, CASE WHEN n.fresh THEN w.seen_lat ELSE w.lat END AS lat,
       CASE WHEN n.fresh THEN w.seen_lon ELSE w.lon END AS lon, CASE WHEN n.fresh THEN w.seen_at END AS seen_at
FROM responders w JOIN accounts c ON c.id = w.account_id
CROSS JOIN LATERAL (SELECT coalesce(w.seen_at > now() - interval '{SEEN_FOR}', false) AS fresh) n
WHERE w.organization_id = ANY(%(within)s) AND w.ended_at IS NULL AND (w.lat IS NOT NULL OR n.fresh)
ORDER BY c.id LIMIT {MOST_RESPONDERS}
"""
_ALERTS = f"""
SELECT a.id, a.title, a.severity, a.state, a.drill, a.raised_at, a.elder_id, p.name AS elder_name,
       coalesce(a.lat, p.lat) AS lat, coalesce(a.lon, p.lon) AS lon, a.lat IS NULL AS at_home
FROM alerts a LEFT JOIN elders p ON p.id = a.elder_id
WHERE a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived') AND coalesce(a.lat, p.lat) IS NOT NULL
  AND (%(organization_id)s::uuid IS NULL OR a.organization_id = ANY(%(within)s)) AND {reach.ALERT_A}
ORDER BY array_position('{{red,orange,yellow,blue}}'::text[], a.severity), a.raised_at DESC LIMIT {MOST_ALERTS}
"""
_HOME = f"""
SELECT p.id, p.lat, p.lon, coalesce(o.lat, e.lat) AS near_lat, coalesce(o.lon, e.lon) AS near_lon
FROM elders p JOIN organizations o ON o.id = p.organization_id CROSS JOIN LATERAL (
    SELECT avg(n.lat) AS lat, avg(n.lon) AS lon FROM elders n WHERE n.organization_id = p.organization_id) e
WHERE {reach.ELDER_P}
"""


@router.get("/map/settings", responses=responses(401))
async def map_settings(_caller: SignedIn, settings: AppSettings, request: Request) -> MapSettings:
    """What is below the map, as the operator of this system has configured it."""
    tiles: Tiles = request.app.state.tiles
    return MapSettings(
        layers=list(tiles.layers),
        subdomains=list(tiles.subdomains),
        datum=tiles.datum,
        attribution=tiles.attribution,
        most_zoom=tiles.most_zoom,
        circle_metres=settings.circle_metres,
    )


@router.get("/map", responses=responses(401, 403, 404, 422))
async def care_map(
    connection: DatabaseConnection,
    caller: SignedIn,
    settings: AppSettings,
    address: Address,
    request: Request,
    organization_id: UUID | None = None,
) -> CareMap:
    """All of an organisation's, or of what is within reach. Homes are cells of a hundred metres without a name; where
    somebody is in need now it is exact, and that look is recorded. Homes and stations are those of the last minute."""
    asked = caller.parameters | {"organization_id": organization_id}
    async with connection.cursor(row_factory=dict_row) as cursor:
        asked["within"] = [row["id"] for row in await (await cursor.execute(_WITHIN, asked)).fetchall()]
        if organization_id is not None and not asked["within"]:
            raise ProblemError(404, "没有找到，或不在您的管辖范围内")
        # Of the same organisations a supervisor sees whom an alert brought to them, and their operator everybody.
        whose = (caller.role, tuple(asked["within"]))
        kept = _kept(request, whose)
        if kept is None:
            cells = await (await cursor.execute(_CELLS, asked)).fetchall()
            unplaced = await (await cursor.execute(_UNPLACED, asked)).fetchone()
            stations = await (await cursor.execute(_STATIONS, asked)).fetchall()
            assert unplaced is not None
            homes, cell, inside = await asyncio.to_thread(_count, cells, stations, settings.circle_metres)
            kept = Homes(time.monotonic(), homes, cell, inside, unplaced["count"], stations)
            request.app.state.map_homes[whose] = kept
        responders = await (await cursor.execute(_RESPONDERS, asked)).fetchall() if caller.may_move_alerts else []
        alerts = await (await cursor.execute(_ALERTS, asked)).fetchall()
    await _record(connection, caller, alerts, address)
    return CareMap.model_validate(
        {
            "cell": kept.cell,
            "elders": [[one.lat, one.lon, one.elders, one.cared] for one in kept.cells],
            "stations": kept.stations,
            "responders": responders,
            "alerts": [_alert(row) for row in alerts],
            "circle": {
                "placed": sum(one.elders for one in kept.cells),
                "within": kept.inside,
                "unplaced": kept.unplaced,
            },
        }
    )


@router.get("/elders/{elder_id}/position", responses=responses(401, 403, 404))
async def home_position(
    connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str
) -> HomePosition:
    """Where an elder's home is kept to be, for the administrator who mends it. The look is recorded."""
    row = await one_of(connection, caller, _HOME, "p.id", id_of(elder_id))
    if row["lat"] is not None:
        await record_look(connection, caller, "position", row["id"], alert_id=None, address=address)
    near = None if row["near_lat"] is None else {"lat": row["near_lat"], "lon": row["near_lon"]}
    here = None if row["lat"] is None else {"lat": row["lat"], "lon": row["lon"]}
    return HomePosition.model_validate({"position": here, "around": near})


@dataclass(frozen=True, slots=True)
class Homes:
    """What changes seldom, and takes a second to count for a large district."""

    at: float
    cells: list[Cell]
    cell: float
    inside: int
    unplaced: int
    stations: list[dict[str, Any]]


def _kept(request: Request, whose: tuple[str, tuple[UUID, ...]]) -> Homes | None:
    kept: dict[tuple[str, tuple[UUID, ...]], Homes] = request.app.state.map_homes
    for old in [key for key, one in kept.items() if time.monotonic() - one.at > KEPT_SECONDS]:
        kept.pop(old, None)
    return kept.get(whose)


def _count(rows: list[dict[str, Any]], stations: list[dict[str, Any]], metres: int) -> tuple[list[Cell], float, int]:
    cells = [
        Cell(round((row["y"] + 0.5) * CELL, 4), round((row["x"] + 0.5) * CELL, 4), row["elders"], row["cared"])
        for row in rows
    ]
    served = [one for one in stations if one["tier"] in ("community", "point", "street", "care_home")]
    inside = within(cells, [Position(one["lat"], one["lon"]) for one in served], metres)
    shown, cell = coarser(cells, MOST_CELLS)
    return shown, cell, inside


async def _record(connection: Connection, caller: Caller, alerts: list[dict[str, Any]], address: str) -> None:
    elders = sorted({row["elder_id"] for row in alerts if row["elder_id"] is not None})
    if elders:
        await record_looks(connection, caller, "map", elders, alert_id=None, address=address)


def _alert(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"elder": {"id": row["elder_id"], "name": row["elder_name"]} if row["elder_id"] else None}
