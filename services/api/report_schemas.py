"""The shapes of response reports and of the press ledger, as OpenAPI shows them."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.api.schemas import Named, Tier


class BySeverity(BaseModel):
    red: int
    orange: int
    yellow: int
    blue: int


class Measure(BaseModel):
    """How many of the rescues that can be judged met a target."""

    key: str
    name: str = Field(description="in Chinese")
    seconds: int
    judged: int
    met: int
    share: float | None = Field(description="0 to 1; null when none can be judged")
    target: float
    reached: bool | None
    source: str = Field(description="who says so")


class Spread(BaseModel):
    """Seconds; null where there are none."""

    count: int
    median: float | None
    p90: float | None = Field(description="nine in ten took no longer (nearest rank)")


class Times(BaseModel):
    answer: Spread
    dispatch: Spread
    arrival: Spread


class Section(BaseModel):
    alerts: int
    rescues: int = Field(description="alerts that are or became red")
    by_severity: BySeverity
    cancelled: int = Field(description="by the elder, in time")
    escalated: int = Field(description="were also shown above")
    unanswered: int = Field(description="rescues that nobody answered within 180 s, nor since")
    closed_without_dispatch: int
    measures: list[Measure]
    times: Times


class Shares(BaseModel):
    answer_10: float | None
    answer_60: float | None
    answer_180: float | None
    dispatch_180: float | None
    arrival_900: float | None


class ShortFigures(BaseModel):
    alerts: int
    rescues: int
    by_severity: BySeverity
    unanswered: int
    shares: Shares
    answer_median: float | None


class DayFigures(ShortFigures):
    day: date


class OrganizationFigures(ShortFigures):
    id: UUID
    name: str
    tier: Tier


class TypeFigures(BaseModel):
    type: str
    title: str = Field(description="in Chinese")
    alerts: int
    assisted: int
    hospital: int
    false_alarm: int
    accidental: int
    test: int
    drill: int
    cancelled: int
    open: int
    false: int = Field(description="false alarms, accidental, tests, and what was cancelled")
    false_share: float | None = Field(description="of those that are closed")


class ResponseReport(BaseModel):
    """docs/reports.md says what is counted, and when."""

    organization: Named
    first: date = Field(serialization_alias="from", description="days of Beijing, both included")
    last: date = Field(serialization_alias="to")
    made_at: datetime
    real: Section
    drills: Section
    days: list[DayFigures]
    types: list[TypeFigures]
    organizations: list[OrganizationFigures] = Field(description="its own first, then each below it with all below")


class Stages(BaseModel):
    """How far presses came."""

    pressed: int = Field(description="stored, and those that a gap in `seq` shows to be missing")
    stored: int
    waiting: int = Field(description="stored a moment ago, not taken in yet")
    raised: int
    seen: int = Field(description="shown to a person, or answered")
    answered: int
    cancelled: int = Field(description="by the elder, before anybody answered")
    open: int = Field(description="raised, not answered yet: it still sounds")
    repeats: int = Field(description="messages that told a stored press again")
    drills: int = Field(description="of those stored")


class SeqGap(BaseModel):
    """Numbers of a device that never came, between two events that did."""

    device_id: str
    first: int
    last: int
    after: datetime
    before: datetime
    explained: int = Field(description="of these numbers, those that are in quarantine with a reason")


class SeqReset(BaseModel):
    device_id: str
    at: datetime
    last: int
    first: int


class NotRaised(BaseModel):
    event: int
    device_id: str
    type: str
    received_at: datetime
    error: str | None


class PressLedger(BaseModel):
    first: datetime = Field(serialization_alias="from")
    last: datetime = Field(serialization_alias="to", description="not included")
    made_at: datetime
    unaccounted: int = Field(description="the figure: 0 is nothing unaccounted for")
    stages: Stages
    counted_devices: int = Field(description="devices that number their events")
    missing: int = Field(description="numbers that never came and are not explained")
    gaps: list[SeqGap] = Field(description="at most 500")
    resets: list[SeqReset] = Field(description="at most 500: what was lost across one cannot be told")
    not_raised: list[NotRaised] = Field(description="at most 500")


class LedgerDay(BaseModel):
    day: date
    unaccounted: int
    pressed: int
    answered: int
    gaps: int
    resets: int
    made_at: datetime


class LedgerDays(BaseModel):
    items: list[LedgerDay]


FileKind = Literal["csv", "xlsx"]
