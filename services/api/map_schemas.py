"""The shapes of the map, as OpenAPI shows them. Positions are WGS 84, whatever the tiles are."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.api.schemas import Location, Named, SeverityName, StateName, Tier


class MapSettings(BaseModel):
    layers: list[str] = Field(description="URLs of tiles with {s}, {z}, {x}, {y}, the lowest first; none: no tiles")
    subdomains: list[str]
    datum: Literal["wgs84", "gcj02"] = Field(description="of the tiles: what is drawn on them is shifted to it")
    attribution: str
    most_zoom: int
    circle_metres: int = Field(description="of a station's 一刻钟 circle")


class MapStation(BaseModel):
    id: UUID
    name: str
    tier: Tier
    lat: float
    lon: float
    placed: bool = Field(description="false: nobody has said where it is, so the middle of its elders' homes")
    elders: int


class MapResponder(BaseModel):
    id: UUID
    name: str
    kind: str
    lat: float
    lon: float
    seen_at: datetime | None = Field(description="when they said that they are there; null: where they live")


class MapAlert(BaseModel):
    """An unresolved one; the look at where it is is recorded."""

    id: UUID
    title: str
    severity: SeverityName
    state: StateName
    drill: bool
    raised_at: datetime
    elder: Named | None
    lat: float
    lon: float
    at_home: bool = Field(description="the device has told no position: the elder's home")


class Circle(BaseModel):
    """一刻钟 coverage, to a cell of the map."""

    placed: int = Field(description="elders whose home is known")
    within: int = Field(description="of them, how many live within the circle of a station")
    unplaced: int = Field(description="elders of whom no position is known")


class CareMap(BaseModel):
    cell: float = Field(description="side of a cell of homes, degrees: no home is told more exactly")
    elders: list[Annotated[list[float], Field(min_length=4, max_length=4)]] = Field(
        description="[lat, lon, elders, of whom with a care category] of each cell, nameless"
    )
    stations: list[MapStation]
    responders: list[MapResponder]
    alerts: list[MapAlert]
    circle: Circle


class HomePosition(BaseModel):
    position: Location | None
    around: Location | None = Field(description="where the map begins when there is none: the station")
