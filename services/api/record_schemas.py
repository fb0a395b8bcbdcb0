"""The shapes by which organisations, elders and people are made and changed, and of what is kept of it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from services.api.schemas import AbilityLevel, Tier

Short = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Long = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Named = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}([0-9]{3}){0,2}$")]
Role = Literal["administrator", "operator", "caregiver", "supervisor", "auditor"]
ImportKind = Literal["organizations", "elders", "contacts", "devices", "accounts", "responders"]


class WantedContact(BaseModel):
    name: Named
    relation: Short | None = None
    phone: Short


class WantedElder(BaseModel):
    """What is said is to be so; null empties a field; what is absent stays as it is."""

    model_config = ConfigDict(json_schema_extra={"example": {"phone": "023-00000011", "care_categories": ["低保"]}})

    name: Named | None = None
    organization_id: UUID | None = None
    identity: Annotated[str, StringConstraints(max_length=30, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="居民身份证号, kept sealed; the birth date and gender follow from it"
    )
    gender: Literal["female", "male"] | None = None
    birth_date: date | None = None
    phone: Short | None = None
    address: Short | None = None
    lat: float | None = Field(default=None, ge=3, le=54, description="WGS 84")
    lon: float | None = Field(default=None, ge=73, le=136)
    ability_level: AbilityLevel | None = None
    assessed_on: date | None = Field(default=None, description="with the level: kept as an assessment")
    assessment_score: int | None = Field(default=None, ge=0, le=90, description="of GB/T 42195-2022")
    assessor: Short | None = None
    long_term_care_grade: int | None = Field(default=None, ge=0, le=5)
    living_situation: Short | None = None
    care_categories: list[Short] | None = Field(default=None, max_length=30, description="of GET /care-categories")
    conditions: list[Short] | None = Field(default=None, max_length=30)
    medicines: list[Short] | None = Field(default=None, max_length=30)
    allergies: list[Short] | None = Field(default=None, max_length=30)
    health_notes: Long | None = None
    entry_notes: Long | None = None
    doctor_name: Short | None = None
    doctor_phone: Short | None = None
    contacts: list[WantedContact] | None = Field(default=None, max_length=5, description="in their order, all of them")


class Reason(BaseModel):
    reason: Named = Field(description="why it is asked for; kept")


class Identity(BaseModel):
    identity: str


class FilledForm(BaseModel):
    """The scoring form of GB/T 42195-2022: points of each item, and what makes the level worse than their total."""

    points: dict[str, StrictInt] = Field(max_length=40, description="all items of `GET /ability-form`")
    coma: StrictBool = Field(default=False, description="the level is `total`")
    mental_disorder: StrictBool = Field(
        default=False, description="dementia (F00–F03) or another one (F04–F99): one worse"
    )
    risk_events: StrictInt = Field(
        default=0, ge=0, le=99, description="of the last 30 days; from two on it is one worse"
    )


class NewAssessment(FilledForm):
    assessed_on: date
    assessor: Short | None = None


class Assessment(BaseModel):
    assessed_on: date
    level: AbilityLevel
    score: int | None
    assessor: str | None
    form: FilledForm | None = Field(description="null: only the result is known")


class FormItem(BaseModel):
    name: str
    most: int = Field(description="points; 0 is wholly dependent, or not able")


class FormDomain(BaseModel):
    name: str
    items: list[FormItem]


class AbilityForm(BaseModel):
    items: list[FormDomain]


class AssessmentList(BaseModel):
    items: list[Assessment]


class CategoryList(BaseModel):
    items: list[str]


class WantedOrganization(BaseModel):
    parent_id: UUID
    tier: Tier
    name: Named
    division_code: Code | None = None
    address: Short | None = None
    phone: Short | None = None


class ChangedOrganization(BaseModel):
    """What is absent stays as it is."""

    parent_id: UUID | None = None
    tier: Tier | None = None
    name: Named | None = None
    division_code: Code | None = None
    address: Short | None = None
    phone: Short | None = None


class Account(BaseModel):
    id: UUID
    username: str
    name: str
    role: str
    organization_ids: list[UUID]
    elder_ids: list[UUID]
    disabled_at: datetime | None
    created_at: datetime
    last_seen_at: datetime | None = Field(description="of the sessions that are not over")
    oidc_subject: str | None = Field(description="who of the configured OpenID Connect provider this is, if anybody")


class AccountPage(BaseModel):
    items: list[Account]
    next: str | None


class WantedAccount(BaseModel):
    username: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._@-]{2,64}$")]
    name: Named
    role: Role
    organization_ids: list[UUID] = Field(default=[], max_length=100, description="of administrators and operators")
    elder_ids: list[UUID] = Field(default=[], max_length=100, description="of caregivers")


class ChangedAccount(BaseModel):
    """What is absent stays as it is."""

    name: Named | None = None
    organization_ids: list[UUID] | None = Field(default=None, max_length=100)
    elder_ids: list[UUID] | None = Field(default=None, max_length=100)
    disabled: bool | None = None


class AccountSecret(BaseModel):
    id: UUID
    username: str
    password: str = Field(description="told this once")


class Change(BaseModel):
    id: int
    at: datetime
    subject: Literal["organization", "elder", "device", "account", "model", "webhook"]
    subject_id: str
    what: str = Field(description="created, changed, deleted, contact added, …")
    actor: str
    address: str | None
    before: dict[str, Any] | None = Field(description="the fields that were different; never a secret")
    after: dict[str, Any] | None


class ChangePage(BaseModel):
    items: list[Change]
    next: str | None


DeviceId = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]


class IdentityChange(BaseModel):
    id: int
    at: datetime
    what: Literal["enrolled", "rotated", "revoked", "restored", "rights"]
    actor: str = Field(description="the name as it was then")
    account_id: UUID | None = Field(description="null: from the command line")
    address: str | None


class IdentityPage(BaseModel):
    items: list[IdentityChange]
    next: str | None


class ImportFlaw(BaseModel):
    line: int = Field(description="as a spreadsheet counts; 0: the file as a whole")
    column: str
    value: str
    message: str
    mend: str = Field(description="how it is mended")


class ImportSecret(BaseModel):
    name: str
    secret: str


class ImportResult(BaseModel):
    kind: str
    rows: int
    new: int
    changed: int
    unchanged: int
    wrong: int = Field(description="rows that cannot be taken in; `flaws` has the first thousand")
    flaws: list[ImportFlaw]
    ignored_columns: list[str]
    applied: bool
    secrets: list[ImportSecret] = Field(description="devices' secrets or people's passwords, told this once")
