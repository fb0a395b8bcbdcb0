"""The shapes of a person's own channels and hours."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.api.schemas import SeverityName
from services.api.times import WallTime

Label = Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Url = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]


class NewChannel(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"kind": "apprise", "label": "家庭群", "url": "dingtalk://令牌（虚构）"}}
    )

    kind: Literal["web_push", "apprise", "webhook", "sms", "voice", "mail"]
    label: Label
    least: SeverityName = Field(default="blue", description="nothing milder comes this way")
    to: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="of `sms` and `voice` a telephone number, of `mail` an address"
    )
    url: Url | None = Field(default=None, description="of `apprise` and `webhook`")
    subscription: dict[str, Any] | None = Field(
        default=None, description="of `web_push`: what PushSubscription.toJSON() gives"
    )


class ChannelTest(BaseModel):
    asked_at: datetime
    outcome: str | None = Field(description="accepted, failed, busy, refused, gone; null while it is on its way")
    ended: str | None


class Channel(BaseModel):
    """Where it leads is secret, and never told."""

    id: UUID
    kind: Literal["web_push", "apprise", "webhook", "gateway"]
    label: str
    position: int
    least: SeverityName
    service: str = Field(description="a host, the name of a service, or a number or address without its middle")
    added_at: datetime
    worked_at: datetime | None
    failed_at: datetime | None = Field(description="when it failed last, if it has not worked since")
    failure: str | None
    gone_at: datetime | None = Field(description="its service says that it is no more: add it anew")
    test: ChannelTest | None = Field(description="the latest test")


class AddedChannel(Channel):
    secret: str | None = Field(description="of a webhook: signs what is sent; told this once")


class QuietHours(BaseModel):
    """Hours of Beijing, past midnight when the end is before the beginning. Red comes through."""

    begins: WallTime
    ends: WallTime


class Channels(BaseModel):
    items: list[Channel] = Field(description="in the order in which they are tried")
    quiet: QuietHours | None
    web_push_key: str = Field(description="applicationServerKey of a subscription")
    gateways: list[Literal["sms", "voice", "mail"]] = Field(description="that this deployment has")


class ChannelOrder(BaseModel):
    ids: list[UUID] = Field(max_length=50, description="all channels, the first to be tried first")


class Hours(BaseModel):
    quiet: QuietHours | None
