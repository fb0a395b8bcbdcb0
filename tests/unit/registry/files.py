"""Files as offices send them, made for tests. Names, numbers and places are invented: there is no district 500199."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from openpyxl import Workbook

from services.registry.imports.elders import category_words
from services.registry.imports.flaws import FileFlawError, Flaw
from services.registry.imports.identity_number import check_character
from services.registry.imports.places import Place, Places
from services.registry.imports.reading import Known, read

TODAY = date(2026, 11, 30)
STREET, BEICHAN, XICHAN, OTHER_STREET, OTHER_BEICHAN = (UUID(int=n) for n in range(2, 7))
PLACES = (
    Place(UUID(int=1), None, "district", "某区养老服务应急救援中心", "500199"),
    Place(STREET, UUID(int=1), "street", "龙岗街道", "500199001"),
    Place(BEICHAN, STREET, "community", "北禅社区居民委员会", "500199001003"),
    Place(XICHAN, STREET, "community", "西禅社区居民委员会", "500199001005"),
    Place(OTHER_STREET, UUID(int=1), "street", "棠香街道", "500199002"),
    Place(OTHER_BEICHAN, OTHER_STREET, "community", "红星社区居民委员会", "500199002001"),
)
KNOWN = Known(Places(PLACES), category_words(["特困", "低保", "失能", "高龄", "计划生育特殊家庭", "认知障碍"]), TODAY)


def number(born: str = "19500305", sequence: int = 2) -> str:
    """An identity number that nobody has; an even sequence is a woman's."""
    first = f"500199{born}{sequence:03d}"
    return first + check_character(first)


HEAD = ("姓名", "身份证号", "联系电话", "所属社区")
ROW = ("陈某", number(), "023-00000011", "北禅社区")


def csv_of(*rows: Sequence[str], separator: str = ",", encoding: str = "utf-8") -> bytes:
    return "\r\n".join(separator.join(row) for row in rows).encode(encoding)


def xlsx_of(*rows: Sequence[Any], **sheets: Sequence[Sequence[Any]]) -> bytes:
    return bytes_of(book_of(*rows, **sheets))


def book_of(*rows: Sequence[Any], **sheets: Sequence[Sequence[Any]]) -> Workbook:
    book = Workbook()
    book.active.title = "花名册"
    for row in rows:
        book.active.append(list(row))
    for title, more in sheets.items():
        sheet = book.create_sheet(title)
        for row in more:
            sheet.append(list(row))
    return book


def bytes_of(book: Workbook) -> bytes:
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def zip_of(**parts: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return data.getvalue()


def records(data: bytes, kind: str = "elders", known: Known = KNOWN) -> tuple[list[Any], list[Flaw]]:
    """What a file has, and what is wrong with it."""
    good, flaws = [], []
    try:
        for record, wrong in read(kind, data, known):
            good += [record] if record else []
            flaws += wrong
    except FileFlawError as error:
        flaws.append(error.flaw)
    return good, flaws
