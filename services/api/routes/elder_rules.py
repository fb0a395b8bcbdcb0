"""Which rules hold for an elder, and why those and no others."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from psycopg.rows import dict_row

from alerts.domain.rules.limits import bound_of
from alerts.domain.rules.model import Living, Mode, OwnLimit, Rule, Scope, Score, Subject
from alerts.domain.rules.scope import covers, in_force, severity_for
from alerts.rulebook import RuleBook
from alerts.subjects import load_subjects
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import responses
from services.api.routes.rules import RULE
from services.api.rows import one_of
from services.api.rule_schemas import ElderRules
from services.registry import reach
from services.registry.looks import record_look
from services.storage.pool import Connection

router = APIRouter(tags=["rules"])

_ELDER = f"SELECT p.id, {reach.ELDER_P_SHOWN} AS in_need FROM elders p WHERE {reach.ELDER_P}"
_ON = "SELECT key, mode, id FROM rule_episodes WHERE elder_id = %s AND cleared_at IS NULL"
_ORGANIZATIONS = "SELECT id, name FROM organizations WHERE id = ANY(%s)"
_ABILITY = {"intact": "能力完好", "mild": "轻度失能", "moderate": "中度失能", "severe": "重度失能", "total": "完全失能"}


@router.get("/elders/{elder_id}/rules", responses=responses(401, 404))
async def rules_of_elder(
    connection: DatabaseConnection, caller: SignedIn, address: Address, request: Request, elder_id: str
) -> ElderRules:
    """Of each key the most particular rule, and beside it one that is only tried. Limits made of the elder's own values
    are there while an alert of theirs is unresolved, and that look is recorded."""
    book: RuleBook = request.app.state.rulebook
    elder = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    await book.refresh(connection)
    known = (await load_subjects(connection, [elder["id"]]))[elder["id"]]
    fitting = [rule for rule in book.of(elder["id"]) if covers(rule.scope, known.subject)]
    holding = in_force(fitting, known.subject)
    rows = await _rows(connection, [rule.id for rule in holding])
    names = await _names(connection, {rule.scope.organization_id for rule in holding})
    episodes = await (await connection.execute(_ON, (elder["id"],))).fetchall()
    on = {(key, mode): episode_id for key, mode, episode_id in episodes}
    shown = elder["in_need"] and caller.may_measure(elder["id"])
    if shown and any(isinstance(rule.condition, OwnLimit) for rule in holding):
        await record_look(connection, caller, "rules", elder["id"], alert_id=None, address=address)
    items = [
        {
            "rule": rows[rule.id],
            "severity": severity_for(rule, known.subject).value,
            "why": _why(rule.scope, names),
            "hides": _hidden(rule, fitting, known.subject),
            "limit": _limit(rule, known.subject, shown=shown),
            "on": on.get((rule.key, rule.mode.value)),
        }
        for rule in holding
    ]
    return ElderRules.model_validate({"items": items, "withheld": not shown})


async def _rows(connection: Connection, ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"{RULE} WHERE r.id = ANY(%s)", (ids,))
        return {row["id"]: row for row in await cursor.fetchall()}


async def _names(connection: Connection, ids: set[UUID | None]) -> dict[UUID, str]:
    wanted = [one for one in ids if one is not None]
    return dict(await (await connection.execute(_ORGANIZATIONS, (wanted,))).fetchall())


def _hidden(rule: Rule, fitting: list[Rule], subject: Subject) -> list[UUID]:
    """Those of its key that would be in force if it were not there."""
    same = [other for other in fitting if other.key == rule.key and other.id != rule.id]
    return [other.id for other in in_force(same, subject) if rule.mode is not Mode.SHADOW or other.mode is rule.mode]


def _why(scope: Scope, names: dict[UUID, str]) -> str:
    parts = []
    if scope.elder_id is not None:
        parts.append("专为本人设置")
    if scope.care_categories:
        parts.append(f"照护类别：{'、'.join(sorted(scope.care_categories))}")
    if scope.ability_levels:
        levels = [words for level, words in _ABILITY.items() if level in scope.ability_levels]
        parts.append(f"能力等级：{'、'.join(levels)}")
    if scope.organization_id is not None:
        parts.append(f"机构：{names.get(scope.organization_id, scope.organization_id)}")
    return "；".join(parts) or "适用于所有人"


def _limit(rule: Rule, subject: Subject, *, shown: bool) -> dict[str, Any] | None:
    condition = rule.condition
    if isinstance(condition, Score | Living) or (isinstance(condition, OwnLimit) and not shown):
        return None
    bound = bound_of(condition, subject)
    if bound is None:
        return None
    return {"field": bound.field, "direction": bound.direction.value, "value": bound.value, "clear": bound.clear}
