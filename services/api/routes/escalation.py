"""Escalation policies: what holds for an organisation, who changed what, changes, and a rehearsal (排班试算)."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from psycopg.rows import dict_row

from alerts.domain.alert import Actor, Severity, State
from alerts.domain.calendar import in_beijing
from alerts.domain.duty import on_duty
from alerts.domain.policy import BUILT_IN, Policy
from alerts.domain.policy_definition import policy_json, policy_of
from alerts.domain.rehearsal import Call
from alerts.domain.rules.definition import DefinitionError
from alerts.policies import Outdated, change_policy, policy_for
from alerts.rehearse import rehearse_at
from alerts.rosters import AHEAD, load_calendar, load_rosters
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.duty_schemas import ChangedPolicy, Escalation, Moment, PolicyCheck, PolicyToCheck, Rehearsal
from services.api.problems import ProblemError, responses
from services.api.rows import one_of
from services.api.schemas import SeverityName, StateName
from services.registry import reach
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(tags=["escalation"])

ORGANIZATION = f"SELECT o.id, o.name, o.path FROM organizations o WHERE {reach.ORGANIZATION_O}"
_VERSIONS = """
SELECT v.version, v.definition, v.changed_at, v.reason,
       CASE WHEN v.changed_by IS NOT NULL
            THEN jsonb_build_object('id', v.changed_by, 'name', v.changed_by_name) END AS changed_by
FROM escalation_policies p JOIN escalation_policy_versions v ON v.policy_id = p.id
WHERE p.organization_id = %s ORDER BY v.version DESC
"""
_NAMES = "SELECT id, name FROM {} WHERE id = ANY(%s)"


async def organization_of(connection: Connection, caller: Caller, organization_id: str) -> dict[str, Any]:
    """An organisation within the caller's reach, with its path."""
    return await one_of(connection, caller, ORGANIZATION, "o.id", id_of(organization_id))


async def names_of(connection: Connection, table: str, ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    """`table` is `accounts` or `organizations`."""
    rows = await (await connection.execute(_NAMES.format(table), (list(ids),))).fetchall() if ids else []
    return {row[0]: {"id": row[0], "name": row[1]} for row in rows}


def _administrator(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.account_id, caller.name, address)


Administrator = Annotated[Actor, Depends(_administrator)]


@router.post("/escalation/check", responses=responses(401, 403, 422))
async def check_policy(_: Administrator, asked: PolicyToCheck) -> PolicyCheck:
    """What is wrong with a policy, before anybody stores it."""
    try:
        policy_of(asked.policy)
    except (DefinitionError, RecursionError) as error:
        return PolicyCheck.model_validate({"ok": False, "flaws": _flaws(error)})
    return PolicyCheck(ok=True, flaws=[])


@router.get("/organizations/{organization_id}/escalation", responses=responses(401, 403, 404))
async def escalation(connection: DatabaseConnection, caller: SignedIn, organization_id: str) -> Escalation:
    """The policy that holds for it, and the versions of its own."""
    return await _detail(connection, await organization_of(connection, caller, organization_id))


@router.put("/organizations/{organization_id}/escalation", responses=responses(401, 403, 404, 409, 422))
async def changed_policy(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Administrator,
    organization_id: str,
    changed: ChangedPolicy,
) -> Escalation:
    """A new version of its own policy, or none any more. It holds for alerts that are raised from now on; what is
    running goes on by what was copied at its raise. 409: somebody else has changed it since `version`."""
    row = await organization_of(connection, caller, organization_id)
    try:
        done = await change_policy(connection, row["id"], changed.version, changed.policy, actor, changed.reason)
    except (DefinitionError, RecursionError) as error:
        raise ProblemError(422, str(error), title="Not a policy", flaws=_flaws(error)) from None
    if isinstance(done, Outdated):
        words = f"升级预案已被别人修改，现在是第 {done.version} 版，请先查看再修改"
        raise ProblemError(409, words, title="Changed since", version=done.version)
    return await _detail(connection, row)


@router.get("/organizations/{organization_id}/escalation/rehearsal", responses=responses(401, 403, 404, 422))
async def rehearsal(
    connection: DatabaseConnection,
    caller: SignedIn,
    organization_id: str,
    at: Annotated[Moment | None, Query(description="when the alert is raised; now when absent")] = None,
    severity: SeverityName = "red",
    state: Annotated[StateName, Query(description="what it has come to: nobody does anything more")] = "triggered",
    elder_id: Annotated[UUID | None, Query(description="whose caregivers are told")] = None,
) -> Rehearsal:
    """排班试算: who would be called at a moment, and when."""
    row = await organization_of(connection, caller, organization_id)
    moment = at or datetime.now(UTC)
    if elder_id is not None:
        await one_of(connection, caller, f"SELECT p.id FROM elders p WHERE {reach.ELDER_P}", "p.id", elder_id)
    held, calls = await rehearse_at(connection, row["path"], Severity(severity), State(state), moment, elder_id)
    calendar = await load_calendar(connection)
    roster = (await load_rosters(connection, [row["id"]], moment, moment + AHEAD)).get(row["id"])
    day = calendar.day(in_beijing(moment).date())
    people = list(on_duty(roster, calendar, moment)) if roster else []
    names = await names_of(connection, "accounts", set(people))
    shown = [held.organization_id, *(one.organization_id for one in calls)]
    places = await names_of(connection, "organizations", {one for one in shown if one is not None})
    return Rehearsal.model_validate(
        {
            "at": moment,
            "day": day.kind.value,
            "day_name": day.name,
            "day_known": day.known,
            "holds_from": places.get(held.organization_id) if held.organization_id else None,
            "policy_name": held.policy.name,
            "on_duty": [names[one] for one in people if one in names],
            "has_roster": bool(roster),
            "calls": [_call(one, moment, places) for one in calls],
        }
    )


def _call(call: Call, at: datetime, places: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    return {
        "after_seconds": round(call.after.total_seconds()),
        "at": at + call.after,
        "stage": call.stage,
        "who": [one.value for one in call.who],
        "organization": places.get(call.organization_id) if call.organization_id else None,
        "people": call.people,
        "attention": call.attention,
        "nobody_on_duty": call.nobody_on_duty,
    }


async def _detail(connection: Connection, row: dict[str, Any]) -> Escalation:
    held = await policy_for(connection, row["path"])
    async with connection.cursor(row_factory=dict_row) as cursor:
        versions = await (await cursor.execute(_VERSIONS, (row["id"],))).fetchall()
    above = row["path"][-2] if len(row["path"]) > 1 else None
    places = await names_of(connection, "organizations", {one for one in (held.organization_id, above) if one})
    people = await names_of(connection, "accounts", _named(held.policy))
    return Escalation.model_validate(
        {
            "organization": {"id": row["id"], "name": row["name"]},
            "above": places.get(above) if above else None,
            "holds_from": places.get(held.organization_id) if held.organization_id else None,
            "definition": policy_json(held.policy),
            "built_in": policy_json(BUILT_IN),
            "own_version": versions[0]["version"] if versions else 0,
            "versions": versions,
            "people": list(people.values()),
        }
    )


def _named(policy: Policy) -> set[UUID]:
    steps = [step for plan in policy.plans for steps in plan.stages.values() for step in steps]
    return {one for step in steps for one in step.people}


def _flaws(error: Exception) -> list[dict[str, str]]:
    if isinstance(error, DefinitionError):
        return [{"where": flaw.where, "what": flaw.what} for flaw in error.flaws]
    return [{"where": "policy", "what": "层次过深，不是一个预案"}]
