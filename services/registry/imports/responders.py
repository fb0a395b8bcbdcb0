"""A row of a file of responders as a record. Pure."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.registry.imports import words
from services.registry.imports.cells import Cells
from services.registry.imports.elders import DATUMS, whole_position
from services.registry.imports.hours import MOST, hours_of
from services.registry.imports.places import Places

_MOST_SKILLS = 20
_LONGEST_SKILL = 20


@dataclass(frozen=True, slots=True)
class ResponderRecord:
    """What a row says; None: nothing, and what is kept stays. Hours as the register has them, none: always."""

    line: int
    name: str
    organization_id: UUID
    kind: str
    phone: str
    skills: list[str] | None
    hours: list[dict[str, Any]] | None
    lat: float | None
    lon: float | None
    datum: str


def responder_of(cells: Cells, places: Places) -> ResponderRecord | None:
    name = cells.name("name")
    cells.required("name", name)
    kind = cells.choice("kind", words.RESPONDER_KINDS, words.RESPONDER_WORDS)
    cells.required("kind", kind)
    phone = cells.phone("phone")
    cells.required("phone", phone)
    place = cells.place("organization", places, "street")
    cells.required("organization", place)
    skills = cells.several("skills", most=_MOST_SKILLS)
    for skill in skills or []:
        if len(skill) > _LONGEST_SKILL:
            cells.wrong("skills", f"一项技能有 {len(skill)} 个字", "请写短一些，几项之间用顿号分开，例如：急救、有钥匙")
            break
    hours = _hours(cells)
    lat, lon = cells.number("lat", 3, 54), cells.number("lon", 73, 136)
    datum = cells.choice("datum", DATUMS, {"wgs84": "WGS84", "gcj02": "GCJ02"}) or "wgs84"
    whole_position(cells)
    if cells.flaws or name is None or kind is None or phone is None or place is None:
        return None
    return ResponderRecord(cells.line, name, place.id, kind, phone, skills, hours, lat, lon, datum)


def _hours(cells: Cells) -> list[dict[str, Any]] | None:
    text = cells.text("hours", most=500)
    if text is None:
        return None
    found = hours_of(text)
    if found is None:
        mend = f"请写成“周一至周五 08:00-18:00；周末 09:00-12:00”，最多 {MOST} 段；不分时间的写“全天”"
        cells.wrong("hours", "看不懂可出动的时间", mend)
    return found
