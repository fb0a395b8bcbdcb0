"""The shapes of care homes' beds, as OpenAPI shows them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.api.schemas import Named

Part = Annotated[str, StringConstraints(min_length=1, max_length=30, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class NewBeds(BaseModel):
    """All beds of one room."""

    building: Part
    room: Part
    beds: list[Part] = Field(min_length=1, max_length=20)


class Bed(BaseModel):
    id: UUID
    building: str
    room: str
    bed: str
    elder: Named | None
    since: datetime | None = Field(description="when whoever has it moved in")


class BedList(BaseModel):
    items: list[Bed]


class BedOf(BaseModel):
    elder_id: UUID | None = Field(description="null: nobody has it")
