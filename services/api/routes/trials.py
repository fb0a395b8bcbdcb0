"""Trials of rules on stored history: asked here, run beside `anhu alerts`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from alerts.domain.alert import Actor
from alerts.trial_names import named
from alerts.trials import ask_trial, stop_trial, time_flaws, tried
from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import ProblemError, responses
from services.api.routes.rules import flaws_told, only_within_reach, told
from services.api.rows import one_of, page_of
from services.api.trial_schemas import NewTrial, Trial, TrialPage
from services.registry import reach
from services.registry.looks import record_looks
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/rules/trials", tags=["rules"])

#: So far the clock of who asks may be ahead of ours.
_AHEAD: Final = timedelta(minutes=1)
_SUMMARY = f"""
SELECT t.id, t.state, t.progress, t.definition AS rule, t.starts_at AS start, t.ends_at AS "end", t.asked_at, t.error,
       jsonb_build_object('id', t.asked_by, 'name', t.asked_by_name) AS asked_by
FROM rule_trials t WHERE {reach.TRIAL_T}
"""
_TRIAL = _SUMMARY.replace("t.error,", "t.error, t.result,")


def _administrator(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.account_id, caller.name, address)


Administrator = Annotated[Actor, Depends(_administrator)]


@router.post("", status_code=202, responses=responses(401, 403, 422))
async def new_trial(
    connection: DatabaseConnection, caller: SignedIn, address: Address, actor: Administrator, new: NewTrial
) -> Trial:
    """Says what a rule would have raised on stored readings, beside the rule in force, and which known incidents it
    would have caught. It changes nothing. It begins when those asked before are done: look again each second or so."""
    now = datetime.now(UTC)
    end = min(new.end, now) if new.end <= now + _AHEAD else new.end
    if found := time_flaws(new.start, end, now):
        raise ProblemError(422, "；".join(flaw.what for flaw in found), title="Not a period", flaws=told(found))
    with flaws_told():
        rule = tried(new.rule)
        await only_within_reach(connection, caller, rule)
    trial_id = await ask_trial(connection, rule, new.start, end, caller.organizations, actor)
    return await _one(connection, caller, address, trial_id)


@router.get("", responses=responses(401, 403, 422))
async def trials(
    connection: DatabaseConnection,
    caller: SignedIn,
    _: Administrator,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> TrialPage:
    """Newest first; of those who reach no more than the caller. Kept for 30 days."""
    after = paging.decode(cursor, UUID)
    rows = await page_of(connection, caller, _SUMMARY, "t.id", after and after[0], limit, newest=True)
    items, following = paging.page(rows, limit, "id")
    return TrialPage.model_validate({"items": items, "next": following}, by_name=True)


@router.get("/{trial_id}", responses=responses(401, 403, 404))
async def one_trial(
    connection: DatabaseConnection, caller: SignedIn, address: Address, _: Administrator, trial_id: str
) -> Trial:
    """With its result once it is done. Whose health it shows is recorded as looked at."""
    return await _one(connection, caller, address, id_of(trial_id))


@router.delete("/{trial_id}", status_code=204, responses=responses(401, 403, 404))
async def stopped_trial(connection: DatabaseConnection, caller: SignedIn, _: Administrator, trial_id: str) -> Response:
    """Ends it within seconds. One that has ended stays as it is."""
    found = await one_of(connection, caller, _SUMMARY, "t.id", id_of(trial_id))
    await stop_trial(connection, found["id"])
    return Response(status_code=204)


async def _one(connection: Connection, caller: Caller, address: str, trial_id: UUID) -> Trial:
    row = await one_of(connection, caller, _TRIAL, "t.id", trial_id)
    if row["result"] is not None:
        row["result"] = await _result(connection, caller, address, row["result"])
    return Trial.model_validate(row, by_name=True)


async def _result(connection: Connection, caller: Caller, address: str, result: dict[str, Any]) -> dict[str, Any]:
    """Of elders whom the caller reaches now: some may be gone, or have moved, since it was made."""
    shown = await named(connection, result, reach.ELDER_P, caller.parameters)
    looked_at = {UUID(one["elder"]["id"]) for one in [*shown["episodes"], *shown["incidents"]["items"]]}
    await record_looks(connection, caller, "trial", sorted(looked_at), alert_id=None, address=address)
    return shown
