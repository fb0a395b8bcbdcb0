"""The shapes of trials of rules, as OpenAPI shows them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.api.schemas import Named, SeverityName


class NewTrial(BaseModel):
    rule: dict[str, Any] = Field(description="as of `POST /rules`; its `id` and `version` do not count")
    start: AwareDatetime = Field(alias="from", description="inclusive")
    end: AwareDatetime = Field(alias="to", description="exclusive; in the past, at most 31 days later")


class OrganizationAlerts(Named):
    alerts: int


class TrialCounts(BaseModel):
    """What would have been raised within the period."""

    alerts: int = Field(description="each episode is one, whatever would have been folded or held back")
    elders: int = Field(description="who would have had one at least")
    per_day: float
    by_severity: dict[SeverityName, int]
    by_organization: list[OrganizationAlerts] = Field(description="elders' own; the most first")


class TrialIncident(BaseModel):
    """An alert that people closed as real."""

    alert_id: UUID
    type: str
    at: datetime
    elder: Named
    tried: bool = Field(description="the tried rule would have raised from 60 min before to 15 min after it")
    in_force: bool


class TrialIncidents(BaseModel):
    known: int
    caught: int
    missed: int
    caught_in_force: int
    items: list[TrialIncident] = Field(description="newest first")


class TrialEpisode(BaseModel):
    elder: Named
    began_at: datetime
    raised_at: datetime
    ended_at: datetime | None
    severity: SeverityName
    sentence: str = Field(description="why it would have spoken, for operators")
    also_in_force: bool = Field(description="the rule in force would have had one that meets it in time")


class TrialResult(BaseModel):
    elders: int = Field(description="for whom the tried rule would be the one that holds")
    readings: int = Field(description="of theirs within the period")
    seconds: float
    tried: TrialCounts
    in_force: TrialCounts = Field(description="what the rules of the same key now in force would have raised")
    incidents: TrialIncidents
    episodes: list[TrialEpisode] = Field(description="of the tried rule, newest first, at most 200")
    more: int = Field(description="that are not shown")


class TrialSummary(BaseModel):
    """A rule that is tried on stored history."""

    model_config = ConfigDict(populate_by_name=True)

    id: UUID
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    progress: float = Field(ge=0, le=1)
    rule: dict[str, Any] = Field(description="the definition")
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    asked_by: Named
    asked_at: datetime
    error: str | None = Field(description="why it has failed, in Chinese")


class Trial(TrialSummary):
    result: TrialResult | None = Field(description="there when it is done")


class TrialPage(BaseModel):
    items: list[TrialSummary]
    next: str | None
