"""排班试算: loads an organisation's policy, rosters and people, and asks the domain who would be called."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.alert import Severity, State
from alerts.domain.policy import snapshot
from alerts.domain.rehearsal import Call, Town, rehearse
from alerts.escalate import caregivers_of, operators_of
from alerts.policies import Held, policy_for
from alerts.rosters import AHEAD, load_calendar, load_rosters

Connection = AsyncConnection[Any]

_NAMES = "SELECT id, name FROM accounts WHERE disabled_at IS NULL AND id = ANY(%s)"


async def rehearse_at(
    connection: Connection,
    path: Sequence[UUID],
    severity: Severity,
    state: State,
    at: datetime,
    elder_id: UUID | None = None,
) -> tuple[Held, list[Call]]:
    """Whose policy it is, and the calls. `path`: from the root to the organisation."""
    held, calendar = await policy_for(connection, path), await load_calendar(connection)
    rosters = await load_rosters(connection, path, at - timedelta(days=1), at + AHEAD)
    operators = await operators_of(connection, path[-1])
    caregivers = await caregivers_of(connection, elder_id) if elder_id else {}
    asked = {one for roster in rosters.values() for shift in roster.shifts for one in shift.people}
    asked |= {one for roster in rosters.values() for change in roster.changes for one in _people(change)}
    asked |= {
        one for plan in held.policy.plans for steps in plan.stages.values() for step in steps for one in step.people
    }
    names: dict[UUID, str] = dict(await (await connection.execute(_NAMES, (list(asked),))).fetchall())
    town = Town(path, rosters, calendar, list(operators), list(caregivers), names | operators | caregivers)
    return held, rehearse(snapshot(held.policy, calendar, at), town, severity, state, at)


def _people(change: Any) -> list[UUID]:
    return [one for one in (change.account_id, change.other_id) if one is not None]
