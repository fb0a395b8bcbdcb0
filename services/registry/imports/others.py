"""Rows of files of contacts, devices, accounts and organisations as records. Pure."""

import re
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.broker.accounts import DEVICE_ID, RESERVED
from services.registry.enrolment import KIND, SOURCE
from services.registry.imports import words
from services.registry.imports.cells import Cells
from services.registry.imports.identity_number import IdentityNumber
from services.registry.imports.places import Places

USERNAME = re.compile(r"[A-Za-z0-9._@-]{2,64}")
_DIVISION = re.compile(r"[0-9]{6}(?:[0-9]{3}){0,2}")
_ANY = re.compile(r"[\x21-\x7e]{1,256}")
LEAST_PASSWORD = 10


@dataclass(frozen=True, slots=True)
class Whose:
    """By what a row names an elder: the identity number, or else the name with where and when born."""

    identity: IdentityNumber | None
    name: str | None
    birth_date: date | None
    organization_id: UUID | None


@dataclass(frozen=True, slots=True)
class ContactRecord:
    line: int
    whose: Whose
    name: str
    relation: str | None
    phone: str
    position: int | None


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    line: int
    device_id: str
    kind: str
    model: str | None
    organization_id: UUID | None
    whose: Whose | None
    source: str | None
    hardware_id: str | None


@dataclass(frozen=True, slots=True)
class AccountRecord:
    line: int
    name: str
    username: str
    role: str
    organization_id: UUID | None
    elders: tuple[IdentityNumber, ...]
    password: str | None


@dataclass(frozen=True, slots=True)
class OrganizationRecord:
    """`parent` is as the file names it: it may be of a row further down."""

    line: int
    name: str
    tier: str
    parent: str
    division_code: str | None
    address: str | None
    phone: str | None


def whose(cells: Cells, places: Places, today: date) -> Whose | None:
    """None where the row names nobody."""
    identity = cells.identity("elder_identity", today)
    name = cells.name("elder_name")
    born = cells.day("elder_birth_date", today)
    place = cells.place("organization", places, "street")
    if identity is None and name is None:
        return None
    if identity is None and place is None and not cells.has("organization"):
        cells.wrong("elder_name", "只有姓名，分不清是哪一位老人", "请填身份证号，或同时填写所属社区")
    return Whose(identity, name, born, place.id if place else None)


def contact_of(cells: Cells, places: Places, today: date) -> ContactRecord | None:
    elder = whose(cells, places, today)
    name, phone = cells.name("name"), cells.phone("phone")
    cells.required("name", name)
    cells.required("phone", phone)
    position = cells.number("position", 1, 99)
    if elder is None and not cells.flaws:
        cells.wrong("elder_name", "没有写是哪位老人的联系人", "请填老人的身份证号，或姓名和所属社区")
    if cells.flaws or elder is None or name is None or phone is None:
        return None
    relation = cells.text("relation", most=50)
    return ContactRecord(cells.line, elder, name, relation, phone, int(position) if position else None)


def device_of(cells: Cells, places: Places, today: date) -> DeviceRecord | None:
    device_id = cells.code("device_id", DEVICE_ID, "设备编号不合格式", "应为 1–64 个字母、数字或 . _ -，中间无空格")
    cells.required("device_id", device_id)
    if device_id in RESERVED:
        cells.wrong("device_id", "编号已被系统使用", "请换一个编号")
    kind = _kind(cells)
    cells.required("kind", kind)
    elder = whose(cells, places, today)
    place = cells.place("organization", places, "street")
    source = cells.code("source", SOURCE, "来源名称不合格式", "应为 1–64 个字母、数字或 . _ -")
    hardware_id = cells.code("hardware_id", _ANY, "硬件编号里有空格或汉字", "请核对设备标签")
    if cells.has("source") != cells.has("hardware_id"):
        missing = "hardware_id" if cells.has("source") else "source"
        cells.wrong(missing, "“来源”和“硬件编号”必须同时填写", "请两个都填，或都不填")
    if not cells.flaws and elder is None and place is None:
        cells.wrong("organization", "没有机构也没有老人，无法确定设备归属", "请填所属社区，或老人的身份证号")
    model = cells.text("model")
    # Said twice by two columns, and once is enough.
    cells.flaws[:] = list(dict.fromkeys(cells.flaws))
    if cells.flaws or device_id is None or kind is None:
        return None
    organization_id = place.id if place else None
    return DeviceRecord(cells.line, device_id, kind, model, organization_id, elder, source, hardware_id)


def _kind(cells: Cells) -> str | None:
    text = cells.text("kind", most=64)
    if text is None:
        return None
    found = words.known(text, words.DEVICE_KINDS)
    if found is not None:
        return str(found)
    if KIND.fullmatch(text):
        return text
    meant = words.nearest(text, words.DEVICE_KINDS)
    told = f"是不是“{meant}”？" if meant else ""
    cells.wrong(
        "kind",
        "没有这种设备类型",
        f"{told}可填：手环、跌倒报警器、紧急呼叫器、拉绳、床垫、烟感、燃气报警器、水浸、门磁",
    )
    return None


def account_of(cells: Cells, places: Places, today: date) -> AccountRecord | None:
    name = cells.name("name")
    cells.required("name", name)
    username = cells.code("username", USERNAME, "登录名不合格式", "应为 2–64 个字母、数字或 . _ @ -")
    cells.required("username", username)
    role = cells.choice("role", words.ROLES, {role: words.ROLE_WORDS[role] for role in set(words.ROLES.values())})
    cells.required("role", role)
    place = cells.place("organization", places, "street")
    identity = cells.identity("elder_identity", today)
    password = cells.text("password")
    if password is not None and len(password) < LEAST_PASSWORD:
        cells.wrong("password", f"密码不足 {LEAST_PASSWORD} 位", "请加长，或留空由系统生成", "（不显示）")
    if not cells.flaws and role == "caregiver" and identity is None:
        cells.wrong("elder_identity", "照护者没有写明照护哪位老人", "请填老人的身份证号")
    if not cells.flaws and role != "caregiver" and place is None:
        cells.wrong("organization", "没有写所属机构", "除照护者外，每个账号必须属于一个机构")
    if cells.flaws or name is None or username is None or role is None:
        return None
    organization_id = place.id if place and role != "caregiver" else None
    elders = (identity,) if identity and role == "caregiver" else ()
    return AccountRecord(cells.line, name, username, role, organization_id, elders, password)


def organization_of(cells: Cells) -> OrganizationRecord | None:
    name = cells.text("name", most=100)
    cells.required("name", name)
    tier = cells.choice("tier", words.TIERS, words.TIER_WORDS)
    cells.required("tier", tier)
    parent = cells.text("parent", most=200)
    cells.required("parent", parent)
    code = cells.code("division_code", _DIVISION, "区划代码应为 6、9 或 12 位数字", "请核对，或留空")
    address, phone = cells.text("address"), cells.phone("phone")
    if cells.flaws or name is None or tier is None or parent is None:
        return None
    return OrganizationRecord(cells.line, "".join(name.split()), tier, parent, code, address, phone)
