"""Statistics as sheets, in Chinese: for whoever reads them in a spreadsheet."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.api.report_files import Row, Share
from services.registry.imports.words import DEVICE_KINDS, TIER_WORDS

_LEVELS = {
    "intact": "能力完好",
    "mild": "轻度失能",
    "moderate": "中度失能",
    "severe": "重度失能",
    "total": "完全失能",
    "unknown": "未评估",
}
_KINDS: dict[str, str] = {}
for _word, _kind in DEVICE_KINDS.items():
    _KINDS.setdefault(_kind, _word)


def sheets(report: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Rows by the name of the sheet; the first row of each is its header."""
    total = report["total"]
    return {
        "汇总": list(_summary(report)),
        "护理类别": [["护理类别", "老人"], *([name, count] for name, count in _most(total["categories"]))],
        "居住情况": [["居住情况", "老人"], *([name, count] for name, count in _most(total["living"]))],
        "能力等级": [["能力等级", "老人"], *([_LEVELS[name], count] for name, count in total["levels"].items())],
        "设备": [
            ["设备类型", "在用", "在线"],
            *([_KINDS.get(kind, kind), one["devices"], one["online"]] for kind, one in total["kinds"].items()),
        ],
        "按机构": [_header(), *(_row(one) for one in report["organizations"])],
    }


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _summary(report: Mapping[str, Any]) -> Iterator[Row]:
    total, response = report["total"], report["response"]
    yield ["指标", "数值"]
    yield ["机构", report["organization"]["name"]]
    yield ["起止日期（北京时间）", f"{report['first']} 至 {report['last']}"]
    yield ["老人", total["elders"]]
    yield ["有设备的老人", total["equipped"]]
    yield ["在用设备", total["devices"]]
    yield ["在线设备", total["online"]]
    yield ["设备在线率", _share(total["online_share"])]
    yield ["佩戴率（已汇总的日期）", _share(total["wear_rate"])]
    yield ["告警", response["alerts"]]
    yield ["紧急救援（红色）", response["rescues"]]
    yield ["无人接警", response["unanswered"]]
    for one in response["measures"]:
        yield [one["name"], _share(one["share"])]
    yield ["巡访：已见面（次）", total["visits"]["met"]]
    yield ["巡访：电话联系（次）", total["visits"]["telephone"]]
    yield ["巡访：没有见到（次）", total["visits"]["not_met"]]
    yield ["巡访计划内老人", total["planned"]]
    yield ["期间访到（人）", total["visited"]]
    yield ["逾期未访（人）", total["overdue"]]
    yield ["服务请求", total["requests"]]
    yield ["服务请求已办结", total["requests_done"]]


def _header() -> Row:
    return [
        *("机构", "类型", "老人", "有设备", "设备", "在线", "在线率", "佩戴率", "告警", "救援", "无人接警"),
        *("10 秒接警", "到场达标", "巡访计划内", "期间访到", "逾期未访", "服务请求", "已办结"),
    ]


def _row(one: Mapping[str, Any]) -> Row:
    response = one["response"]
    return [
        *(one["name"], TIER_WORDS.get(one["tier"], one["tier"])),
        *(one["elders"], one["equipped"], one["devices"], one["online"], _share(one["online_share"])),
        *(_share(one["wear_rate"]), response["alerts"], response["rescues"], response["unanswered"]),
        *(_share(response["shares"]["answer_10"]), _share(response["shares"]["arrival_900"])),
        *(one["planned"], one["visited"], one["overdue"], one["requests"], one["requests_done"]),
    ]


def _share(value: float | None) -> Share | None:
    return None if value is None else Share(value)
