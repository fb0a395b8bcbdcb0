"""The shapes of the contract, as OpenAPI shows them and as answers are checked against."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.domain.responders import ASKED_AT_ONCE, MOST_AT_ONCE

Note = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00]*$")]

Skill = Annotated[str, StringConstraints(min_length=1, max_length=20, strip_whitespace=True, pattern=r"^[^\x00]*$")]

StateName = Literal["triggered", "acknowledged", "dispatched", "arrived", "resolved", "followed_up", "cancelled"]
SeverityName = Literal["red", "orange", "yellow", "blue"]
Outcome = Literal["assisted", "hospital", "false_alarm", "accidental", "test", "drill"]
AbilityLevel = Literal["intact", "mild", "moderate", "severe", "total"]
Tier = Literal["city", "district", "street", "community", "point", "care_home"]


class Tokens(BaseModel):
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="seconds")


class Named(BaseModel):
    id: UUID
    name: str


class Location(BaseModel):
    """WGS 84 degrees; accuracy in metres."""

    lat: float
    lon: float
    # Left out when unknown, as in live frames: the same alert is the same JSON everywhere.
    accuracy: float | None = Field(default=None, exclude_if=lambda value: value is None)


class Organization(BaseModel):
    id: UUID
    name: str
    tier: Tier
    parent_id: UUID | None
    division_code: str | None = None
    address: str | None = None
    phone: str | None = None


class Me(BaseModel):
    id: UUID
    username: str
    name: str
    role: str
    organizations: list[Organization]


class RaisedBy(BaseModel):
    """The version of a rule on readings that raised an alert, and the values that did."""

    id: UUID
    version: int
    sentence: str | None = Field(description="why, in Chinese; null when withheld")
    evidence: dict[str, Any] | None = Field(description="the very values; null when withheld")


class Alert(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0193a0b2-7c00-7000-8000-000000000001",
                "type": "sos",
                "severity": "red",
                "title": "紧急救援 · 本人呼救",
                "state": "triggered",
                "attention": False,
                "elder": {"id": "0193a0b2-7c00-7000-8000-000000000002", "name": "陈某（虚构）"},
                "device_id": "wb-0001",
                "device_kind": "wristband",
                "organization_id": "0193a0b2-7c00-7000-8000-000000000003",
                "event_id": "01JD9Z0Q6V",
                "event_id_reused": False,
                "occurred_at": "2026-11-22T11:20:03+08:00",
                "received_at": "2026-11-22T11:20:03.210+08:00",
                "raised_at": "2026-11-22T11:20:03.240+08:00",
                "late_seconds": 0,
                "clock_suspect": False,
                "location": {"lat": 29.563, "lon": 106.5516},
                "place": "龙岗街道北禅社区 1 栋 1-1（虚构）",
                "withheld": False,
                "drill": False,
                "occurrences": 1,
                "confidence": None,
                "rule": None,
                "detail": None,
                "holder": None,
                "outcome": None,
                "seen_at": None,
                "family_safe": False,
                "unreached": 0,
                "moves": ["acknowledge"],
                "version": 1,
            }
        }
    )

    id: UUID
    type: str
    severity: SeverityName
    title: str
    state: StateName
    attention: bool = Field(description="pressed again since it was answered: anyone may take it")
    elder: Named | None
    device_id: str
    device_kind: str | None
    organization_id: UUID
    event_id: str
    event_id_reused: bool
    occurred_at: datetime
    received_at: datetime
    raised_at: datetime
    late_seconds: int
    clock_suspect: bool
    location: Location | None
    place: str | None = Field(
        description="the elder's address; where they are before it, when away (不在家，…); withheld as the location is"
    )
    withheld: bool
    drill: bool
    occurrences: int
    confidence: float | None
    rule: RaisedBy | None = Field(description="null when an event raised it")
    detail: dict[str, Any] | None = Field(
        description="of a device's own alert or an area's: since when, how many, when restored; else null"
    )
    holder: Named | None = Field(description="who acknowledged last")
    outcome: Outcome | None
    seen_at: datetime | None
    family_safe: bool = Field(description="family say that the elder is safe, and nobody has pressed since")
    unreached: int = Field(description="people beside the screens whom no message of theirs reached")
    moves: list[str] = Field(description="what may be done now")
    version: int


class TimelineEntry(BaseModel):
    at: datetime
    kind: str
    by: Named | None
    origin: str | None = Field(description="from where: the network address")
    note: str | None
    body: dict[str, Any] | None
    version: int


class Told(BaseModel):
    stage: str
    at: datetime


class AlertEvent(BaseModel):
    event_id: str
    type: str
    occurred_at: datetime
    received_at: datetime
    late_seconds: int
    device_ts: str | None = Field(description="the device's own words for the time, when they are not believed")
    clock_suspect: bool
    event_id_reused: bool
    cancelled: bool
    repeats: int
    battery: float | None
    location: Location | None
    detail: dict[str, Any] | None
    flaws: list[dict[str, Any]] = Field(description="what could not be read")
    told: Told | None = Field(description="the furthest stage that the broker has taken for the device")


class Route(BaseModel):
    organization_id: UUID
    name: str
    reason: str
    since: datetime


class Contact(BaseModel):
    name: str
    relation: str | None
    phone: str


class LostDevice(BaseModel):
    device_id: str
    kind: str
    silent_since: datetime
    restored: bool = Field(description="heard again")


class ToCall(BaseModel):
    """An elder of an area of whose devices nothing is heard."""

    elder: Named
    phone: str | None
    address: str | None
    contacts: list[Contact]
    risk: int = Field(description="points: Anhu's own order, no medical scale")
    reasons: list[str] = Field(description="why so early in the list, in Chinese")
    silent_since: datetime
    restored: bool = Field(description="all of their devices are heard again")
    devices: list[LostDevice]


class AskedResponder(BaseModel):
    """Somebody near who was asked to go."""

    id: UUID
    name: str
    kind: str
    skills: list[str]
    phone: str | None = Field(description="null for those who do not answer alerts: the family, supervisors")
    metres: int | None = Field(description="from the elder, as the crow flies; null when either place is unknown")
    asked_at: datetime
    state: Literal["asked", "accepted", "arrived", "done", "declined"]
    answered_at: datetime | None
    note: str | None


class NearResponder(BaseModel):
    """Somebody who could be sent."""

    id: UUID
    name: str
    kind: str
    skills: list[str]
    phone: str
    metres: int | None = Field(description="from the elder, as the crow flies; null when either place is unknown")
    state: Literal["asked", "accepted", "arrived", "done", "declined"] | None = Field(
        description="what became of asking them; null: they were not asked"
    )


class NearResponders(BaseModel):
    items: list[NearResponder]


class FalseAlarms(BaseModel):
    """How the alerts of this type in the last days were closed. Shown, and nothing follows from it."""

    whose: Literal["elder", "model"] = Field(description="of this elder, or of all devices of this one's model")
    name: str | None = Field(description="the model")
    days: int
    closed: int = Field(description="as real or mistaken, without tests and drills")
    mistaken: int = Field(description="closed as `false_alarm` or `accidental`")
    rate: float = Field(description="share of mistaken ones, drawn towards that of all such alerts while few are known")
    sentence: str | None = Field(description="in Chinese; null while too few are known to say anything")


class AlertDetail(Alert):
    timeline: list[TimelineEntry]
    events: list[AlertEvent]
    routes: list[Route] = Field(description="on whose screens it is")
    responders: list[AskedResponder] = Field(description="who was asked to go, and what became of it")
    false_alarms: list[FalseAlarms] = Field(description="learned of its elder and of its device's model")
    call_list: list[ToCall] | None = Field(
        description="of an `area.outage`: the elders within the caller's reach, who is to be called first before the"
        " others; null of other alerts, and once it is resolved"
    )


class Elder(BaseModel):
    id: UUID
    organization_id: UUID
    name: str
    gender: Literal["female", "male"] | None
    birth_date: date | None
    age: int | None
    phone: str | None
    address: str | None
    ability_level: AbilityLevel | None
    living_situation: str | None
    care_categories: list[str]
    long_term_care_grade: int | None = Field(description="长期护理失能等级, 0 to 5")
    doctor_name: str | None
    doctor_phone: str | None
    bed: str | None = Field(description="of a care home: building, room and bed")
    has_identity: bool = Field(description="an identity number is kept; `POST /elders/{id}/identity` shows it")
    contacts: list[Contact]
    position: Location | None
    health_notes: str | None
    conditions: list[str] | None = Field(
        description="illnesses; with medicines and allergies withheld as the notes are"
    )
    medicines: list[str] | None
    allergies: list[str] | None
    entry_notes: str | None
    withheld: bool = Field(description="no alert of this elder is unresolved: position, health and entry are closed")
    masked: bool = Field(description="telephone numbers are; `POST /elders/{id}/phones` shows them")
    opened_until: datetime | None = Field(description="the caller has opened what is withheld, until then")
    erased_at: datetime | None = Field(description="since then nothing of the person is kept")


class Device(BaseModel):
    id: str
    device_id: str
    kind: str
    model: str | None
    organization_id: UUID
    elder_id: UUID | None
    enrolled_at: datetime
    revoked_at: datetime | None = Field(description="since then the broker refuses it")
    online: bool | None
    online_at: datetime | None
    last_seen_at: datetime | None
    battery: float | None
    elder_name: str | None
    rssi: float | None = Field(description="signal in dBm, of the last day")
    conditions: list[str] = Field(description="what is noted of it now: device.untested is a test that is due")


class NewDevice(BaseModel):
    """A device to be enrolled. Where there is an elder, the organisation may be left out."""

    device_id: str
    kind: str = Field(description="wristband, fall_detector, …")
    model: str | None = None
    organization_id: UUID | None = None
    elder_id: UUID | None = None
    source: str | None = Field(default=None, description="the network that knows it by another name")
    hardware_id: str | None = Field(default=None, description="that name: an EUI, an IMEI, an IEEE address")


class Binding(BaseModel):
    elder_id: UUID | None = None
    organization_id: UUID | None = Field(default=None, description="where there is no elder; as it is when absent")


class DeviceSecret(BaseModel):
    device_id: str
    secret: str = Field(description="the MQTT password, told this once: only its hash is kept")


class EnrolmentFlaw(BaseModel):
    """What has to be mended before a device can be enrolled."""

    line: int = Field(description="of the CSV, the header is 1; 0: of no line, or not from a CSV")
    column: str
    value: str
    what: str = Field(description="for engineers, in English")
    message: str = Field(description="for the administrator, in Chinese")


class Import(BaseModel):
    secrets: list[DeviceSecret]
    flaws: list[EnrolmentFlaw] = Field(description="with `partial`, the lines that were left out")


class Quarantined(BaseModel):
    id: int
    received_at: datetime
    topic: str
    source: str | None = Field(description="of another maker's device; null is native")
    device_id: str | None
    reason: str
    field: str | None
    detail: str
    payload: str = Field(description="as text, with � for what is not UTF-8; at most the first 64 KiB")
    payload_base64: str
    payload_bytes: int
    replayed_at: datetime | None = Field(description="when it was tried again")
    replay: str | None = Field(
        description="what came of that: `taken`, `refused` (`reason` is why), `kept_short` (only its beginning is kept)"
    )


class Readings(BaseModel):
    """`raw`: measured fields as sent; else {"min", "avg", "max", "count"} for each field."""

    items: list[dict[str, Any]]
    next: str | None = None
    withheld: bool = Field(description="whether locations are withheld")


class AlertPage(BaseModel):
    items: list[Alert]
    next: str | None


class OrganizationPage(BaseModel):
    items: list[Organization]
    next: str | None


class ElderPage(BaseModel):
    items: list[Elder]
    next: str | None


class DevicePage(BaseModel):
    items: list[Device]
    next: str | None


class QuarantinePage(BaseModel):
    items: list[Quarantined]
    next: str | None


class SystemProblem(BaseModel):
    code: str
    detail: str = Field(description="for engineers, in English")


class WorkerStatus(BaseModel):
    kind: str
    host: str
    pid: int
    silent: bool = Field(description="has not beaten for 5 s")
    status: dict[str, Any]


class BridgeStatus(BaseModel):
    name: str
    kind: str = Field(description="watch, cloud")
    state: Literal["online", "gone", "stopped"] = Field(description="stopped: in order, and nobody's problem")
    since: datetime


class Readiness(BaseModel):
    """Whether a press would reach a screen, and what is missing if not (503)."""

    ready: bool
    problems: list[SystemProblem]
    warnings: list[SystemProblem] = Field(description="what is wrong, but holds no press up")
    workers: list[WorkerStatus]
    bridges: list[BridgeStatus] = Field(default=[], description="processes without a database, as gateways hear them")


class AcknowledgeBody(BaseModel):
    note: Note | None = None
    occurrences: int | None = Field(default=None, ge=1, description="how many presses the person saw")
    version: int | None = Field(default=None, ge=1, description="the alert's, as the person saw it")


class AskBody(BaseModel):
    limit: int = Field(default=ASKED_AT_ONCE, ge=1, le=MOST_AT_ONCE, description="how many more are asked at most")
    skills: list[Skill] = Field(default=[], max_length=10, description="each of them has all of these")


class DispatchBody(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"responder": "李某（虚构）", "eta_minutes": 8}})

    responder: Words = Field(description="a name or a responder's id")
    eta_minutes: int | None = Field(default=None, ge=0, le=1440)
    note: Note | None = None


class ArriveBody(BaseModel):
    note: Note | None = None


class ResolveBody(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"outcome": "assisted", "note": "已扶起，无外伤"}})

    outcome: Outcome
    note: Note | None = None


class FollowUpBody(BaseModel):
    note: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True, pattern=r"^[^\x00]*$")]
