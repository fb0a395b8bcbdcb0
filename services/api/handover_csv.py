"""Files for handing over to the systems of civil affairs: which fields, in which order, what each is. Pure.

The lists are ours, in the words that civil-affairs offices use; docs/exchange.md has them, and a test compares. They
are no published interface: whoever has one maps these fields to it.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from alerts.domain.rules.fence import BEIJING


@dataclass(frozen=True, slots=True)
class Column:
    name: str  # the header
    field: str  # ours
    what: str


_GENDERS: Final = {"female": "女", "male": "男"}
_LEVELS: Final = {
    "intact": "能力完好",
    "mild": "轻度失能",
    "moderate": "中度失能",
    "severe": "重度失能",
    "total": "完全失能",
}
_RESULTS: Final = {"met": "已见面", "telephone": "电话联系", "not_met": "没有见到"}
_SEVERITIES: Final = {"red": "红色", "orange": "橙色", "yellow": "黄色", "blue": "蓝色"}
_WORDS: Final[Mapping[str, Mapping[Any, str]]] = {
    "gender": _GENDERS,
    "ability_level": _LEVELS,
    "result": _RESULTS,
    "severity": _SEVERITIES,
    "drill": {True: "是", False: "否"},
}

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "elders": (
        Column("老人编号", "id", "UUID, the same in every file"),
        Column("姓名", "name", "text"),
        Column("身份证号", "identity", "18 characters; empty unless asked for with `identity=true`"),
        Column("性别", "gender", "男, 女 or empty"),
        Column("出生日期", "birth_date", "YYYY-MM-DD"),
        Column("联系电话", "phone", "text"),
        Column("住址", "address", "text"),
        Column("行政区划代码", "division_code", "GB/T 2260, with GB/T 10114 for streets: 6, 9 or 12 digits"),
        Column("所属机构", "organization", "text"),
        Column("居住情况", "living_situation", "text"),
        Column("护理类别", "care_categories", "separated by 、"),
        Column("能力等级", "ability_level", "GB/T 42195-2022: 能力完好 … 完全失能, or empty"),
        Column("长护等级", "long_term_care_grade", "0 to 5, or empty"),
        Column("床位", "bed", "of a care home"),
        Column("建档时间", "created_at", "ISO 8601, +08:00"),
    ),
    "visits": (
        Column("巡访编号", "id", "UUID"),
        Column("老人编号", "elder_id", "UUID"),
        Column("机构", "organization", "text"),
        Column("巡访员", "visitor_name", "text"),
        Column("巡访时间", "visited_at", "ISO 8601, +08:00"),
        Column("结果", "result", "已见面, 电话联系 or 没有见到"),
        Column("发现的情况", "concerns", "separated by 、"),
        Column("照片数", "photos", "number"),
    ),
    "alerts": (
        Column("告警编号", "id", "UUID"),
        Column("老人编号", "elder_id", "UUID, or empty"),
        Column("机构", "organization", "text"),
        Column("行政区划代码", "division_code", "as above"),
        Column("类型", "title", "text"),
        Column("等级", "severity", "红色, 橙色, 黄色 or 蓝色"),
        Column("发生时间", "occurred_at", "ISO 8601, +08:00"),
        Column("告警时间", "raised_at", "ISO 8601, +08:00"),
        Column("接警时间", "acknowledged_at", "ISO 8601, +08:00, or empty"),
        Column("派员时间", "dispatched_at", "ISO 8601, +08:00, or empty"),
        Column("到场时间", "arrived_at", "ISO 8601, +08:00, or empty"),
        Column("处置时间", "resolved_at", "ISO 8601, +08:00, or empty"),
        Column("处置结果", "outcome", "assisted, hospital, false_alarm, accidental, test, drill, or empty"),
        Column("是否演练", "drill", "是 or 否"),
    ),
}


def as_csv(kind: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """UTF-8 with a mark at the beginning, by which a spreadsheet knows it; CRLF, as RFC 4180 has it."""
    out = io.StringIO()
    writer = csv.writer(out)
    columns = COLUMNS[kind]
    writer.writerow([one.name for one in columns])
    writer.writerows([_cell(one.field, row[one.field]) for one in columns] for row in rows)
    return "\ufeff".encode() + out.getvalue().encode()


def _cell(field: str, value: Any) -> str:
    if value is None:
        return ""
    if field in _WORDS:
        return _WORDS[field].get(value, str(value))
    match value:
        case datetime():
            return value.astimezone(BEIJING).isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case list():
            return _plain("、".join(map(str, value)))
        case _:
            return _plain(str(value))


def _plain(text: str) -> str:
    """Text that a spreadsheet would take for a formula is told as text."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
