"""What is wrong with ourselves, from one look at the database: findings, worst first. Pure; times are of that look.

docs/watch.md has the list in words. A finding must be seen at two looks before anybody is told (`Memory`), so that a
moment in the middle of somebody's commit is none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

#: A due timer is acted on within a second; one that failed is put off by five.
TIMER_LATE: Final = timedelta(seconds=15)
#: An alert of the last seconds may be in the middle of its first commit.
SETTLED: Final = timedelta(seconds=10)
#: An event is taken in within milliseconds, a receipt sent as soon as the broker has it.
QUEUE_STUCK: Final = timedelta(seconds=15)
OUTBOX_STUCK: Final = timedelta(seconds=30)
#: What goes on in the background may wait longer.
OTHER_STUCK: Final = timedelta(minutes=5)
#: From so many stations missing at once it is the way itself that is broken, not a station.
FEW: Final = 3
#: Of alerts and stations so many are named each; the rest is a number.
MOST_NAMED: Final = 20

_CALL = "请电话值守并通知技术人员"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` tells two of one code apart; `grave`: a press might not reach a person."""

    code: str
    message: str  # for operators, in Chinese
    detail: str  # for engineers
    grave: bool = True
    subject: str = ""
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """An alert that nobody answered and that no timer will carry on."""

    alert_id: UUID
    organization_id: UUID
    type: str
    severity: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue: how many wait, and since when the first."""

    count: int
    oldest_at: datetime | None
    failing: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """A station's synthetic press, as it went last."""

    organization_id: UUID
    name: str
    missing_since: datetime | None
    misses: int
    stopped_at: str | None
    tried_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one look saw."""

    now: datetime
    unscheduled: Sequence[Unscheduled] = ()
    late_timers: int = 0
    latest_timer_at: datetime | None = None  # the due time of the one that is most overdue
    queues: Mapping[str, Waiting] = field(default_factory=dict)
    #: code, Chinese, English of each kind of worker that is missing (services/stations/problems.py)
    workers: Sequence[tuple[str, str, str]] = ()
    probes: Sequence[Probe] = ()
    #: for how long no synthetic press was even tried, when some should have been
    probing_stopped_since: datetime | None = None


#: The queues that are looked at, in words: the time that a first one may wait, and what it means to an operator.
QUEUES: Final[Mapping[str, tuple[timedelta, bool, str]]] = {
    "event_queue": (QUEUE_STUCK, True, f"呼叫积压：已收到的呼叫没有变成告警，{_CALL}"),
    "outbox": (OUTBOX_STUCK, False, "回执积压：设备暂时收不到“已收到”等回执，请通知技术人员"),
    "notices": (OUTBOX_STUCK, False, "通知积压：家属和值班人员暂时收不到手机通知，请电话联系，并通知技术人员"),
}


def examine(seen: Snapshot) -> list[Finding]:
    """All that is wrong; empty when nothing is."""
    return [*_schedules(seen), *_queues(seen), *_workers(seen), *_probes(seen)]


def database_away(why: str) -> Finding:
    """What the audit finds when it cannot look at all."""
    return Finding(
        "database", f"数据库连接中断，新的呼救暂时不会显示，{_CALL}", f"the audit reaches no database: {why}"
    )


def _schedules(seen: Snapshot) -> Iterable[Finding]:
    lost = [one for one in seen.unscheduled if seen.now - one.raised_at >= SETTLED]
    for one in lost[:MOST_NAMED]:
        yield Finding(
            "alert_unscheduled",
            "有未接警的紧急告警不会自动升级，请立即接警并通知技术人员",
            f"alert {one.alert_id} ({one.type}, {one.severity}) is not answered, is not shown at the root, and has no"
            f" timer (raised {one.raised_at.isoformat()}, {len(lost)} such in all)",
            subject=str(one.alert_id),
            organization_id=one.organization_id,
        )
    if seen.late_timers and seen.latest_timer_at is not None and seen.now - seen.latest_timer_at >= TIMER_LATE:
        late = (seen.now - seen.latest_timer_at).total_seconds()
        yield Finding(
            "timers_late",
            "告警升级停止：无人接警的告警没有按时升级，请各站立即查看未接警的告警，并通知技术人员",
            f"{seen.late_timers} timers are overdue, the first by {late:.0f} s",
        )


def _queues(seen: Snapshot) -> Iterable[Finding]:
    for name, waiting in seen.queues.items():
        limit, grave, message = QUEUES.get(name, (OTHER_STUCK, False, f"后台队列 {name} 积压，请通知技术人员"))
        if waiting.oldest_at is not None and seen.now - waiting.oldest_at >= limit:
            waits = (seen.now - waiting.oldest_at).total_seconds()
            detail = f"{waiting.count} wait in {name}, the first for {waits:.0f} s, {waiting.failing} of them failing"
            yield Finding(f"{name}_stuck", message, detail, grave)


def _workers(seen: Snapshot) -> Iterable[Finding]:
    for code, message, detail in seen.workers:
        yield Finding(code, message, detail)


def _probes(seen: Snapshot) -> Iterable[Finding]:
    missing = [one for one in seen.probes if one.missing_since is not None and one.misses >= 2]
    # Of those that were tried since the first was missed; with one station alone it is all of them.
    since = min((one.missing_since for one in missing if one.missing_since), default=seen.now)
    came = sum(one.missing_since is None and one.tried_at >= since for one in seen.probes)
    if len(missing) >= FEW and len(missing) > came:
        stops = sorted({one.stopped_at or "?" for one in missing})
        yield Finding(
            "probes_missing",
            f"自检呼叫没有到达各站屏幕，新的呼救可能收不到，{_CALL}",
            f"synthetic presses of {len(missing)} stations did not come through, {came} did; stopped at:"
            f" {', '.join(stops)}",
        )
    for one in missing[:MOST_NAMED]:
        yield Finding(
            "probe_missing",
            f"自检呼叫没有到达本站屏幕，新的呼救可能收不到，{_CALL}",
            f"the synthetic press of {one.name} did not come through {one.misses} times in a row, stopped at"
            f" {one.stopped_at}",
            subject=str(one.organization_id),
            organization_id=one.organization_id,
        )
    if seen.probing_stopped_since is not None:
        yield Finding(
            "probing_stopped",
            "自检呼叫没有进行，请通知技术人员",
            f"no synthetic press was tried since {seen.probing_stopped_since.isoformat()}",
            grave=False,
        )


# Over time ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """A finding over the looks that saw it."""

    finding: Finding
    first_seen_at: datetime
    last_seen_at: datetime
    looks: int = 1
    told_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.finding.code, self.finding.subject


#: What is still wrong is told again.
TELL_AGAIN: Final = timedelta(minutes=10)
LOOKS: Final = 2


@dataclass(frozen=True, slots=True)
class Turn:
    """What one look changed: what is on, what to tell for the first time or again, and what is over."""

    on: tuple[Kept, ...]
    tell: tuple[Kept, ...]
    over: tuple[Kept, ...]


def remember(before: Sequence[Kept], found: Sequence[Finding], now: datetime) -> Turn:
    """Over is told of what was told; what was seen once and is gone was nothing."""
    known = {one.key: one for one in before}
    on: list[Kept] = []
    tell: list[Kept] = []
    for finding in {(one.code, one.subject): one for one in found}.values():
        last = known.pop((finding.code, finding.subject), None)
        kept = (
            Kept(finding, now, now)
            if last is None
            else replace(last, finding=finding, last_seen_at=now, looks=last.looks + 1)
        )
        if kept.looks >= LOOKS and (kept.told_at is None or now - kept.told_at >= TELL_AGAIN):
            kept = replace(kept, told_at=now)
            tell.append(kept)
        on.append(kept)
    return Turn(tuple(on), tuple(tell), tuple(one for one in known.values() if one.told_at is not None))
