"""知情同意: what an elder agreed to show to their family, recorded and withdrawn by the station."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.domain.calendar import at_beijing, in_beijing
from services.api.dependencies import Acting, DatabaseConnection, SignedIn, id_of
from services.api.duty_schemas import Day
from services.api.problems import ProblemError, responses
from services.api.record_schemas import Named
from services.api.routes.records import told
from services.api.rows import one_of
from services.api.schemas import Named as Person
from services.registry import reach
from services.registry.consents import consents_of, family_of, give_consent, withdraw_consent
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/elders/{elder_id}/consents", tags=["records"])

Purpose = Literal["family_alerts", "family_location", "family_vitals"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True, pattern=r"^[^\x00]*$")]

_ELDER = f"SELECT p.id FROM elders p WHERE {reach.ELDER_P}"


class Consent(BaseModel):
    id: UUID
    purpose: Purpose = Field(
        description="alerts and state of devices, without which the family sees nothing; where the elder is while an"
        " alert is open; what is measured"
    )
    text: str = Field(description="what they agreed to, word for word")
    given_at: datetime
    given_by: str | None = Field(description="本人, or who agreed for them; null where nobody wrote it down")
    recorded_by: str
    withdrawn_at: datetime | None = Field(description="null: in force")
    withdrawn_by: str | None = Field(description="who recorded the withdrawal, or what was agreed to in its place")


class ConsentList(BaseModel):
    items: list[Consent] = Field(description="those in force before those withdrawn, the newest first")
    family: list[Person] = Field(description="the caregivers who would see what the elder agrees to")


class NewConsent(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "purpose": "family_alerts",
                "text": "我同意家属在家属端看到我的告警和处置进展。（虚构）",
                "given_by": "本人",
                "given_on": "2026-11-22",
            }
        }
    )

    purpose: Purpose
    text: Text
    given_by: Named = "本人"
    given_on: Day | None = Field(default=None, description="today when absent")


@router.get("", responses=responses(401, 403, 404))
async def consents(connection: DatabaseConnection, caller: SignedIn, elder_id: str) -> ConsentList:
    return await _listed(connection, caller, elder_id)


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
async def new_consent(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    elder_id: str,
    wanted: NewConsent,
) -> ConsentList:
    """In the place of one of the same purpose that is in force. The same again changes nothing."""
    with told():
        await give_consent(
            connection,
            actor,
            id_of(elder_id),
            purpose=wanted.purpose,
            text=wanted.text,
            given_by=wanted.given_by,
            given_at=_at(wanted.given_on),
        )
    return await _listed(connection, caller, elder_id)


@router.post("/{consent_id}/withdraw", responses=responses(401, 403, 404))
async def withdrawn_consent(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    elder_id: str,
    consent_id: str,
) -> ConsentList:
    """Holds from the next request of the family on, and for messages that have not left. Again it changes nothing."""
    with told():
        await withdraw_consent(connection, actor, id_of(elder_id), id_of(consent_id))
    return await _listed(connection, caller, elder_id)


def _at(day: date | None) -> datetime | None:
    if day is None:
        return None
    if day > in_beijing(datetime.now(UTC)).date():
        raise ProblemError(422, "同意的日期还没有到", title="Given in the future")
    return at_beijing(day, time(0))


async def _listed(connection: Connection, caller: Caller, elder_id: str) -> ConsentList:
    row = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    items, family = await consents_of(connection, row["id"]), await family_of(connection, row["id"])
    return ConsentList.model_validate({"items": items, "family": family})
