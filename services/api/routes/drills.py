"""Drills (演练): what there are, new ones, an early end, the report; and the buttons that are to be tested."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from psycopg.rows import dict_row

from alerts.button_tests import BUTTONS, COUNTS, LASTING, parameters
from alerts.call_off_drill import call_off_drill
from alerts.domain.alert import Actor
from alerts.domain.drills import Wanted, report
from alerts.drill_report import presses_of
from alerts.make_drill import make_drill
from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.drill_schemas import (
    ButtonTestPage,
    DrillDetail,
    DrillPage,
    DrillState,
    NewDrill,
)
from services.api.problems import ProblemError, responses
from services.api.rows import one_of, page_of
from services.registry import reach
from services.registry.reach import Caller
from services.registry.telephones import shown
from services.storage.pool import Connection

router = APIRouter(tags=["drills"])

MOST_PRESSES = 2000
_DRILL = f"""
SELECT d.*, coalesce(n.expected, 0) AS expected, coalesce(n.pressed, 0) AS pressed,
       coalesce(n.unresolved, 0) AS unresolved,
       CASE WHEN o.id IS NOT NULL THEN jsonb_build_object('id', o.id, 'name', o.name) END AS organization,
       jsonb_build_object('id', d.made_by, 'name', d.made_by_name) AS author,
       CASE WHEN d.over_by IS NOT NULL THEN jsonb_build_object('id', d.over_by, 'name', d.over_by_name) END AS ender
FROM drills d LEFT JOIN organizations o ON o.id = d.organization_id
LEFT JOIN LATERAL (
    SELECT count(*) AS expected, count(p.event) AS pressed,
           count(*) FILTER (WHERE a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')) AS unresolved
    FROM drill_presses p LEFT JOIN alert_events ae ON ae.event = p.event LEFT JOIN alerts a ON a.id = ae.alert_id
    WHERE p.drill_id = d.id) n ON true
WHERE {reach.DRILL_D}
"""


def _author(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.account_id, caller.name, address)


Author = Annotated[Actor, Depends(_author)]


@router.get("/drills", responses=responses(401, 422))
async def drills(
    connection: DatabaseConnection,
    caller: SignedIn,
    state: Annotated[list[DrillState] | None, Query(description="may repeat; all by default")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> DrillPage:
    """Those with a device within the caller's reach, the latest made first."""
    after = paging.decode(cursor, UUID)
    statement = f"{_DRILL} AND (%(states)s::text[] IS NULL OR d.state = ANY(%(states)s))"
    rows = await page_of(
        connection, caller, statement, "d.id", after and after[0], limit, newest=True, values={"states": state}
    )
    items, following = paging.page(rows, limit, "id")
    return DrillPage.model_validate({"items": [_drill(row) for row in items], "next": following})


@router.post("/drills", status_code=201, responses=responses(401, 403, 422))
async def new_drill(connection: DatabaseConnection, caller: SignedIn, actor: Author, new: NewDrill) -> DrillDetail:
    """The first press of each listed device in the drill's time raises an alert with `drill: true`, which sounds until
    a person acknowledges it. Every other press, also a second one of the same device, is real."""
    wanted = Wanted(
        new.name, new.starts_at, new.ends_at, new.note or None, new.organization_id, frozenset(new.device_ids)
    )
    await _only_within(connection, caller, wanted)
    made = await make_drill(connection, wanted, actor)
    if not isinstance(made, UUID):
        told = "；".join(flaw.what for flaw in made)
        flaws = [{"where": flaw.where, "what": flaw.what} for flaw in made]
        raise ProblemError(422, told, title="Not a drill", flaws=flaws)
    return await _one(connection, caller, made)


@router.get("/drills/{drill_id}", responses=responses(401, 404))
async def one_drill(connection: DatabaseConnection, caller: SignedIn, drill_id: str) -> DrillDetail:
    """With what became of each press, and the report: also while it runs."""
    return await _one(connection, caller, id_of(drill_id))


@router.post("/drills/{drill_id}/call_off", responses=responses(401, 403, 404, 409))
async def called_off(connection: DatabaseConnection, caller: SignedIn, actor: Author, drill_id: str) -> DrillDetail:
    """From now on every press is real. What was pressed stays a drill's."""
    row = await one_of(connection, caller, _DRILL, "d.id", id_of(drill_id))
    devices = await _listed(connection, row["id"])
    scope = Wanted(row["name"], None, row["ends_at"], None, row["organization_id"], frozenset(devices))
    await _only_within(connection, caller, scope)
    if not await call_off_drill(connection, row["id"], actor):
        raise ProblemError(409, "这次演练已经结束")
    return await _one(connection, caller, row["id"])


@router.get("/button-tests", responses=responses(401, 422))
async def button_tests(
    connection: DatabaseConnection,
    caller: SignedIn,
    keys: DataKeys,
    organization_id: Annotated[UUID | None, Query(description="its devices, and those below it")] = None,
    due: Annotated[bool, Query(description="only those whose time is over")] = True,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> ButtonTestPage:
    """Buttons, cords and room units that are to be tested weekly, the longest due first."""
    after = paging.decode(cursor, datetime.fromisoformat, str)
    values = caller.parameters | parameters(organization_id) | {"limit": limit + 1}
    within = f"FROM ({BUTTONS.format(reach=reach.DEVICE_D)}) b"
    where = " WHERE due_at <= clock_timestamp()" if due else " WHERE true"
    if after is not None:
        where += " AND (due_at, device_id) > (%(after_at)s, %(after_id)s)"
        values["after_at"], values["after_id"] = after
    async with connection.cursor(row_factory=dict_row) as cursor_:
        lasting = await (await cursor_.execute(LASTING)).fetchone()
        counts = await (await cursor_.execute(f"{COUNTS} {within}", values)).fetchone()
        statement = f"SELECT *, due_at <= clock_timestamp() AS overdue {within}{where}"
        await cursor_.execute(f"{statement} ORDER BY due_at, device_id LIMIT %(limit)s", values)
        items, following = paging.page(await cursor_.fetchall(), limit, "due_at", "device_id")
    told = {"items": [shown(keys, one, whole=False) for one in items], "next": following}
    return ButtonTestPage.model_validate((lasting or {}) | (counts or {}) | told)


async def _listed(connection: Connection, drill_id: UUID) -> list[str]:
    found = await connection.execute("SELECT device_id FROM drill_presses WHERE drill_id = %s", (drill_id,))
    return [row[0] for row in await found.fetchall()]


async def _one(connection: Connection, caller: Caller, drill_id: UUID) -> DrillDetail:
    drill = _drill(await one_of(connection, caller, _DRILL, "d.id", drill_id))
    presses = await presses_of(connection, drill_id)
    reached = await _reached(connection, caller, drill_id)
    shown = [
        asdict(press)
        | row
        | {
            "elder": {"id": row["elder_id"], "name": row["elder_name"]} if row["elder_id"] else None,
            "answer_seconds": (press.acknowledged_at - press.raised_at).total_seconds()
            if press.acknowledged_at and press.raised_at
            else None,
        }
        for press, row in presses
        if press.device_id in reached
    ]
    # Whoever reaches a part of a drill sees what became of that part.
    own = [press for press, _ in presses if press.device_id in reached]
    return DrillDetail.model_validate(drill | {"report": report(own), "presses": shown[:MOST_PRESSES]})


async def _reached(connection: Connection, caller: Caller, drill_id: UUID) -> set[str]:
    asked = caller.parameters | {"drill_id": drill_id}
    found = await connection.execute(
        f"SELECT p.device_id FROM drill_presses p WHERE p.drill_id = %(drill_id)s AND {reach.PRESS_P}", asked
    )
    return {row[0] for row in await found.fetchall()}


async def _only_within(connection: Connection, caller: Caller, wanted: Wanted) -> None:
    asked = {
        "elder_id": None,
        "organization_id": wanted.organization_id,
        "device_ids": sorted(wanted.device_ids) if wanted.organization_id is None else [],
    }
    row = await (await connection.execute(reach.MAY_COVER, caller.parameters | asked)).fetchone()
    if row is None or not row[0]:
        whom = "这个机构" if wanted.organization_id else "其中有的设备"
        raise ProblemError(403, f"{whom}不在您的管辖范围内")


def _drill(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"made_by": row["author"], "over_by": row["ender"]}
