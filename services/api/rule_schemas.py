"""The shapes of rules on readings, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.api.schemas import Named, SeverityName

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class RuleVersion(BaseModel):
    version: int
    definition: dict[str, Any] = Field(description="as `POST /rules` takes it; docs/rules.md says what it means")
    changed_at: datetime
    changed_by: Named | None = Field(description="null when it came with Anhu")
    reason: str


class Rule(RuleVersion):
    """A rule on readings, in its newest version."""

    id: UUID
    key: str = Field(description="what it watches; the type of its alerts is `rule.` and this")
    title: str
    severity: SeverityName
    mode: Literal["live", "shadow", "off"]
    elder: Named | None = Field(description="of the scope, so that a screen can name them")
    organization: Named | None = Field(description="of the scope; it may lie above the caller's")


class RuleDetail(Rule):
    versions: list[RuleVersion] = Field(description="newest first")


class NewRule(BaseModel):
    rule: dict[str, Any] = Field(description="the definition; its `id` and `version` do not count")
    reason: Reason


class ChangedRule(NewRule):
    version: int = Field(ge=1, description="the version that the change was made on")


class RuleToCheck(BaseModel):
    rule: dict[str, Any]


class RuleFlaw(BaseModel):
    where: str = Field(description="path in the definition")
    what: str = Field(description="what is wrong and how to mend it, in Chinese")


class RuleCheck(BaseModel):
    ok: bool
    flaws: list[RuleFlaw]


class RuleLimit(BaseModel):
    """Where a rule's limit lies for one elder, in the unit of the field."""

    field: str
    direction: Literal["above", "below"]
    value: float
    clear: float


class ElderRule(BaseModel):
    """A rule that holds for an elder."""

    rule: Rule
    severity: SeverityName = Field(description="for this elder")
    why: str = Field(description="in Chinese")
    hides: list[UUID] = Field(description="rules with the same key that would hold without this one")
    limit: RuleLimit | None = Field(description="null of a score, and of what is not known yet or withheld")
    on: UUID | None = Field(description="the episode that is on")


class ElderRules(BaseModel):
    items: list[ElderRule]
    withheld: bool = Field(description="no alert of this elder is unresolved: limits of their own are closed")


class RuleEpisode(BaseModel):
    """A stretch in which a rule held for an elder."""

    id: UUID
    version: int
    mode: Literal["live", "shadow"]
    severity: SeverityName
    elder: Named
    device_id: str
    began_at: datetime
    raised_at: datetime
    cleared_at: datetime | None = Field(description="null: it is on")
    ended: Literal["clear", "answered", "refuted"] | None
    alert_id: UUID | None
    held: Literal["covered", "past", "silenced"] | None = Field(description="why a live one has no alert")
    held_by: UUID | None = Field(description="the episode that covers it")
    sentence: str | None
    evidence: dict[str, Any] | None
    withheld: bool = Field(description="no alert of the elder is unresolved: sentence and evidence are closed")


class RulePage(BaseModel):
    items: list[Rule]
    next: str | None


class RuleEpisodePage(BaseModel):
    items: list[RuleEpisode]
    next: str | None
