"""Exchange with other systems: CAP 1.2 of red and orange alerts, and files for handing over."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import APIRouter, Query, Response
from psycopg.rows import dict_row

from alerts.domain.response import BEIJING
from services.api.cap import ATOM_TYPE, CAP_TYPE, cap_of, feed_of
from services.api.dependencies import (
    Address,
    AppSettings,
    DatabaseConnection,
    DataKeys,
    SignedIn,
    id_of,
)
from services.api.handover_csv import as_csv
from services.api.problems import ProblemError, responses
from services.api.routes.records import told
from services.api.routes.reports import FirstDay, LastDay, days_of
from services.api.rows import one_of
from services.registry import reach
from services.registry.changing import changes_by
from services.registry.looks import record_looks
from services.registry.names import Actor
from services.registry.reach import Caller
from services.registry.sealing import Keys
from services.registry.telephones import opened_or_raise
from services.storage.pool import Connection

router = APIRouter(prefix="/exchange", tags=["exchange"])

#: Alerts of one feed: what is open, and what was raised within a week.
MOST_ENTRIES = 200
#: Rows of one file; more are asked for by a shorter period, or an organisation below.
MOST_ROWS = 300_000
MOST_DAYS = 366

_ALERT = f"""
SELECT a.*, o.name AS station, o.division_code, o.phone,
       coalesce((SELECT max(t.at) FROM alert_timeline t WHERE t.alert_id = a.id), a.raised_at) AS changed_at
FROM alerts a JOIN organizations o ON o.id = a.organization_id
WHERE a.severity IN ('red', 'orange') AND {reach.ALERT_A}
"""
_FEED = f"""
{_ALERT} AND (a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')
              OR a.raised_at > clock_timestamp() - interval '7 days')
ORDER BY a.raised_at DESC LIMIT {MOST_ENTRIES}
"""
_WITHIN = f"""
SELECT o.id FROM organizations o WHERE {reach.ORGANIZATION_O}
   AND (%(organization_id)s::uuid IS NULL OR %(organization_id)s = ANY(o.path))
"""
_OF = "JOIN organizations o ON o.id = {0}.organization_id WHERE {0}.organization_id = ANY(%(within)s)"
_FIRST = "(SELECT min(t.at) FROM alert_timeline t WHERE t.alert_id = a.id AND t.kind = '{0}') AS {0}_at"
_ROWS = {
    "elders": f"""
        SELECT p.*, o.name AS organization, o.division_code, NULL AS identity FROM elders p {_OF.format("p")}
        ORDER BY p.id LIMIT %(most)s""",
    "visits": f"""
        SELECT v.*, o.name AS organization,
               (SELECT count(*) FROM visit_photos h WHERE h.visit_id = v.id) AS photos
        FROM visits v {_OF.format("v")} AND v.visited_at >= %(since)s AND v.visited_at < %(until)s
        ORDER BY v.visited_at, v.id LIMIT %(most)s""",
    "alerts": f"""
        SELECT a.*, o.name AS organization, o.division_code,
               {", ".join(_FIRST.format(kind) for kind in ("acknowledged", "dispatched", "arrived", "resolved"))}
        FROM alerts a {_OF.format("a")} AND a.raised_at >= %(since)s AND a.raised_at < %(until)s
        ORDER BY a.raised_at, a.id LIMIT %(most)s""",
}
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after)
VALUES ('export', %s, 'exported', %s, %s, %s, jsonb_build_object('rows', %s::int, 'identity', %s::boolean))
"""


def _is(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {"schema": {"type": "string"}}}, "description": kind}}


@router.get("/cap", response_class=Response, responses=_is(ATOM_TYPE) | responses(401, 403))
async def cap_feed(connection: DatabaseConnection, caller: SignedIn, settings: AppSettings) -> Response:
    """An Atom feed of the red and orange alerts within reach: open ones, and those of the last seven days."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_FEED, caller.parameters)).fetchall()
    feed = feed_of(rows, f"{settings.public_address}/api/v1/exchange/cap", datetime.now(UTC))
    return Response(feed, media_type=ATOM_TYPE)


@router.get("/cap/{alert_id}", response_class=Response, responses=_is(CAP_TYPE) | responses(401, 403, 404))
async def cap_alert(
    connection: DatabaseConnection, caller: SignedIn, settings: AppSettings, address: Address, alert_id: str
) -> Response:
    """One alert as CAP 1.2, as it stands now. Where it is is told while it is unresolved, and that look is recorded."""
    row = await one_of(connection, caller, _ALERT, "a.id", id_of(alert_id))
    if row["elder_id"] and row["lat"] is not None and row["state"] in _OPEN:
        await record_looks(connection, caller, "cap", [row["elder_id"]], alert_id=row["id"], address=address)
    sender = f"anhu@{urlsplit(settings.public_address).hostname or 'localhost'}"
    return Response(cap_of(row, sender, settings.public_address), media_type=CAP_TYPE)


_OPEN = frozenset({"triggered", "acknowledged", "dispatched", "arrived"})


@router.get("/csv/{kind}", response_class=Response, responses=_is("text/csv") | responses(401, 403, 404, 409, 422))
async def handover_csv(
    connection: DatabaseConnection,
    caller: SignedIn,
    keys: DataKeys,
    address: Address,
    kind: Literal["elders", "visits", "alerts"],
    organization_id: UUID | None = None,
    first: FirstDay = None,
    last: LastDay = None,
    identity: Annotated[
        bool, Query(description="elders: with identity numbers; that it was asked for is kept")
    ] = False,
) -> Response:
    """For handing over, by administrators; docs/exchange.md says what each field is. Elders as they are now; visits and
    alerts of days of Beijing. That it was done is kept among the changes."""
    begin, end = days_of(first, last, MOST_DAYS)
    values: dict[str, Any] = caller.parameters | {"organization_id": organization_id, "most": MOST_ROWS + 1}
    since = datetime(begin.year, begin.month, begin.day, tzinfo=UTC) - BEIJING
    until = datetime(end.year, end.month, end.day, 23, 59, 59, 999_999, tzinfo=UTC) - BEIJING
    async with connection.cursor(row_factory=dict_row) as cursor:
        values["within"] = [row["id"] for row in await (await cursor.execute(_WITHIN, values)).fetchall()]
        if not values["within"]:
            raise ProblemError(404, "没有找到，或不在您的管辖范围内")
        rows = await (await cursor.execute(_ROWS[kind], values | {"since": since, "until": until})).fetchall()
    if len(rows) > MOST_ROWS:
        raise ProblemError(422, f"超过 {MOST_ROWS} 行，请缩短日期范围，或选择下级机构")
    with told():
        content = await asyncio.to_thread(_written, kind, rows, keys, identity)
    await _keep(connection, caller, address, kind, len(rows), identity=identity)
    name = quote(f"交换_{kind}_{begin}_{end}.csv" if kind != "elders" else f"交换_{kind}_{end}.csv")
    headers = {"content-disposition": f"attachment; filename=\"{kind}.csv\"; filename*=UTF-8''{name}"}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _written(kind: str, rows: Sequence[dict[str, Any]], keys: Keys, identity: bool) -> bytes:
    for row in rows if kind == "elders" else ():
        row["phone"] = opened_or_raise(keys, row["phone"])
        if identity:
            row["identity"] = keys.open(row["identity_sealed"]) if row["identity_sealed"] else None
    return as_csv(kind, rows)


async def _keep(connection: Connection, caller: Caller, address: str, kind: str, rows: int, *, identity: bool) -> None:
    async with changes_by(connection, Actor(caller.name, address, caller)):
        await connection.execute(_TOLD, (kind, caller.account_id, caller.name, address, rows, identity))
