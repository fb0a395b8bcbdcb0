"""Whether a cover makes sense, and what is wrong with it: in Chinese, for those who make one. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from alerts.domain.alert import Rule, Severity
from alerts.domain.holding import NEVER_HELD, Kind
from alerts.domain.rules.check import Flaw

#: What lasts longer is made again: somebody has to want it.
LONGEST: Final = timedelta(days=30)
#: For those who sit at the screen: a shift.
LONGEST_OF_OPERATORS: Final = timedelta(hours=8)
#: Two clocks of one office.
CLOCKS_DIFFER: Final = timedelta(minutes=5)
FURTHEST_AHEAD: Final = timedelta(days=90)
MOST_DEVICES: Final = 500

KIND_WORDS: Final = {
    Kind.SILENCE: "静默",
    Kind.MAINTENANCE: "维护",
    Kind.HOSPITAL: "住院",
    Kind.HOLIDAY: "外出",
}
_EVENT_WORDS: Final = {
    "sos": "本人呼救",
    "fall": "跌倒",
    "smoke": "烟雾报警",
    "gas": "燃气泄漏",
    "water_leak": "漏水报警",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A cover as somebody asks for it."""

    kind: Kind
    starts_at: datetime | None  # None: now
    ends_at: datetime
    reason: str
    elder_id: UUID | None = None
    device_ids: frozenset[str] = frozenset()
    organization_id: UUID | None = None
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Types:
    """What alert types there are: of events, and of rules the severities that they may have."""

    events: Mapping[str, Rule]
    rules: Mapping[str, frozenset[Severity]]


def begins_at(wanted: Wanted, now: datetime) -> datetime:
    return now if wanted.starts_at is None else max(wanted.starts_at, now)


def flaws(wanted: Wanted, longest: timedelta, types: Types, now: datetime) -> list[Flaw]:
    """All that is wrong; empty when it may be made. `longest`: what whoever asks may make."""
    return [*_times(wanted, longest, now), *_over_what(wanted), *_types(wanted, types)]


def _times(wanted: Wanted, longest: timedelta, now: datetime) -> Iterator[Flaw]:
    if wanted.starts_at is not None and wanted.starts_at < now - CLOCKS_DIFFER:
        yield Flaw("starts_at", "开始时间已过去：请从现在开始，或填写以后的时间")
    if wanted.starts_at is not None and wanted.starts_at > now + FURTHEST_AHEAD:
        yield Flaw("starts_at", f"最多可提前 {FURTHEST_AHEAD.days} 天安排")
    lasts = wanted.ends_at - begins_at(wanted, now)
    if lasts <= timedelta(0):
        yield Flaw("ends_at", "结束时间应晚于开始时间，也应晚于现在")
    elif lasts > longest:
        most = f"{longest.days} 天" if longest >= timedelta(days=1) else f"{longest.total_seconds() / 3600:g} 小时"
        who = "" if longest >= LONGEST else "，更长的请管理员设置"
        yield Flaw("ends_at", f"您最多可设置 {most}{who}；到期后仍需要的，请重新设置")


def _over_what(wanted: Wanted) -> Iterator[Flaw]:
    given = [wanted.elder_id is not None, bool(wanted.device_ids), wanted.organization_id is not None]
    word = KIND_WORDS[wanted.kind]
    if sum(given) != 1:
        yield Flaw("scope", "请指定范围：老人（elder_id）、设备（device_ids）、机构（organization_id）三者选一")
    elif wanted.kind in (Kind.HOSPITAL, Kind.HOLIDAY) and wanted.elder_id is None:
        yield Flaw("elder_id", f"{word}只对一位老人设置，请填写 elder_id")
    elif wanted.kind is Kind.MAINTENANCE and wanted.elder_id is not None:
        yield Flaw("scope", "维护只对设备或机构设置，请填写 device_ids 或 organization_id")
    if len(wanted.device_ids) > MOST_DEVICES:
        yield Flaw("device_ids", f"一次最多 {MOST_DEVICES} 台设备，请分几次设置，或对机构设置")


def _types(wanted: Wanted, types: Types) -> Iterator[Flaw]:
    if wanted.types and wanted.kind is not Kind.SILENCE:
        yield Flaw("types", f"只有静默可以指定告警类型，{KIND_WORDS[wanted.kind]}请不要填写 types")
    for name in sorted(wanted.types):
        if name in NEVER_HELD:
            yield Flaw("types", f"{_EVENT_WORDS[name]}（{name}）是紧急告警，任何时候都不能静默，请从 types 中去掉")
        elif name in types.events:
            if types.events[name].severity in (Severity.RED, Severity.ORANGE) or types.events[name].then_severity:
                yield Flaw("types", f"{types.events[name].title}（{name}）不能静默，请从 types 中去掉")
        elif name not in types.rules:
            yield Flaw("types", f"没有“{name}”这种告警类型，请核对；规则的告警类型是 rule. 加规则的 key")
        elif types.rules[name] == {Severity.RED}:
            yield Flaw("types", f"{name} 是红色紧急救援规则，任何时候都不能静默，请从 types 中去掉")
