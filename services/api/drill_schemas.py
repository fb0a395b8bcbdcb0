"""The shapes of drills and of tests that are due, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.api.schemas import Named, Note, Outcome, StateName

DeviceId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
DrillName = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=r"^[^\x00]*$")
]
DrillState = Literal["planned", "running", "ended", "called_off"]


class NewDrill(BaseModel):
    """One of `organization_id` and `device_ids` is given."""

    name: DrillName
    organization_id: UUID | None = Field(default=None, description="all that can be pressed there, and below it")
    device_ids: list[DeviceId] = Field(default=[], max_length=500)
    starts_at: AwareDatetime | None = Field(default=None, description="at once when absent")
    ends_at: AwareDatetime = Field(description="at most 4 h after the start")
    note: Note | None = None


class Drill(BaseModel):
    """演练: one press of each listed device, by the real path. Every other press is real."""

    id: UUID
    name: str
    note: str | None
    organization: Named | None
    state: DrillState
    starts_at: datetime
    ends_at: datetime
    made_by: Named
    made_at: datetime
    over_at: datetime | None
    over_why: Literal["complete", "time_up", "call_off"] | None
    over_by: Named | None
    expected: int = Field(description="how many devices")
    pressed: int
    unresolved: int = Field(description="of its alerts")


class DrillReport(BaseModel):
    """What it came to. Times are seconds from the raise; null where nobody answered."""

    expected: int
    pressed: int
    raised: int
    seen: int
    answered: int
    closed: int
    answered_in_10: int
    answered_in_60: int
    answered_in_180: int
    answer_median_seconds: float | None
    answer_slowest_seconds: float | None
    not_pressed: list[str] = Field(description="devices")
    not_answered: list[str]
    other_presses: int = Field(description="real presses of listed devices while it ran")


class DrillPress(BaseModel):
    device_id: str
    kind: str | None
    elder: Named | None
    pressed_at: datetime | None
    alert_id: UUID | None
    state: StateName | None
    outcome: Outcome | None
    raised_at: datetime | None
    seen_at: datetime | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    answer_seconds: float | None
    other_presses: int


class DrillDetail(Drill):
    report: DrillReport
    presses: list[DrillPress] = Field(description="by device; at most 2000")


class DrillPage(BaseModel):
    items: list[Drill]
    next: str | None


class ButtonTest(BaseModel):
    """A device that is to be tested weekly (JGJ/T 484-2019, 10.3). A `test`, a press or a drill's press is one."""

    device_id: str
    kind: str
    organization: Named
    elder: Named | None
    phone: str | None
    address: str | None
    tested_at: datetime | None = Field(description="the last; null when never")
    tested_by: Literal["test", "sos", "drill"] | None
    due_at: datetime
    overdue: bool
    last_seen_at: datetime | None


class ButtonTestPage(BaseModel):
    lasting_days: float
    due: int = Field(description="of all that the caller reaches: those whose time is over")
    all: int
    items: list[ButtonTest] = Field(description="the longest due first")
    next: str | None
