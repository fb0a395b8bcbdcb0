"""The shapes of cameras bound to rooms, as OpenAPI shows them. A link is in one answer alone: that of a look."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from services.api.home_schemas import Part
from services.registry.cameras import flaw_of_link


def _seen_there(link: str) -> str:
    if (flaw := flaw_of_link(link)) is not None:
        raise ValueError(flaw)
    return link


Link = Annotated[
    str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True), AfterValidator(_seen_there)
]


class NewCamera(BaseModel):
    """In an elder's own home."""

    room: Part = Field(description="客厅, 卧室, …")
    name: Part
    link: Link = Field(description="rtsp, rtsps or https: of the operator's video platform; sealed, and not read back")


class NewRoomCamera(NewCamera):
    """In a room of a care home that has beds."""

    building: Part


class Camera(BaseModel):
    id: UUID
    building: str | None = Field(description="of a care home")
    room: str
    name: str
    made_at: datetime


class CameraList(BaseModel):
    items: list[Camera]


class CameraLink(BaseModel):
    link: str
