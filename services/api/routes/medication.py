"""Medicines (用药提醒): schedules of an elder, and what became of each dose."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.rows import dict_row

from alerts.domain.alert import Actor
from alerts.medication import Plan, end_plan, make_plan
from alerts.medication_round import say_taken
from services.api.care_schemas import Medicines, NewMedication
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import ProblemError, not_found, responses
from services.api.rows import one_of
from services.registry import reach
from services.registry.looks import record_look
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/elders/{elder_id}/medication", tags=["medication"])

_ELDER = f"SELECT p.id FROM elders p WHERE {reach.ELDER_P}"
_PLANS = """
SELECT m.*, jsonb_build_object('id', m.made_by, 'name', m.made_by_name) AS made_by FROM medication_plans m
WHERE m.elder_id = %s AND m.ended_at IS NULL
  AND coalesce(m.ends_on, 'infinity') >= (clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date
ORDER BY m.id
"""
_DOSES = """
SELECT * FROM medication_doses WHERE elder_id = %s AND due_at > clock_timestamp() - interval '7 days'
ORDER BY due_at DESC LIMIT 200
"""
_DOSE = "SELECT id FROM medication_doses WHERE id = %s AND elder_id = %s"


@router.get("", responses=responses(401, 403, 404))
async def medicines(connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str) -> Medicines:
    """For the station, and for a family that may see health. The look is recorded."""
    elder = await _elder(connection, caller, elder_id)
    await record_look(connection, caller, "medication", elder, alert_id=None, address=address)
    return await _medicines(connection, elder)


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
async def new_medication(
    connection: DatabaseConnection, caller: SignedIn, elder_id: str, new: NewMedication
) -> Medicines:
    """From the next of its times on."""
    elder = await _elder(connection, caller, elder_id, writes=True)
    if new.ends_on is not None and new.starts_on is not None and new.ends_on < new.starts_on:
        raise ProblemError(422, "结束日期不能早于开始日期")
    if any(not 2000 < day.year < 2200 for day in (new.starts_on, new.ends_on) if day is not None):
        raise ProblemError(422, "日期无效：请填写 2001 年以后的日期")
    plan = Plan(
        *(new.medicine, new.dose, new.times, new.weekdays),
        *(new.starts_on, new.ends_on, new.grace_minutes, new.note or None),
    )
    clock = await (await connection.execute("SELECT (now() AT TIME ZONE 'UTC' + interval '8 hours')::date")).fetchone()
    assert clock is not None
    if new.ends_on is not None and new.ends_on < clock[0]:
        raise ProblemError(422, "结束日期已经过去")
    await make_plan(connection, elder, plan, Actor(caller.account_id, caller.name))
    return await _medicines(connection, elder)


@router.delete("/{plan_id}", responses=responses(401, 403, 404))
async def ended_medication(connection: DatabaseConnection, caller: SignedIn, elder_id: str, plan_id: str) -> Medicines:
    """It is not reminded of any more; what was taken is kept."""
    elder = await _elder(connection, caller, elder_id, writes=True)
    if not await end_plan(connection, elder, id_of(plan_id), Actor(caller.account_id, caller.name)):
        raise not_found()
    return await _medicines(connection, elder)


@router.post("/doses/{dose_id}/taken", responses=responses(401, 403, 404))
async def taken(connection: DatabaseConnection, caller: SignedIn, elder_id: str, dose_id: str) -> Medicines:
    """Somebody has asked the elder, or was there; again it changes nothing."""
    elder = await _elder(connection, caller, elder_id, writes=True)
    row = await (await connection.execute(_DOSE, (id_of(dose_id), elder))).fetchone()
    if row is None:
        raise not_found()
    await say_taken(connection, row[0], caller.name)
    return await _medicines(connection, elder)


async def _elder(connection: Connection, caller: Caller, elder_id: str, *, writes: bool = False) -> UUID:
    row = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    elder: UUID = row["id"]
    if not caller.may_measure(elder):
        raise ProblemError(403, "老人没有同意家属查看健康信息")
    return elder


async def _medicines(connection: Connection, elder: UUID) -> Medicines:
    async with connection.cursor(row_factory=dict_row) as cursor:
        plans: list[dict[str, Any]] = await (await cursor.execute(_PLANS, (elder,))).fetchall()
        doses = await (await cursor.execute(_DOSES, (elder,))).fetchall()
    return Medicines.model_validate({"plans": plans, "doses": doses})
