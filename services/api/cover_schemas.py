"""The shapes of covers and of what they hold back, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.api.rule_schemas import Reason
from services.api.schemas import Named

KindName = Literal["silence", "maintenance", "hospital", "holiday"]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


class NewCover(BaseModel):
    """One of `elder_id`, `device_ids` and `organization_id` is given."""

    kind: KindName = Field(description="docs/holding.md says what each holds back")
    elder_id: UUID | None = None
    device_ids: list[Identifier] = Field(default=[], max_length=500)
    organization_id: UUID | None = Field(default=None, description="and all below it")
    types: list[Identifier] = Field(default=[], max_length=100, description="of a silence: only these alert types")
    reason: Reason
    starts_at: AwareDatetime | None = Field(default=None, description="now when absent")
    ends_at: AwareDatetime


class Cover(BaseModel):
    """Silence, maintenance, hospital stay or holiday: with an author, a reason and an end."""

    id: UUID
    kind: KindName
    state: Literal["planned", "on", "over"]
    elder: Named | None
    device_ids: list[str]
    organization: Named | None
    types: list[str]
    reason: str
    made_by: Named
    made_at: datetime
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None = Field(description="ended before its time")
    ended_by: Named | None
    alerts: int = Field(description="how many alerts it kept from being raised, of those that the caller reaches")
    times: int = Field(description="how often each of them came, added up")


class CoverPage(BaseModel):
    items: list[Cover]
    next: str | None


class HeldAlert(BaseModel):
    """An alert that would have been raised."""

    id: UUID
    reason: Literal["silence", "maintenance", "hospital", "holiday", "inhibition"]
    cover_id: UUID | None = Field(description="null of an inhibition: a worse alert of the same cause was on")
    type: str
    severity: Literal["orange", "yellow", "blue"]
    title: str
    elder: Named | None
    device_id: str = Field(description="the latest")
    organization_id: UUID
    times: int
    first_at: datetime
    last_at: datetime
    alert_id: UUID | None = Field(description="raised after all, since it was still on at the end")


class CoverNow(BaseModel):
    id: UUID
    kind: KindName
    reason: str
    made_by: str
    until: datetime
    alerts: int
    times: int


class HeldNow(BaseModel):
    """What is held back now by covers that are on, for the line on a screen."""

    alerts: int
    times: int
    until: datetime | None = Field(description="the last end of these covers; null when none is on")
    covers: list[CoverNow] = Field(description="at most 100, those that end last first")


class HeldPage(BaseModel):
    now: HeldNow
    items: list[HeldAlert]
    next: str | None
