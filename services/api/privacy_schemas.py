"""The shapes of sessions, second factors, trails and a person's data, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.api.schemas import Contact

Why = Annotated[str, StringConstraints(min_length=4, max_length=500, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(min_length=6, max_length=40, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class ElderPhones(BaseModel):
    phone: str | None
    doctor_phone: str | None
    contacts: list[Contact]


class WhyOpened(BaseModel):
    reason: Why = Field(description="shown to the elder's family and to auditors")


class Opening(BaseModel):
    id: UUID
    elder_id: UUID
    elder_name: str
    account_id: UUID
    who: str
    reason: str
    opened_at: datetime
    ends_at: datetime


class OpeningPage(BaseModel):
    items: list[Opening]
    next: str | None


class Look(BaseModel):
    """Somebody saw where an elder is, how they are, or a number."""

    id: int
    at: datetime
    what: str = Field(description="alert, elder, opened, phones, identity, readings, handover, family, …")
    account_id: UUID
    who: str
    role: str
    elder_id: UUID | None
    elder_name: str | None
    alert_id: UUID | None
    address: str | None


class LookPage(BaseModel):
    items: list[Look]
    next: str | None


class FamilyLook(BaseModel):
    at: datetime
    what: str
    who: str = Field(description="by their name, or 家属")
    organization: str | None
    reason: str | None = Field(description="of an opening without an alert")


class FamilyLooks(BaseModel):
    items: list[FamilyLook]


class TrailState(BaseModel):
    trail: str
    sealed_to: int = Field(description="the last row under a seal")
    seals: int
    unsealed: int = Field(description="rows that came since")
    sealed_at: datetime | None


class Kept(BaseModel):
    name: str
    words: str = Field(description="in Chinese")
    days: float | None = Field(description="null: as long as the system")


class Trails(BaseModel):
    items: list[TrailState]
    head: str = Field(description="hash of the last seal: kept elsewhere, it shows that nothing was cut off")
    kept: list[Kept]


class OwnSession(BaseModel):
    id: UUID
    created_at: datetime
    refreshed_at: datetime
    address: str | None
    agent: str | None = Field(description="what the browser called itself")
    own: bool = Field(description="the one that asks")


class SessionList(BaseModel):
    items: list[OwnSession]


class SecondFactor(BaseModel):
    on_since: datetime | None
    recovery_left: int
    required: bool = Field(description="nothing else is open to the caller before it is on")


class NewSecondFactor(BaseModel):
    secret: str = Field(description="base32, told in this answer alone")
    uri: str = Field(description="otpauth://…, as a telephone's app reads it")


class GivenCode(BaseModel):
    code: Code


class RecoveryCodes(BaseModel):
    recovery_codes: list[str] = Field(description="told this once; each lets in once")


class WhyErased(BaseModel):
    reason: Why
    name: Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)] = Field(
        description="of the person, as the record has it: so that nobody goes by mistake"
    )
