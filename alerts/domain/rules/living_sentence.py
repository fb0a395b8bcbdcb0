"""Why a rule on where a person is or what they do spoke, in a sentence for operators; from the evidence alone. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from alerts.domain.rules.durations import between, duration
from alerts.domain.rules.fence import BEIJING, Keep
from alerts.domain.rules.model import Episode

#: Until which hour of the day it is called so.
_PARTS: Final = ((5, "凌晨"), (8, "清晨"), (12, "上午"), (14, "中午"), (18, "下午"), (24, "晚上"))


def living_sentence(episode: Episode) -> str:
    """离开 家附近（300 米）已 12 分钟，距边界约 450 米，定位误差 20 米;
    今日 14:00 起没有活动 5 小时，平时这个时段最长 2 小时;
    凌晨 2:10 离床，已 45 分钟未回."""
    evidence = episode.evidence
    match evidence["kind"]:
        case "fence":
            return _fence(evidence, between(episode.began_at, episode.raised_at))
        case "stillness":
            return _stillness(evidence, episode)
        case _:
            return _bed(evidence, episode)


def _fence(evidence: Mapping[str, Any], lasted: timedelta) -> str:
    fence = evidence["fence"]
    size = "" if fence["radius"] is None else f"（{_metres(fence['radius'])}）"
    kept_in = fence["keep"] == Keep.IN
    told = f"{'离开' if kept_in else '进入'} {fence['name']}{size}"
    if lasted >= timedelta(seconds=1):
        told += f"已 {duration(lasted)}"
    told += f"，{'距边界约' if kept_in else '深入约'} {_metres(evidence['beyond'])}"
    accuracy = evidence["accuracy"]
    return told + ("，定位误差未知" if accuracy is None else f"，定位误差 {_metres(accuracy)}")


def _stillness(evidence: Mapping[str, Any], episode: Episode) -> str:
    since = datetime.fromisoformat(evidence["since"])
    day = _day(since, episode.raised_at)
    still = duration(between(since, episode.raised_at))
    usual = duration(timedelta(minutes=evidence["usual_minutes"]))
    return f"{day} {_clock(since)} 起没有活动 {still}，平时这个时段最长 {usual}"


def _bed(evidence: Mapping[str, Any], episode: Episode) -> str:
    left = datetime.fromisoformat(evidence["left_at"])
    told = f"{_part(left)} {_clock(left, padded=False)} 离床，"
    if evidence["back_by"] is not None:
        return f"{told}到 {_clock(episode.raised_at, padded=False)} 仍未回床"
    return f"{told}已 {duration(between(left, episode.raised_at))}未回"


def _metres(metres: float) -> str:
    """To what a position is good for: 8 米, 450 米, 1.2 公里, 38 公里."""
    if metres < 1000:
        return f"{metres:.0f} 米"
    return f"{metres / 1000:.1f} 公里" if metres < 10_000 else f"{metres / 1000:.0f} 公里"


def _day(at: datetime, seen_from: datetime) -> str:
    days = (seen_from.astimezone(BEIJING).date() - at.astimezone(BEIJING).date()).days
    return ("今日", "昨日", "前日")[days] if 0 <= days < 3 else f"{days} 天前"


def _clock(at: datetime, *, padded: bool = True) -> str:
    local = at.astimezone(BEIJING)
    return f"{local.hour:02d}:{local.minute:02d}" if padded else f"{local.hour}:{local.minute:02d}"


def _part(at: datetime) -> str:
    hour = at.astimezone(BEIJING).hour
    return next(name for until, name in _PARTS if hour < until)
