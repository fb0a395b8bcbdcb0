"""Drills (演练): what one is, when it begins and ends, and what it comes to. ARCHITECTURE.md's table of drills in code.
Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Any, Final
from uuid import UUID

from alerts.domain.rules.check import Flaw

#: The one thing that somebody does: smoke, gas and falls are measured, and nobody drills them by pressing.
PRESS: Final = "sos"
#: What can be pressed or pulled, and so is listed when a whole organisation has a drill.
PRESSABLE: Final = frozenset({"emergency_button", "pull_cord", "room_unit", "wristband", "fall_detector"})
#: As long as a press may be taken for a drill's. Longer ones are made again: somebody has to want it.
LONGEST: Final = timedelta(hours=4)
SHORTEST: Final = timedelta(minutes=1)
FURTHEST_AHEAD: Final = timedelta(days=90)
CLOCKS_DIFFER: Final = timedelta(minutes=5)
MOST_DEVICES: Final = 20_000


class State(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"
    CALLED_OFF = "called_off"


class Happening(StrEnum):
    BEGIN = "begin"  # its time has come
    COMPLETE = "complete"  # all have pressed, and each alert is closed
    TIME_UP = "time_up"
    CALL_OFF = "call_off"  # a person's


#: What is not there is refused: nothing happens.
NEXT: Final[Mapping[tuple[State, Happening], State]] = {
    (State.PLANNED, Happening.BEGIN): State.RUNNING,
    (State.PLANNED, Happening.CALL_OFF): State.CALLED_OFF,
    (State.RUNNING, Happening.COMPLETE): State.ENDED,
    (State.RUNNING, Happening.TIME_UP): State.ENDED,
    (State.RUNNING, Happening.CALL_OFF): State.CALLED_OFF,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A drill as somebody asks for it: of an organisation and all below, or of devices."""

    name: str
    starts_at: datetime | None  # None: now
    ends_at: datetime
    note: str | None = None
    organization_id: UUID | None = None
    device_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Progress:
    """What time asks of a drill that is not over."""

    state: State
    starts_at: datetime
    ends_at: datetime
    expected: int
    pressed: int
    unresolved: int  # of its alerts


@dataclass(frozen=True, slots=True)
class Press:
    """A device of a drill, and what became of its press: None is not yet, or never."""

    device_id: str
    pressed_at: datetime | None = None
    raised_at: datetime | None = None
    seen_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    other_presses: int = 0  # of the same device, while the drill ran: real


def begins_at(wanted: Wanted, now: datetime) -> datetime:
    return now if wanted.starts_at is None else max(wanted.starts_at, now)


def flaws(wanted: Wanted, now: datetime) -> Iterator[Flaw]:
    """What is wrong with it, in Chinese; nothing when it may be made."""
    if (wanted.organization_id is None) == (not wanted.device_ids):
        yield Flaw("scope", "请指定演练范围：机构（organization_id）或设备（device_ids），二者选一")
    if len(wanted.device_ids) > MOST_DEVICES:
        yield Flaw("device_ids", f"一次演练最多 {MOST_DEVICES} 台设备，请分几次进行")
    if wanted.starts_at is not None and wanted.starts_at < now - CLOCKS_DIFFER:
        yield Flaw("starts_at", "开始时间已过去：请从现在开始，或填写以后的时间")
    if wanted.starts_at is not None and wanted.starts_at > now + FURTHEST_AHEAD:
        yield Flaw("starts_at", f"最多可提前 {FURTHEST_AHEAD.days} 天安排")
    lasts = wanted.ends_at - begins_at(wanted, now)
    if lasts < SHORTEST:
        yield Flaw("ends_at", "结束时间应至少晚于开始时间 1 分钟，也应晚于现在")
    elif lasts > LONGEST:
        hours = LONGEST.total_seconds() / 3600
        yield Flaw("ends_at", f"演练最长 {hours:g} 小时：时间越长，真实呼救越可能被当成演练")


def happening(drill: Progress, now: datetime) -> Happening | None:
    """What happens to it by itself now."""
    if drill.state is State.PLANNED:
        return Happening.BEGIN if now >= drill.starts_at else None
    if drill.state is not State.RUNNING:
        return None
    if drill.pressed >= drill.expected and not drill.unresolved:
        return Happening.COMPLETE
    return Happening.TIME_UP if now >= drill.ends_at else None


def follow(state: State, happened: Happening) -> State | None:
    """The next state; None when nothing happens."""
    return NEXT.get((state, happened))


def report(presses: Sequence[Press]) -> Mapping[str, Any]:
    """What a drill came to. Times are seconds from the raise of the alert; null when there are none."""
    answered = [_seconds(one.raised_at, one.acknowledged_at) for one in presses]
    closed = [_seconds(one.raised_at, one.resolved_at) for one in presses]
    answers = sorted(one for one in answered if one is not None)
    return {
        "expected": len(presses),
        "pressed": sum(one.pressed_at is not None for one in presses),
        "raised": sum(one.raised_at is not None for one in presses),
        "seen": sum(one.seen_at is not None for one in presses),
        "answered": len(answers),
        "closed": sum(one is not None for one in closed),
        "answered_in_10": sum(one <= 10 for one in answers),
        "answered_in_60": sum(one <= 60 for one in answers),
        "answered_in_180": sum(one <= 180 for one in answers),
        "answer_median_seconds": round(median(answers), 1) if answers else None,
        "answer_slowest_seconds": round(answers[-1], 1) if answers else None,
        "not_pressed": sorted(one.device_id for one in presses if one.pressed_at is None),
        "not_answered": sorted(
            one.device_id for one in presses if one.pressed_at is not None and one.acknowledged_at is None
        ),
        "other_presses": sum(one.other_presses for one in presses),
    }


def _seconds(since: datetime | None, until: datetime | None) -> float | None:
    return None if since is None or until is None else (until - since).total_seconds()
