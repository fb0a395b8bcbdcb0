"""Rules on readings: what there is, what holds for an elder, what was found; and, for administrators, changes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from psycopg.rows import dict_row

from alerts.change_rule import Outdated, change_rule, make_rule, read_rule
from alerts.domain.alert import Actor
from alerts.domain.rules.check import Flaw
from alerts.domain.rules.definition import DefinitionError
from alerts.domain.rules.model import Rule as DomainRule
from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import ProblemError, not_found, responses
from services.api.rows import one_of, page_of
from services.api.rule_schemas import (
    ChangedRule,
    NewRule,
    RuleCheck,
    RuleDetail,
    RuleEpisodePage,
    RulePage,
    RuleToCheck,
)
from services.registry import reach
from services.registry.looks import record_look
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/rules", tags=["rules"])

#: No rule is known by it: definitions that are only checked are read under it.
_NOBODY = UUID(int=0)
_AS_CHANGED = """
v.version, v.definition, v.changed_at, v.reason,
CASE WHEN v.changed_by IS NOT NULL
     THEN jsonb_build_object('id', v.changed_by, 'name', v.changed_by_name) END AS changed_by
"""
RULE = f"""
SELECT r.id, r.key, r.organization_id, r.elder_id, v.definition ->> 'title' AS title,
       v.definition ->> 'severity' AS severity, v.definition ->> 'mode' AS mode, {_AS_CHANGED},
       (SELECT jsonb_build_object('id', e.id, 'name', e.name) FROM elders e WHERE e.id = r.elder_id) AS elder,
       (SELECT jsonb_build_object('id', h.id, 'name', h.name) FROM organizations h
        WHERE h.id = r.organization_id) AS organization
FROM rules r JOIN rule_versions v ON v.rule_id = r.id AND v.version = r.version
"""
_VERSIONS = f"SELECT {_AS_CHANGED} FROM rule_versions v WHERE v.rule_id = %(id)s ORDER BY v.version DESC"
_EPISODES = f"""
SELECT e.*, jsonb_build_object('id', p.id, 'name', p.name) AS elder, NOT {reach.ELDER_P_SHOWN} AS withheld
FROM rule_episodes e JOIN elders p ON p.id = e.elder_id
WHERE e.rule_id = %(id)s AND {reach.ELDER_P}
  AND (%(after_at)s::timestamptz IS NULL OR (e.raised_at, e.id) < (%(after_at)s, %(after_id)s::uuid))
ORDER BY e.raised_at DESC, e.id DESC LIMIT %(limit)s
"""


def _administrator(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.account_id, caller.name, address)


Administrator = Annotated[Actor, Depends(_administrator)]


@router.get("", responses=responses(401, 422))
async def rules(
    connection: DatabaseConnection,
    caller: SignedIn,
    mode: Annotated[
        list[Literal["live", "shadow", "off"]] | None, Query(description="may repeat; any by default")
    ] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> RulePage:
    """Those that may hold for elders whom the caller reaches, in their newest versions."""
    after = paging.decode(cursor, UUID)
    statement = f"{RULE} WHERE {reach.RULE_R}" + (" AND v.definition ->> 'mode' = ANY(%(modes)s)" if mode else "")
    rows = await page_of(connection, caller, statement, "r.id", after and after[0], limit, values={"modes": mode})
    items, following = paging.page(rows, limit, "id")
    return RulePage.model_validate({"items": items, "next": following})


@router.post("/check", responses=responses(401, 403, 422))
async def check_rule(_: Administrator, asked: RuleToCheck) -> RuleCheck:
    """What is wrong with a definition, before anybody stores it."""
    try:
        read_rule(asked.rule, _NOBODY, 1)
    except DefinitionError as error:
        return RuleCheck.model_validate({"ok": False, "flaws": told(error.flaws)})
    return RuleCheck(ok=True, flaws=[])


@router.get("/{rule_id}", responses=responses(401, 404))
async def one_rule(connection: DatabaseConnection, caller: SignedIn, rule_id: str) -> RuleDetail:
    """With all its versions: who changed what, when and why."""
    return await _detail(connection, caller, id_of(rule_id))


@router.post("", status_code=201, responses=responses(401, 403, 422))
async def new_rule(connection: DatabaseConnection, caller: SignedIn, actor: Administrator, new: NewRule) -> RuleDetail:
    """Holds from its commit on."""
    with flaws_told():
        await only_within_reach(connection, caller, read_rule(new.rule, _NOBODY, 1))
        rule = await make_rule(connection, new.rule, actor, new.reason)
    return await _detail(connection, caller, rule.id)


@router.put("/{rule_id}", responses=responses(401, 403, 404, 409, 422))
async def changed_rule(
    connection: DatabaseConnection, caller: SignedIn, actor: Administrator, rule_id: str, changed: ChangedRule
) -> RuleDetail:
    """A new version. It judges what comes; an episode that is on runs to its end by the version it began by, and an
    alert keeps the version that raised it. 409: somebody else has changed the rule since `version`."""
    before = await _one(connection, caller, id_of(rule_id))
    await _only_within(connection, caller, before["elder_id"], before["organization_id"])
    with flaws_told():
        await only_within_reach(connection, caller, read_rule(changed.rule, before["id"], 1))
        done = await change_rule(connection, before["id"], changed.version, changed.rule, actor, changed.reason)
    if isinstance(done, Outdated):
        words = f"这条规则已被别人修改，现在是第 {done.version} 版，请先查看再修改"
        raise ProblemError(409, words, title="Changed since", version=done.version)
    if done is None:
        raise not_found()
    return await _detail(connection, caller, done.id)


@router.get("/{rule_id}/episodes", responses=responses(401, 404, 422))
async def episodes(
    connection: DatabaseConnection,
    caller: SignedIn,
    address: Address,
    rule_id: str,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> RuleEpisodePage:
    """What it found, of elders whom the caller reaches, newest first; of a rule in shadow mode too."""
    rule = await _one(connection, caller, id_of(rule_id))
    after = paging.decode(cursor, datetime.fromisoformat, UUID) or [None, None]
    asked = {"id": rule["id"], "after_at": after[0], "after_id": after[1], "limit": limit + 1}
    async with connection.cursor(row_factory=dict_row) as found:
        await found.execute(_EPISODES, caller.parameters | asked)
        items, following = paging.page(await found.fetchall(), limit, "raised_at", "id")
    items = [row | {"withheld": row["withheld"] or not caller.may_measure(row["elder_id"])} for row in items]
    for elder_id in {row["elder_id"] for row in items if not row["withheld"]}:
        await record_look(connection, caller, "episodes", elder_id, alert_id=None, address=address)
    closed = {"sentence": None, "evidence": None}
    return RuleEpisodePage.model_validate(
        {"items": [row | closed if row["withheld"] else row for row in items], "next": following}
    )


async def _one(connection: Connection, caller: Caller, rule_id: UUID) -> dict[str, Any]:
    return await one_of(connection, caller, f"{RULE} WHERE {reach.RULE_R}", "r.id", rule_id)


async def _detail(connection: Connection, caller: Caller, rule_id: UUID) -> RuleDetail:
    rule = await _one(connection, caller, rule_id)
    async with connection.cursor(row_factory=dict_row) as cursor:
        versions = await (await cursor.execute(_VERSIONS, {"id": rule_id})).fetchall()
    return RuleDetail.model_validate(rule | {"versions": versions})


async def only_within_reach(connection: Connection, caller: Caller, rule: DomainRule) -> None:
    await _only_within(connection, caller, rule.scope.elder_id, rule.scope.organization_id)


async def _only_within(
    connection: Connection, caller: Caller, elder_id: UUID | None, organization_id: UUID | None
) -> None:
    """Raises a 403 problem when the rule would hold, or holds, for somebody whom the caller does not reach."""
    asked = caller.parameters | {"elder_id": elder_id, "organization_id": organization_id}
    row = await (await connection.execute(reach.MAY_RULE, asked)).fetchone()
    if row is None or not row[0]:
        whom = "这位老人" if elder_id else "这个机构" if organization_id else "所有人"
        raise ProblemError(403, f"规则适用于{whom}，超出您的管辖范围：请在 scope 中写明您管辖的机构或老人")


@contextmanager
def flaws_told() -> Iterator[None]:
    """What is wrong with a definition becomes the answer."""
    try:
        yield
    except DefinitionError as error:
        raise ProblemError(422, str(error), title="Not a rule", flaws=told(error.flaws)) from None


def told(flaws: Sequence[Flaw]) -> list[dict[str, str]]:
    return [{"where": flaw.where, "what": flaw.what} for flaw in flaws]
