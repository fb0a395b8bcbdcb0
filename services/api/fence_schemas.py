"""The shapes of fences, as OpenAPI shows them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.api.rule_schemas import Reason
from services.api.schemas import Named


class FenceVersion(BaseModel):
    version: int
    definition: dict[str, Any] | None = Field(
        description="as `POST` takes it, in WGS 84; null when it was taken away, or is withheld"
    )
    changed_at: datetime
    changed_by: Named
    reason: str


class Fence(FenceVersion):
    """Where an elder is to stay, or not to go; in its newest version."""

    id: UUID
    name: str
    keep: Literal["keep_in", "keep_out"]


class FenceDetail(Fence):
    versions: list[FenceVersion] = Field(description="newest first")
    withheld: bool = Field(description="as of the list")


class ElderFences(BaseModel):
    items: list[Fence]
    withheld: bool = Field(
        description="no alert of this elder is unresolved: where fences are is open to administrators alone"
    )


class NewFence(BaseModel):
    fence: dict[str, Any] = Field(
        description="`name`, `keep`, `shape`, `hours`; docs/rules.md says what they mean",
        examples=[
            {
                "name": "家附近",
                "keep": "keep_in",
                "shape": {"kind": "circle", "centre": {"lat": 29.707, "lon": 105.722}, "radius": 300},
                "hours": [{"weekdays": [1, 2, 3, 4, 5, 6, 7], "from": "20:00", "to": "06:00"}],
            }
        ],
    )
    datum: Literal["wgs84", "gcj02"] = Field(
        default="wgs84", description="of the positions; those of Chinese maps are gcj02. Stored as WGS 84"
    )
    reason: Reason


class ChangedFence(NewFence):
    version: int = Field(ge=1, description="the version that the change was made on")
