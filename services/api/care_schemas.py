"""The shapes of commands to devices and of medicines, as OpenAPI shows them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, field_validator

from alerts.domain.medication import DEFAULT_GRACE_MINUTES
from services.api.schemas import Named, Note, Words
from services.api.times import WallTime

CommandName = Literal["ring", "locate", "measure", "configure", "remind"]
CommandStateName = Literal["asked", "sent", "done", "unsupported", "failed", "unanswered"]
Setting = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$")]


class NewCommand(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"command": "ring"}})

    command: CommandName
    words: Words | None = Field(default=None, description="of `remind`: what the device says or shows")
    settings: dict[Setting, int | FiniteFloat | bool | Words] | None = Field(
        default=None, max_length=20, description="of `configure`: whatever the device calls them"
    )


class DeviceCommand(BaseModel):
    """Something a device was asked to do, and what it said of it."""

    id: UUID
    device_id: str
    command: CommandName
    body: dict[str, Any] = Field(description="what was sent beside the name")
    asked_at: datetime
    asked_by: Named | None = Field(description="null: a schedule of medicines asked")
    state: CommandStateName
    sent_at: datetime | None
    expires_at: datetime
    answered_at: datetime | None
    late: bool = Field(description="it was answered after everybody had given up")
    result: dict[str, Any] | None = Field(
        description="the device's own words; without location and readings while no alert of the elder is unresolved"
    )


class CommandPage(BaseModel):
    items: list[DeviceCommand]
    next: str | None


class NewMedication(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"medicine": "氨氯地平", "dose": "1片", "times": ["08:00", "20:00"]}}
    )

    medicine: Words
    dose: Words
    times: list[WallTime] = Field(min_length=1, max_length=8, description="Beijing's time")
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(
        default=[1, 2, 3, 4, 5, 6, 7], min_length=1, max_length=7, description="Monday is 1"
    )
    starts_on: date | None = Field(default=None, description="today when absent")
    ends_on: date | None = Field(default=None, description="the last day")
    grace_minutes: int = Field(default=DEFAULT_GRACE_MINUTES, ge=10, le=240, description="so long it is not missed")
    note: Note | None = None

    @field_validator("times")
    @classmethod
    def _to_the_minute(cls, value: list[WallTime]) -> list[WallTime]:
        return [one.replace(second=0, microsecond=0) for one in value]


class Medication(BaseModel):
    id: UUID
    medicine: str
    dose: str
    times: list[WallTime]
    weekdays: list[int]
    starts_on: date
    ends_on: date | None
    grace_minutes: int
    note: str | None
    made_at: datetime
    made_by: Named


class DoseItem(BaseModel):
    plan_id: UUID
    medicine: str
    dose: str


class Dose(BaseModel):
    """What is taken at one moment."""

    id: UUID
    due_at: datetime
    items: list[DoseItem]
    state: Literal["due", "reminded", "missed", "told", "taken", "ended"] = Field(
        description="missed: the family knows; told: the station knows; ended: nobody took it"
    )
    reminders: int
    taken_at: datetime | None
    taken_by: str | None = Field(description="device, or who said so")
    alert_id: UUID | None


class Medicines(BaseModel):
    plans: list[Medication] = Field(description="those that are not over")
    doses: list[Dose] = Field(description="of the last seven days and the next quarter of an hour, the newest first")
