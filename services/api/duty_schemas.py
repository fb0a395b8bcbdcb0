"""The shapes of escalation policies and duty rosters, as OpenAPI shows them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from services.api.rule_schemas import Reason, RuleFlaw
from services.api.schemas import Named, Words

DayKindName = Literal["workday", "rest", "holiday"]
StageName = Literal["unanswered", "asked_again", "undispatched", "unarrived", "unclosed"]
WhoName = Literal["operators", "duty", "named", "responders", "caregivers", "tier_above"]
ClockText = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]


def _of_our_time(at: date) -> date:
    """Who is on duty in the year 1 or 9999 nobody asks, and sums of such days overflow."""
    if not 2000 <= at.year <= 2100:
        raise ValueError("应在 2000 年至 2100 年之间")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
Day = Annotated[date, AfterValidator(_of_our_time)]

# Policies ---------------------------------------------------------------------------------------------


class PolicyVersion(BaseModel):
    version: int
    definition: dict[str, Any] | None = Field(description="docs/escalation.md; null: withdrawn")
    changed_at: datetime
    changed_by: Named | None
    reason: str


class Escalation(BaseModel):
    """What holds for an organisation, and what it has of its own."""

    organization: Named
    above: Named | None = Field(description="whom a step `tier_above` calls first; null of the root")
    holds_from: Named | None = Field(description="whose policy holds; null: the built-in one")
    definition: dict[str, Any] = Field(description="of the policy that holds")
    built_in: dict[str, Any] = Field(description="what holds where a policy says nothing")
    own_version: int = Field(description="of the organisation's own policy; 0: it never had one")
    versions: list[PolicyVersion] = Field(description="of its own, newest first: who changed what, when and why")
    people: list[Named] = Field(description="those whom the policy names")


class ChangedPolicy(BaseModel):
    policy: dict[str, Any] | None = Field(description="null withdraws it: the next one up holds")
    version: int = Field(ge=0, description="the version that the change was made on; 0: there is none yet")
    reason: Reason


class PolicyToCheck(BaseModel):
    policy: dict[str, Any]


class PolicyCheck(BaseModel):
    ok: bool
    flaws: list[RuleFlaw]


class CalledPerson(BaseModel):
    id: UUID
    name: str
    why: str = Field(description="caregiver, duty, named, tier, responder")


class Call(BaseModel):
    """What one step would do."""

    after_seconds: int
    at: datetime
    stage: StageName
    who: list[WhoName]
    organization: Named | None = Field(description="on whose screens it is from then on")
    people: list[CalledPerson]
    attention: bool = Field(description="it asks for an answer again")
    nobody_on_duty: bool = Field(description="there is a roster, and nobody is on shift")


class Rehearsal(BaseModel):
    """Who would be called if nobody did anything. Nothing is told to anybody."""

    at: datetime
    day: DayKindName
    day_name: str | None = Field(description="春节 …; of a workday: the holiday that it is worked for")
    day_known: bool = Field(description="false: the year's holidays are not announced; the weekday decided")
    holds_from: Named | None
    policy_name: str
    on_duty: list[Named]
    has_roster: bool
    calls: list[Call]


# Rosters ----------------------------------------------------------------------------------------------


class NewShift(BaseModel):
    name: Words
    begins: ClockText
    ends: ClockText = Field(description="the next day's, when not later than `begins`")
    people: list[UUID] = Field(min_length=1, max_length=100)
    turn: Literal["together", "daily", "weekly"] = Field(
        default="together", description="together, or one after the other by days or by weeks from Monday"
    )
    days: list[DayKindName] = Field(default=["workday", "rest", "holiday"], min_length=1, max_length=3)
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = Field(
        default=[], max_length=7, description="0 is Monday; empty: every one"
    )
    first_day: Day
    last_day: Day | None = None


class Shift(BaseModel):
    id: UUID
    name: str
    begins: str
    ends: str
    people: list[Named]
    turn: Literal["together", "daily", "weekly"]
    days: list[DayKindName]
    weekdays: list[int]
    first_day: date
    last_day: date | None
    made_at: datetime
    made_by: str


class NewDutyChange(BaseModel):
    kind: Literal["absence", "swap", "extra"] = Field(description="请假, 换班, 加班")
    account_id: UUID
    other_id: UUID | None = Field(default=None, description="of a swap: who comes instead")
    begins_at: Moment
    ends_at: Moment
    note: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] | None = None


class DutyChange(BaseModel):
    id: UUID
    kind: Literal["absence", "swap", "extra"]
    account: Named
    other: Named | None
    begins_at: datetime
    ends_at: datetime
    note: str | None
    imported: bool = Field(description="another calendar brought it")
    made_at: datetime
    made_by: str


class Stint(BaseModel):
    """A time in which the same people are on shift; nobody where `people` is empty."""

    begins_at: datetime
    ends_at: datetime
    people: list[Named]


class Gap(BaseModel):
    begins_at: datetime
    ends_at: datetime


class DutyDay(BaseModel):
    day: date
    kind: DayKindName
    name: str | None
    known: bool
    said: bool = Field(description="somebody has said it, whatever the statutory calendar has")


class Duty(BaseModel):
    """An organisation's roster between two moments."""

    organization: Named
    begins_at: datetime
    ends_at: datetime
    has_roster: bool
    now: list[Named] = Field(description="who is on shift at this moment")
    shifts: list[Shift]
    changes: list[DutyChange]
    stints: list[Stint]
    gaps: list[Gap] = Field(description="when nobody is on shift; none where there is no roster")
    days: list[DutyDay] = Field(description="that are no ordinary day of their week")


class OnDuty(BaseModel):
    """Who is on shift now, and who watches."""

    organization: Named
    has_roster: bool
    people: list[Named]
    until: datetime | None = Field(description="when that changes, within a week")
    next_gap: Gap | None = Field(description="within 31 days")
    screens: int = Field(description="that are watched")
    expected: bool = Field(description="somebody is expected at its screens")
    unwatched_since: datetime | None
    why: Literal["no_screen", "nobody_on_duty"] | None


class OnDutyList(BaseModel):
    items: list[OnDuty]


class Roster(BaseModel):
    """Who may be on an organisation's roster."""

    items: list["RosterAccount"]


class RosterAccount(BaseModel):
    id: UUID
    username: str
    name: str
    role: str


class SkippedEvent(BaseModel):
    uid: str
    summary: str
    why: str


class ImportedCalendar(BaseModel):
    added: int
    kept: int
    ended: int = Field(description="imported before, and no more in the calendar")
    skipped: list[SkippedEvent]


class NewCalendarDay(BaseModel):
    kind: DayKindName
    name: Annotated[str, StringConstraints(max_length=50, pattern=r"^[^\x00]*$")] | None = None


class CalendarDays(BaseModel):
    items: list[DutyDay]
