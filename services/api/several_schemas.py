"""One action on several things at once, as OpenAPI shows it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator

from services.api.schemas import DeviceSecret

_MOST = 500
DeviceName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


class SeveralElders(BaseModel):
    ids: list[UUID] = Field(min_length=1, max_length=_MOST)
    action: Literal["move", "add_category", "remove_category"]
    organization_id: UUID | None = Field(default=None, description="of `move`: where to; their devices go along")
    care_category: str | None = Field(
        default=None, max_length=50, pattern=r"^[^\x00]*$", description="of the other two"
    )

    @model_validator(mode="after")
    def _whole(self) -> "SeveralElders":
        if self.action == "move" and self.organization_id is None:
            raise ValueError("请选择要转到的机构")
        if self.action != "move" and not self.care_category:
            raise ValueError("请选择护理类别")
        return self


class SeveralDevices(BaseModel):
    ids: list[DeviceName] = Field(min_length=1, max_length=_MOST)
    action: Literal["unbind", "move", "rotate", "revoke"]
    organization_id: UUID | None = Field(default=None, description="of `move`: where to")

    @model_validator(mode="after")
    def _whole(self) -> "SeveralDevices":
        if self.action == "move" and self.organization_id is None:
            raise ValueError("请选择要转到的机构")
        return self


class SeveralAccounts(BaseModel):
    ids: list[UUID] = Field(min_length=1, max_length=_MOST)
    action: Literal["disable", "enable", "end_sessions"]


class Done(BaseModel):
    done: int = Field(description="things that are now as asked for, those that were so before among them")


class DevicesDone(Done):
    secrets: list[DeviceSecret] = Field(default=[], description="of `rotate`, told in this answer and never again")
