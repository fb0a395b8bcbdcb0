"""The shapes of visits, as OpenAPI shows them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.api.responder_schemas import Place
from services.api.schemas import Location, Named, Note, Tier, Words

EveryName = Literal["week", "month", "quarter"]
ResultName = Literal["met", "telephone", "not_met"]
Concern = Literal["身体不适", "情绪低落", "用药问题", "居家安全隐患", "生活困难", "设备故障", "其他"]
Group = Annotated[str, StringConstraints(min_length=1, max_length=50, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class VisitPlan(BaseModel):
    """Who is visited how often."""

    key: str
    name: str
    organization_id: UUID | None = Field(description="whose it is; null: it holds where nobody has set another")
    groups: list[str] = Field(description="care categories or living situations: one of them is enough")
    every: EveryName
    raises: bool = Field(description="an overdue visit is a yellow alert")
    source: str
    changed_at: datetime
    changed_by: str | None


class VisitPlanList(BaseModel):
    items: list[VisitPlan]


class WantedPlan(BaseModel):
    """A plan of one's own, in the place of the one that holds from above."""

    organization_id: UUID
    name: Words
    groups: list[Group] = Field(min_length=1, max_length=30)
    every: EveryName
    raises: bool = True
    source: Words = Field(description="who says so: a regulation, a resolution of one's own")


class DueVisit(BaseModel):
    """An elder of a plan, with what a visitor needs at the door: nothing of health."""

    elder: Named
    organization_id: UUID
    phone: str | None
    address: str | None
    living_situation: str | None
    plan: str
    every: EveryName
    due_on: date = Field(description="on this day it is still in time")
    visited_on: date | None
    overdue: bool
    visitor: Named | None


class DuePage(BaseModel):
    items: list[DueVisit]
    next: str | None


class AssignVisits(BaseModel):
    elder_ids: list[UUID] = Field(min_length=1, max_length=500)
    account_id: UUID | None = Field(description="a responder's or an operator's; null: nobody's")


class Assigned(BaseModel):
    assigned: int


class Visitor(BaseModel):
    id: UUID
    name: str
    kind: str = Field(description="operator, or a responder's kind")
    elders: int = Field(description="how many they are to visit")
    username: str | None = Field(description="null: they cannot sign in yet")


class VisitorList(BaseModel):
    items: list[Visitor]


class VisitorPassword(BaseModel):
    username: str
    password: str = Field(description="told this once: only its hash is kept")


class VisitPlace(Place):
    accuracy: float | None = Field(default=None, ge=0, le=100_000, description="metres")


class NewVisit(BaseModel):
    id: UUID = Field(description="the telephone's own: sent twice, it is kept once")
    elder_id: UUID
    result: ResultName
    visited_at: datetime | None = Field(default=None, description="of the last seven days; now when absent")
    findings: Note | None = None
    concerns: list[Concern] = Field(default=[], max_length=7)
    position: VisitPlace | None = None


class Visit(BaseModel):
    id: UUID
    elder: Named
    organization_id: UUID
    visitor: Named
    visited_at: datetime
    recorded_at: datetime
    result: ResultName
    findings: str | None = Field(description="null as well for a family that does not see health")
    concerns: list[str]
    metres: int | None = Field(description="from the elder's home, where both are known")
    position: Location | None = Field(description="where the telephone was; for staff")
    photos: list[int] = Field(description="their positions")


class VisitPage(BaseModel):
    items: list[Visit]
    next: str | None


class PeriodRate(BaseModel):
    first: date
    last: date
    expected: int
    visited: int
    by_telephone_alone: int
    rate: float | None


class PlanRates(BaseModel):
    plan: str
    name: str
    every: EveryName
    elders: int
    overdue: int
    nobodys: int = Field(description="of whom it is not said who visits them")
    periods: list[PeriodRate] = Field(description="the oldest first; the last one still runs")


class OrganizationRate(BaseModel):
    id: UUID
    name: str
    tier: Tier
    plan: str
    every: EveryName
    expected: int
    visited: int
    overdue: int
    rate: float | None


class Coverage(BaseModel):
    plans: list[PlanRates]
    organizations: list[OrganizationRate] = Field(description="the running period, by what is next below")
