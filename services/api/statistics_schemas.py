"""The shapes of statistics, as OpenAPI shows them: counts alone."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from services.api.report_schemas import Section, ShortFigures
from services.api.schemas import Named, Tier


class KindFigures(BaseModel):
    devices: int
    online: int


class VisitFigures(BaseModel):
    met: int
    telephone: int
    not_met: int


class StatisticsFigures(BaseModel):
    """Elders, devices and plans as they are now; wearing, visits and requests of the period."""

    elders: int
    equipped: int = Field(description="elders with a device")
    categories: dict[str, int] = Field(description="an elder may have several")
    living: dict[str, int]
    levels: dict[str, int] = Field(description="GB/T 42195-2022; `unknown` is not assessed")
    devices: int
    online: int
    online_share: float | None = Field(description="0 to 1; null of none")
    kinds: dict[str, KindFigures]
    wear_rate: float | None = Field(description="share of readings that said worn, of the days that are rolled up")
    visits: VisitFigures
    visited: int = Field(description="elders of a plan whom somebody met or spoke with")
    planned: int = Field(description="elders of a visit plan")
    overdue: int
    requests: int = Field(description="service requests")
    requests_done: int


class OrganizationStatistics(StatisticsFigures):
    id: UUID
    name: str
    tier: Tier
    response: ShortFigures


class Statistics(BaseModel):
    organization: Named
    first: date = Field(serialization_alias="from", description="days of Beijing, both included")
    last: date = Field(serialization_alias="to")
    made_at: datetime
    total: StatisticsFigures
    response: Section = Field(description="as in the response report")
    organizations: list[OrganizationStatistics] = Field(
        description="its own first, which is what belongs to none of the others; then those below, or those of the tier"
    )
