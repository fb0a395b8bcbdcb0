"""The shapes of the caregiver's page: an elder as far as the elder consented."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.api.schemas import Location, Named, Note, SeverityName, StateName, Told


class FamilyDevice(BaseModel):
    device_id: str
    kind: str
    online: bool | None
    last_seen_at: datetime | None
    battery: float | None


class OnTheWay(BaseModel):
    responder: str
    eta_minutes: int | None
    since: datetime


class SafeWord(BaseModel):
    by: str
    at: datetime
    note: str | None


class Step(BaseModel):
    at: datetime
    kind: str


class FamilyAlert(BaseModel):
    id: UUID
    type: str
    title: str
    severity: SeverityName
    state: StateName
    open: bool
    drill: bool
    attention: bool
    raised_at: datetime
    occurrences: int
    station: str
    station_phone: str | None
    holder: str | None = Field(description="who answered")
    on_the_way: OnTheWay | None
    safe: list[SafeWord] = Field(description="family members who say that all is well")
    told: Told | None = Field(description="the furthest stage that the device was told")
    location: Location | None = Field(description="while it is open, where the elder consented")
    place: str | None
    steps: list[Step]


class FamilyElder(Named):
    consents: list[Literal["family_alerts", "family_location", "family_vitals"]]
    phone: str | None
    last_seen_at: datetime | None
    devices: list[FamilyDevice]
    alerts: list[FamilyAlert] = Field(description="open ones and those of the last seven days, the newest first")


class Family(BaseModel):
    at: datetime
    elders: list[FamilyElder]


class Vital(BaseModel):
    field: str
    value: float
    at: datetime


class Vitals(BaseModel):
    items: list[Vital] = Field(description="the last of each within a day")


class SafeBody(BaseModel):
    note: Note | None = None
