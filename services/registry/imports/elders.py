"""A row of a file of elders as a record. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from services.registry.imports import words
from services.registry.imports.cells import Cells
from services.registry.imports.columns import CONTACTS
from services.registry.imports.identity_number import IdentityNumber
from services.registry.imports.places import Places


@dataclass(frozen=True, slots=True)
class ElderRecord:
    """What a row says; None: nothing, and what is kept stays."""

    line: int
    name: str
    organization_id: UUID
    identity: IdentityNumber | None
    birth_date: date | None
    gender: str | None = None
    phone: str | None = None
    address: str | None = None
    lat: float | None = None
    lon: float | None = None
    datum: str = "wgs84"
    ability_level: str | None = None
    assessed_on: date | None = None
    assessor: str | None = None
    long_term_care_grade: int | None = None
    care_categories: list[str] | None = None
    living_situation: str | None = None
    conditions: list[str] | None = None
    medicines: list[str] | None = None
    allergies: list[str] | None = None
    health_notes: str | None = None
    entry_notes: str | None = None
    doctor_name: str | None = None
    doctor_phone: str | None = None
    #: In their order: {"name", "relation", "phone"}.
    contacts: list[dict[str, Any]] | None = field(default=None)


DATUMS = {"wgs84": "wgs84", "wgs-84": "wgs84", "gps": "wgs84", "gcj02": "gcj02", "gcj-02": "gcj02"} | {
    "高德": "gcj02",
    "腾讯": "gcj02",
    "火星坐标": "gcj02",
}


def elder_of(cells: Cells, places: Places, categories: Mapping[str, str], today: date) -> ElderRecord | None:
    """None where anything is wrong, which is in `cells.flaws` then. `categories`: words to those of the list."""
    name = cells.name("name")
    cells.required("name", name)
    place = cells.place("organization", places, "street")
    cells.required("organization", place)
    identity = cells.identity("identity", today)
    birth_date = cells.day("birth_date", today)
    gender = cells.choice("gender", words.GENDERS, {"male": "男", "female": "女"})
    _agree(cells, identity, birth_date, gender)
    assessed_on = cells.day("assessed_on", today, first=date(2000, 1, 1))
    record = ElderRecord(
        line=cells.line,
        name=name or "",
        organization_id=place.id if place else UUID(int=0),
        identity=identity,
        birth_date=birth_date or (identity.birth_date if identity else None),
        gender=gender or (identity.gender if identity else None),
        phone=cells.phone("phone"),
        address=cells.text("address"),
        lat=cells.number("lat", 3, 54),
        lon=cells.number("lon", 73, 136),
        datum=cells.choice("datum", DATUMS, {"wgs84": "WGS84", "gcj02": "GCJ02"}) or "wgs84",
        ability_level=cells.choice("ability_level", words.ABILITY_LEVELS, words.ABILITY_WORDS),
        assessed_on=assessed_on,
        assessor=cells.text("assessor", most=100),
        long_term_care_grade=cells.grade("long_term_care_grade", words.LONG_TERM_CARE),
        care_categories=_categories(cells, categories),
        living_situation=cells.choice("living_situation", words.LIVING_SITUATIONS, words.LIVING_SITUATIONS),
        conditions=cells.several("conditions"),
        medicines=cells.several("medicines"),
        allergies=cells.several("allergies"),
        health_notes=cells.text("health_notes", most=2000),
        entry_notes=cells.text("entry_notes", most=2000),
        doctor_name=cells.text("doctor_name", most=100),
        doctor_phone=cells.phone("doctor_phone"),
        contacts=_contacts(cells),
    )
    whole_position(cells)
    if assessed_on and record.ability_level is None and not cells.has("ability_level"):
        cells.wrong("assessed_on", "有评估日期而没有能力等级", "请填写能力等级，或删去日期")
    if not cells.flaws and record.birth_date is None:
        mend = "请填写其中一项，否则再次导入时分不清是不是同一位老人"
        cells.wrong("identity", "既没有身份证号，也没有出生日期", mend)
    return None if cells.flaws else record


def whole_position(cells: Cells) -> None:
    """Half a position is none."""
    if cells.has("lat") != cells.has("lon"):
        cells.wrong("lat" if cells.has("lat") else "lon", "经度和纬度只填了一个", "请两个都填，或都不填")


def _agree(cells: Cells, identity: IdentityNumber | None, born: date | None, gender: str | None) -> None:
    if identity and born and identity.birth_date != born:
        told = f"与身份证号里的 {identity.birth_date} 不一致"
        cells.wrong("birth_date", told, "请核对两者，改正其中一个，或把出生日期留空")
    if identity and gender and identity.gender != gender:
        told = f"与身份证号不一致（身份证号第 17 位表示{words.GENDER_WORDS[identity.gender]}）"
        cells.wrong("gender", told, "请核对两者，改正其中一个，或把性别留空")


def _categories(cells: Cells, categories: Mapping[str, str]) -> list[str] | None:
    found = cells.several("care_categories")
    if found is None:
        return None
    kept: list[str] = []
    for word in found:
        if word in words.NO_CATEGORY:
            continue
        name = words.known(word, categories)
        if name is None:
            meant = words.nearest(word, categories)
            told = f"是不是“{categories[meant]}”？" if meant else ""
            allowed = "、".join(dict.fromkeys(categories.values()))
            cells.wrong("care_categories", f"没有类别“{word}”", f"{told}可填：{allowed}", word)
        elif str(name) not in kept:
            kept.append(str(name))
    return kept


def _contacts(cells: Cells) -> list[dict[str, Any]] | None:
    contacts: list[dict[str, Any]] = []
    for number in range(1, CONTACTS + 1):
        name_key, phone_key = f"contact{number}_name", f"contact{number}_phone"
        name, phone = cells.name(name_key), cells.phone(phone_key)
        relation = cells.text(f"contact{number}_relation", most=50)
        if name and not phone and not cells.has(phone_key):
            cells.wrong(name_key, "紧急联系人没有电话", "请填写电话，或删去这位联系人")
        if phone and not name and not cells.has(name_key):
            cells.wrong(phone_key, "紧急联系人没有姓名", "请填写姓名，至少写“女儿”“邻居”")
        if name and phone:
            contacts.append({"name": name, "relation": relation, "phone": phone})
    return contacts or None


def category_words(names: list[str]) -> dict[str, str]:
    """The list's own words, and what else they are called."""
    own = {name: name for name in names}
    return {word: name for word, name in words.CATEGORY_SYNONYMS.items() if name in own} | own
