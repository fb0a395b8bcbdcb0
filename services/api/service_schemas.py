"""The shapes of service requests, as OpenAPI shows them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.api.schemas import Named, Note, Words

ServiceName = Literal["家政预约", "物品代购", "费用代缴", "远程医疗", "服务转介", "咨询", "其他"]
RequestStateName = Literal["open", "accepted", "assigned", "done", "withdrawn"]


class NewServiceRequest(BaseModel):
    elder_id: UUID
    service: ServiceName
    words: Note | None = Field(default=None, description="what exactly is wanted")


class StepBody(BaseModel):
    note: Note | None = None


class AssignBody(BaseModel):
    assigned_to: Words = Field(description="who does it: a name, or a company's")
    note: Note | None = None


class RateBody(BaseModel):
    rating: int = Field(ge=1, le=5)
    note: Note | None = None


class ServiceRequest(BaseModel):
    """Something wanted from the station that is no emergency."""

    id: UUID
    service: str = Field(description="a device names its own")
    words: str | None
    state: RequestStateName
    elder: Named | None
    organization_id: UUID
    device_id: str | None = Field(description="null: a person asked")
    asked_by: Named | None
    requested_at: datetime
    holder: Named | None
    assigned_to: str | None
    rating: int | None
    closed_at: datetime | None
    steps: list[str] = Field(description="what may be done now")
    version: int


class ServiceRequestEntry(BaseModel):
    at: datetime
    kind: str
    by: Named | None
    note: str | None
    body: dict[str, Any]


class ServiceRequestDetail(ServiceRequest):
    log: list[ServiceRequestEntry]


class ServiceRequestPage(BaseModel):
    items: list[ServiceRequest]
    next: str | None
