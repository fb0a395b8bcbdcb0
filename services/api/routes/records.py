"""Organisations and elders made and changed, for administrators."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter
from psycopg.rows import dict_row

from alerts.visit_dues import beijing_day
from services.api.dependencies import Acting, Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import ProblemError, not_found, responses
from services.api.record_schemas import (
    AbilityForm,
    AssessmentList,
    CategoryList,
    ChangedOrganization,
    Identity,
    NewAssessment,
    Reason,
    WantedElder,
    WantedOrganization,
)
from services.api.routes import registry
from services.api.rows import one_of
from services.api.schemas import Elder, Organization
from services.registry import reach
from services.registry.ability import FORM, FormError
from services.registry.assess import Form, assess
from services.registry.changing import changes_by
from services.registry.names import NotPossibleError, UnknownNameError
from services.registry.save_elder import NotThereError, RefusedError, save_elder
from services.registry.save_organization import save_organization
from services.registry.sealing import KeysError

router = APIRouter(tags=["records"])

EARLIEST_ASSESSMENT = date(2000, 1, 1)

_SEALED = f"SELECT p.id, p.identity_sealed FROM elders p WHERE {reach.ELDER_P}"
_LOOKED = """
INSERT INTO access_log (at, account_id, elder_id, what, address) VALUES (now(), %s, %s, 'identity', %s)
"""
_WHY = "INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after) VALUES"
_SHOWN = f"{_WHY} ('elder', %s, 'identity shown', %s, %s, %s, jsonb_build_object('reason', %s::text))"
_ASSESSMENTS = """
SELECT assessed_on, level, score, assessor, form FROM ability_assessments WHERE elder_id = %s
ORDER BY assessed_on DESC, recorded_at DESC
"""


@contextmanager
def told() -> Iterator[None]:
    """What cannot be done becomes the answer."""
    try:
        yield
    except (UnknownNameError, NotThereError):
        raise not_found() from None
    except NotPossibleError as error:
        raise ProblemError(409, error.message, title=str(error)) from None
    except KeysError as error:
        raise ProblemError(409, "系统还没有设置加密密钥，请联系技术人员", title=str(error)) from None
    except RefusedError as error:
        flaws = [{"field": one.column, "message": one.message, "mend": one.mend} for one in error.flaws]
        first = error.flaws[0]
        raise ProblemError(422, f"{first.message}。{first.mend}", title=str(error), flaws=flaws) from None


@router.get("/care-categories", responses=responses(401))
async def care_categories(connection: DatabaseConnection, _caller: SignedIn) -> CategoryList:
    """The controlled list, in its order."""
    rows = await (await connection.execute("SELECT name FROM care_categories ORDER BY position, name")).fetchall()
    return CategoryList(items=[name for (name,) in rows])


@router.get("/ability-form", responses=responses(401))
async def ability_form(_caller: SignedIn) -> AbilityForm:
    """The items of the scoring form of GB/T 42195-2022, in their order."""
    domains = [
        {"name": domain, "items": [{"name": name, "most": most} for name, most in items.items()]}
        for domain, items in FORM.items()
    ]
    return AbilityForm.model_validate({"items": domains})


@router.post("/elders", status_code=201, responses=responses(401, 403, 404, 409, 422))
async def new_elder(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    address: Address,
    keys: DataKeys,
    wanted: WantedElder,
) -> Elder:
    """A name, an organisation, and an identity number or a birth date are needed."""
    with told():
        elder_id = await save_elder(connection, actor, keys, _said(wanted))
    return await registry.elder(connection, caller, address, keys, str(elder_id))


@router.patch("/elders/{elder_id}", responses=responses(401, 403, 404, 409, 422))
async def changed_elder(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    address: Address,
    keys: DataKeys,
    elder_id: str,
    wanted: WantedElder,
) -> Elder:
    """Changes what is said. An elder who goes to another organisation takes their devices along."""
    with told():
        await save_elder(connection, actor, keys, _said(wanted), id_of(elder_id))
    return await registry.elder(connection, caller, address, keys, elder_id)


@router.post("/elders/{elder_id}/identity", responses=responses(401, 403, 404, 409, 422))
async def show_identity(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    address: Address,
    keys: DataKeys,
    elder_id: str,
    why: Reason,
) -> Identity:
    """The whole identity number. That it was asked for, by whom and why, is kept."""
    row = await one_of(connection, caller, _SEALED, "p.id", id_of(elder_id))
    if row["identity_sealed"] is None:
        raise not_found()
    with told():
        number = keys.open(row["identity_sealed"])
    async with changes_by(connection, actor):
        await connection.execute(_LOOKED, (caller.account_id, row["id"], address))
        await connection.execute(_SHOWN, (str(row["id"]), caller.account_id, caller.name, address, why.reason))
    return Identity(identity=number)


@router.get("/elders/{elder_id}/assessments", responses=responses(401, 404))
async def assessments(connection: DatabaseConnection, caller: SignedIn, elder_id: str) -> AssessmentList:
    """Of their ability (GB/T 42195-2022), newest first."""
    row = await one_of(connection, caller, _SEALED, "p.id", id_of(elder_id))
    async with connection.cursor(row_factory=dict_row) as cursor:
        items: list[Any] = await (await cursor.execute(_ASSESSMENTS, (row["id"],))).fetchall()
    return AssessmentList(items=items)


@router.post("/elders/{elder_id}/assessments", status_code=201, responses=responses(401, 403, 404, 422))
async def new_assessment(
    connection: DatabaseConnection, caller: SignedIn, actor: Acting, elder_id: str, new: NewAssessment
) -> AssessmentList:
    """By the form: the total and the level follow from it. The newest assessment's level is the elder's."""
    row = await one_of(connection, caller, _SEALED, "p.id", id_of(elder_id))
    today = beijing_day(datetime.now(UTC))
    if not EARLIEST_ASSESSMENT <= new.assessed_on <= today:
        raise ProblemError(422, f"评估日期应在 {EARLIEST_ASSESSMENT} 与今天之间")
    form = Form(
        new.assessed_on,
        (new.assessor or "").strip() or None,
        new.points,
        new.coma,
        new.mental_disorder,
        new.risk_events,
    )
    try:
        await assess(connection, actor, row["id"], form)
    except FormError as error:
        flaws = [{"field": error.item, "message": error.message, "mend": error.mend}]
        raise ProblemError(422, f"{error.item}：{error.message}。{error.mend}", title=str(error), flaws=flaws) from None
    return await assessments(connection, caller, elder_id)


@router.post("/organizations", status_code=201, responses=responses(401, 403, 404, 409, 422))
async def new_organization(
    connection: DatabaseConnection, caller: SignedIn, actor: Acting, wanted: WantedOrganization
) -> Organization:
    """Below one that the caller reaches."""
    with told():
        organization_id = await save_organization(connection, actor, wanted.model_dump())
    return await registry.organization(connection, caller, str(organization_id))


@router.patch("/organizations/{organization_id}", responses=responses(401, 403, 404, 409, 422))
async def changed_organization(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    organization_id: str,
    wanted: ChangedOrganization,
) -> Organization:
    """Changes what is said; all below it goes along when it moves."""
    said = wanted.model_dump(exclude_unset=True)
    for name in ("parent_id", "tier", "name"):
        if said.get(name, "") is None:
            del said[name]
    with told():
        await save_organization(connection, actor, said, id_of(organization_id))
    return await registry.organization(connection, caller, organization_id)


def _said(wanted: WantedElder) -> dict[str, Any]:
    """An empty text is no text."""
    said = wanted.model_dump(exclude_unset=True)
    return {name: None if value == "" else value for name, value in said.items()}
