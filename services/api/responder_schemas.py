"""The shapes of responders, of what they are asked to do, and of the hand-over sheet, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from services.api.schemas import Contact, Location, Named, Note, SeverityName, Skill, Words
from services.api.times import WallTime

KindName = Literal[
    "grid_worker",
    "village_doctor",
    "volunteer",
    "neighbour",
    "social_worker",
    "party_member",
    "young_elder",
    "station_staff",
    "other",
]
Phone = Annotated[str, StringConstraints(min_length=3, max_length=30, pattern=r"^[0-9+*#,\-\s()]+$")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class ShownPhone(BaseModel):
    phone: str


class Place(BaseModel):
    """A position as it is given: `gcj02` is what Chinese maps show."""

    lat: Latitude
    lon: Longitude
    datum: Literal["wgs84", "gcj02"] = "wgs84"


class Shift(BaseModel):
    """From `from` to before `to`, Beijing's time; a `to` that is not after `from` is the next day's."""

    model_config = ConfigDict(populate_by_name=True)

    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(min_length=1, max_length=7, description="Monday is 1")
    start: WallTime = Field(alias="from", description="as 08:00")
    end: WallTime = Field(alias="to")

    @field_validator("start", "end")
    @classmethod
    def _to_the_minute(cls, value: WallTime) -> WallTime:
        if value.second or value.microsecond:
            raise ValueError("应为几点几分，不带秒和时区，如 22:30")
        return value


class NewResponder(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "冉某（虚构）",
                "organization_id": "0193a0b2-7c00-7000-8000-000000000003",
                "kind": "grid_worker",
                "phone": "023-0002-0001",
                "skills": ["急救", "有钥匙"],
                "hours": [{"weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "20:00"}],
                "position": {"lat": 29.708, "lon": 105.7135},
            }
        }
    )

    name: Words
    organization_id: UUID
    kind: KindName
    phone: Phone
    skills: list[Skill] = Field(default=[], max_length=20)
    hours: list[Shift] = Field(default=[], max_length=20, description="none: always")
    position: Place | None = Field(default=None, description="of their home")


class ChangedResponder(NewResponder):
    version: int = Field(ge=1, description="the one that is changed; 409 when there is a newer one")


class Responder(BaseModel):
    id: UUID
    name: str
    organization_id: UUID
    kind: KindName
    phone: str
    skills: list[str]
    hours: list[dict[str, Any]]
    position: Location | None
    busy: bool = Field(description="on the way to an elder, or with one")
    version: int
    changed_at: datetime
    changed_by: Named | None
    ended_at: datetime | None


class ResponderPage(BaseModel):
    items: list[Responder]
    next: str | None


class OrganizationPlace(BaseModel):
    """Where an organisation is; null: the middle of its elders' homes counts."""

    position: Place | None = None
    away_metres: int | None = Field(
        default=None,
        ge=100,
        le=1_000_000,
        description="from so far from home on an elder is away, here and below; null: as above, or 3,000 m",
    )


class PlacedOrganization(BaseModel):
    id: UUID
    name: str
    position: Location | None
    away_metres: int | None


class TaskMaps(BaseModel):
    geo: str = Field(description="opens the telephone's own map; WGS 84")
    amap: str = Field(description="opens 高德, on foot; GCJ-02")


class TaskElder(BaseModel):
    """Told only to who goes."""

    name: str | None
    gender: Literal["female", "male"] | None
    age: int | None
    phone: str | None
    address: str | None
    entry_notes: str | None
    position: Location | None
    maps: TaskMaps | None
    contacts: list[Contact]


class Task(BaseModel):
    """What somebody near is asked to do."""

    state: Literal["asked", "accepted", "arrived", "done", "declined", "taken"] = Field(
        description="`taken`: somebody else goes"
    )
    taken_by: str | None
    me: str = Field(description="the name of who was asked")
    type: str
    severity: SeverityName
    title: str
    drill: bool
    occurred_at: datetime
    acknowledged: bool = Field(description="whether a station has answered")
    street: str | None = Field(description="no door; null when the elder is away from home or it is not known")
    away: bool = Field(description="the elder is not at home: go by the map")
    metres: int | None = Field(description="as the crow flies, from where I last said to be, else from my home")
    station: str
    station_phone: str | None
    elder: TaskElder | None = Field(description="null until I have accepted")
    answers: list[Literal["accept", "decline", "arrive", "help", "done"]] = Field(description="what I may say now")


class AnswerBody(BaseModel):
    note: Note | None = None


class PositionBody(BaseModel):
    """By the page, from the telephone, when its owner says so."""

    lat: Latitude
    lon: Longitude


class Vital(BaseModel):
    field: str
    value: float
    at: datetime


class HandoverElder(BaseModel):
    name: str
    gender: Literal["female", "male"] | None
    age: int | None
    phone: str | None
    ability_level: str | None
    living_situation: str | None
    care_categories: list[str]
    conditions: list[str] = Field(description="illnesses, as registered")
    medicines: list[str] = Field(description="as registered, and those of the plans in force")
    allergies: list[str]
    health_notes: str | None


class HandoverEntry(BaseModel):
    at: datetime
    kind: str
    by: str | None
    note: str | None
    body: dict[str, Any] | None


class Handover(BaseModel):
    """What the crew of an ambulance has to know, for as long as the alert is unresolved."""

    alert_id: UUID
    title: str
    type: str
    severity: SeverityName
    state: str
    drill: bool
    occurrences: int
    occurred_at: datetime
    made_at: datetime
    sentence: str | None = Field(description="of an alert of a rule on readings: why")
    device_kind: str | None
    address: str | None
    position: Location | None
    position_from: Literal["device", "home"] | None
    entry_notes: str | None
    elder: HandoverElder | None
    contacts: list[Contact]
    vitals: list[Vital] = Field(description="the newest of each within 24 h")
    responder: str | None = Field(description="who is on the way or there")
    responder_phone: str | None
    station: str
    station_phone: str | None
    timeline: list[HandoverEntry]


class NewHandoverLink(BaseModel):
    minutes: int = Field(default=240, ge=5, le=1440)


class HandoverLink(BaseModel):
    id: UUID
    path: str = Field(description="behind the address of this server")
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class HandoverLinks(BaseModel):
    items: list[HandoverLink]
