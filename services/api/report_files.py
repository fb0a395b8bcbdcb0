"""A response report as CSV and as a workbook, in Chinese: for whoever reads it in a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alerts.domain.response import ANSWER, ARRIVAL, DISPATCH

Row = Sequence[Any]

_SEVERITIES = {"red": "红色", "orange": "橙色", "yellow": "黄色", "blue": "蓝色"}
_SHARES = (*ANSWER, DISPATCH, ARRIVAL)
_TIMES = (("answer", "接警用时"), ("dispatch", "派员用时"), ("arrival", "到场用时"))
_OUTCOMES = (
    ("alerts", "告警"),
    ("assisted", "已处置"),
    ("hospital", "送医"),
    ("false_alarm", "误报"),
    ("accidental", "误触"),
    ("test", "测试"),
    ("cancelled", "本人取消"),
    ("open", "未结"),
    ("false_share", "误报占比"),
)


class Share(float):
    """Shown as per cent where a cell can be."""


def sheets(report: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Rows by the name of the sheet; the first row of each is its header."""
    return {
        "汇总": list(_summary(report)),
        "按日": [
            ["日期", *_short_header()],
            *([str(one["day"]), *_short(one)] for one in report["days"]),
        ],
        "按机构": [
            ["机构", *_short_header()],
            *([one["name"], *_short(one)] for one in report["organizations"]),
        ],
        "按类型": [
            ["类型", *(word for _, word in _OUTCOMES)],
            *(
                [one["title"], *(one[name] for name, _ in _OUTCOMES[:-1]), _share(one["false_share"])]
                for one in report["types"]
            ),
        ],
    }


def as_csv(report: Mapping[str, Any]) -> bytes:
    return csv_of(sheets(report))


def as_xlsx(report: Mapping[str, Any]) -> bytes:
    return xlsx_of(sheets(report))


def csv_of(parts: Mapping[str, Sequence[Row]]) -> bytes:
    """All sheets one below the other. The mark at the beginning tells a spreadsheet that it is UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    for name, rows in parts.items():
        writer.writerow([name])
        writer.writerows([[_plain(cell) for cell in row] for row in rows])
        writer.writerow([])
    return "\ufeff".encode() + out.getvalue().encode()


def xlsx_of(parts: Mapping[str, Sequence[Row]]) -> bytes:
    # Here, and not above: whoever starts is at work sooner without it.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    bold = Font(bold=True)
    for name, rows in parts.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        sheet.column_dimensions["A"].width = 28
        for number, row in enumerate(rows):
            cells = [WriteOnlyCell(sheet, _plain(cell)) for cell in row]
            for cell, value in zip(cells, row, strict=True):
                if number == 0:
                    cell.font = bold
                if isinstance(value, Share):
                    cell.number_format = "0.0%"
            sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _summary(report: Mapping[str, Any]) -> Iterator[Row]:
    yield ["指标", "真实告警", "演练", "目标", "是否达标", "依据"]
    yield ["机构", report["organization"]["name"], "", "", "", ""]
    yield ["起止日期（北京时间）", f"{report['from']} 至 {report['to']}", "", "", "", ""]
    real, drills = report["real"], report["drills"]
    for key, word in (
        ("alerts", "告警总数"),
        ("rescues", "紧急救援（红色）"),
        ("cancelled", "本人取消"),
        ("escalated", "升级到上级"),
        ("unanswered", "无人接警"),
        ("closed_without_dispatch", "未派员结案"),
    ):
        yield [word, real[key], drills[key], "", "", ""]
    for one, other in zip(real["measures"], drills["measures"], strict=True):
        reached = {True: "达标", False: "未达标", None: ""}[one["reached"]]
        yield [
            *(one["name"], _share(one["share"]), _share(other["share"])),
            *(_share(one["target"]), reached, one["source"]),
        ]
        counts = [f"{each['met']} / {each['judged']}" for each in (one, other)]
        yield [f"{one['name']}（起数）", *counts, "", "", ""]
    for key, word in _TIMES:
        for name, of in (("median", "中位数"), ("p90", "90% 分位")):
            yield [f"{word}{of}（秒）", real["times"][key][name], drills["times"][key][name], "", "", ""]


def _short_header() -> list[str]:
    return ["告警", *_SEVERITIES.values(), "无人接警", *(target.name for target in _SHARES), "接警中位数（秒）"]


def _short(one: Mapping[str, Any]) -> Row:
    return [
        one["alerts"],
        *(one["by_severity"][name] for name in _SEVERITIES),
        one["unanswered"],
        *(_share(one["shares"][target.key]) for target in _SHARES),
        one["answer_median"],
    ]


def _share(value: float | None) -> Share | None:
    return None if value is None else Share(value)


def _plain(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula is told as text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
