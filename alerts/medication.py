"""Schedules of medicines: made and ended by people. What is due follows from them (medication_round.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor

Connection = AsyncConnection[Any]

_INSERT = """
INSERT INTO medication_plans (id, elder_id, medicine, dose, times, weekdays, starts_on, ends_on, grace_minutes, note,
                              made_by, made_by_name)
VALUES (%s, %s, %s, %s, %s, %s, coalesce(%s, (clock_timestamp() AT TIME ZONE 'UTC' + interval '8 hours')::date), %s,
        %s, %s, %s, %s)
"""
_END = """
UPDATE medication_plans SET ended_at = clock_timestamp(), ended_by_name = %s
WHERE id = %s AND elder_id = %s AND ended_at IS NULL
"""
# What is made ahead is made anew without it; what was reminded of for it alone is nobody's to take any more.
_FORGET = "DELETE FROM medication_doses WHERE elder_id = %s AND state = 'due' AND due_at > clock_timestamp()"
_CALL_OFF = """
UPDATE medication_doses SET state = 'ended', next_at = NULL
WHERE elder_id = %s AND state IN ('due', 'reminded') AND jsonb_array_length(items) = 1 AND items -> 0 ->> 'plan_id' = %s
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Times are Beijing's; Monday is 1; `starts_on` None: today."""

    medicine: str
    dose: str
    times: Sequence[time]
    weekdays: Sequence[int]
    starts_on: date | None
    ends_on: date | None
    grace_minutes: int
    note: str | None = None


async def make_plan(connection: Connection, elder_id: UUID, plan: Plan, who: Actor) -> UUID:
    """From the next of its times on."""
    plan_id: UUID = uuid7()
    await connection.execute(
        _INSERT,
        (
            *(plan_id, elder_id, plan.medicine, plan.dose, sorted(set(plan.times)), sorted(set(plan.weekdays))),
            *(plan.starts_on, plan.ends_on, plan.grace_minutes, plan.note, who.id, who.name),
        ),
    )
    return plan_id


async def end_plan(connection: Connection, elder_id: UUID, plan_id: UUID, who: Actor) -> bool:
    """False: there is no such plan, or it is over."""
    async with connection.transaction():
        if not (await connection.execute(_END, (who.name, plan_id, elder_id))).rowcount:
            return False
        await connection.execute(_FORGET, (elder_id,))
        await connection.execute(_CALL_OFF, (elder_id, str(plan_id)))
    return True
