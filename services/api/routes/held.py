"""What was held back: the list, and what is held back now."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from psycopg.rows import dict_row

from services.api import paging
from services.api.cover_schemas import HeldPage
from services.api.dependencies import DatabaseConnection, SignedIn
from services.api.problems import responses
from services.registry import reach
from services.storage.pool import Connection

router = APIRouter(prefix="/held", tags=["covers"])

#: That are told one by one; all are counted.
MOST_COVERS = 100

_HELD = f"""
SELECT h.*, CASE WHEN p.id IS NOT NULL THEN jsonb_build_object('id', p.id, 'name', p.name) END AS elder
FROM held_alerts h LEFT JOIN elders p ON p.id = h.elder_id
WHERE {reach.HELD_H}
  AND (%(organization_id)s::uuid IS NULL OR h.organization_id = %(organization_id)s)
  AND (%(cover_id)s::uuid IS NULL OR h.cover_id = %(cover_id)s)
  AND (%(after_at)s::timestamptz IS NULL OR (h.last_at, h.id) < (%(after_at)s, %(after_id)s::uuid))
ORDER BY h.last_at DESC, h.id DESC LIMIT %(limit)s
"""
# Of an organisation: covers over itself or one above it, over its elders and its devices.
_NOW = f"""
SELECT c.id, c.kind, c.reason, c.made_by_name AS made_by, c.over_at AS until, held.alerts, held.times
FROM covers c,
     LATERAL (SELECT count(*) AS alerts, coalesce(sum(h.times), 0) AS times FROM held_alerts h
              WHERE h.cover_id = c.id AND h.alert_id IS NULL AND {reach.HELD_H}
                AND (%(organization_id)s::uuid IS NULL OR h.organization_id = %(organization_id)s)) held
WHERE c.starts_at <= clock_timestamp() AND c.over_at > clock_timestamp() AND {reach.COVER_C}
  AND (%(organization_id)s::uuid IS NULL OR held.alerts > 0
       OR c.organization_id IN (SELECT unnest(path) FROM organizations WHERE id = %(organization_id)s)
       OR c.elder_id IN (SELECT id FROM elders WHERE organization_id = %(organization_id)s)
       OR EXISTS (SELECT FROM devices d WHERE d.device_id = ANY(c.device_ids)
                                          AND d.organization_id = %(organization_id)s))
ORDER BY c.over_at DESC, c.id DESC
"""


@router.get("", responses=responses(401, 422))
async def held(
    connection: DatabaseConnection,
    caller: SignedIn,
    organization_id: Annotated[UUID | None, Query(description="on whose screens it would be")] = None,
    cover_id: Annotated[UUID | None, Query(description="held back by this cover")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> HeldPage:
    """The latest first. `now` counts what covers hold back now, whatever the page."""
    after = paging.decode(cursor, datetime.fromisoformat, UUID) or [None, None]
    asked = caller.parameters | {
        "organization_id": organization_id,
        "cover_id": cover_id,
        "after_at": after[0],
        "after_id": after[1],
        "limit": limit + 1,
    }
    now = await _rows(connection, _NOW, asked)
    items, following = paging.page(await _rows(connection, _HELD, asked), limit, "last_at", "id")
    told = {
        "alerts": sum(row["alerts"] for row in now),
        "times": sum(row["times"] for row in now),
        "until": max((row["until"] for row in now), default=None),
        "covers": now[:MOST_COVERS],
    }
    return HeldPage.model_validate({"now": told, "items": items, "next": following})


async def _rows(connection: Connection, statement: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, asked)).fetchall()
