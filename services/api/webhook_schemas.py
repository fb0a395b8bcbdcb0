"""The shapes of webhooks for changes, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.api.channel_schemas import Label, Url
from services.api.schemas import Named

SubjectName = Literal[
    "organization", "elder", "device", "account", "alert",
    "visit", "service_request", "medication", "responder", "duty", "escalation", "rule",
]  # fmt: skip
Subjects = Annotated[list[SubjectName], Field(min_length=1, max_length=12, description="of what it wants to be told")]


class NewWebhook(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organization_id": "01912f4c-0000-7000-8000-000000000001",
                "label": "区民政平台（虚构）",
                "url": "https://platform.example/anhu",
                "subjects": ["elder", "alert"],
            }
        }
    )

    organization_id: UUID = Field(description="it is told of this one and of all below it")
    label: Label
    url: Url
    subjects: Subjects


class ChangedWebhook(BaseModel):
    """What is absent stays as it is."""

    model_config = ConfigDict(json_schema_extra={"example": {"paused": False}})

    label: Label | None = None
    url: Url | None = None
    subjects: Subjects | None = None
    paused: bool | None = Field(default=None, description="false: goes on where it stopped, at once")


class Webhook(BaseModel):
    """Its secret is told once, and never here."""

    id: UUID
    organization: Named
    label: str
    url: str
    subjects: list[SubjectName]
    made_at: datetime
    made_by: str
    paused_at: datetime | None
    paused_why: Literal["asked", "failing", "gone"] | None = Field(
        description="somebody wanted it; nothing was taken for a day; the other side said 410 Gone"
    )
    delivered_at: datetime | None = Field(description="when something was taken last")
    failing_since: datetime | None
    failures: int = Field(description="one after the other, until now")
    failure: str | None = Field(description="the last of them")
    next_at: datetime | None = Field(description="when it is tried again")


class WebhookDelivery(BaseModel):
    at: datetime
    event: str = Field(description="the `id` of what was sent, and its header Anhu-Key")
    subject: str
    action: str
    outcome: Literal["accepted", "failed", "busy", "refused", "gone"]
    detail: str
    milliseconds: int


class WebhookDetail(Webhook):
    deliveries: list[WebhookDelivery] = Field(description="the last attempts, the newest first")


class WebhookWithSecret(Webhook):
    secret: str = Field(description="signs what is sent; told this once")


class WebhookList(BaseModel):
    items: list[Webhook]
