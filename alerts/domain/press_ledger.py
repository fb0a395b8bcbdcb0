"""Whether every press is accounted for: what a device's own numbers show, and how far presses came. Pure.

A device that numbers its events goes up by one for each, of whatever type, and may begin again (contract, "An event").
So a number that never came is something that the device said and nobody stored: perhaps a press.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

#: A counter that leaps further was set anew: no device says so much unheard.
FURTHEST_LEAP: Final = 10_000


@dataclass(frozen=True, slots=True)
class Counted:
    """An event with a number."""

    seq: int
    occurred_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers `first` to `last` never came, though one before and one after did."""

    first: int
    last: int
    after: datetime
    before: datetime
    #: when the number after it was received: the gap is of the period in which this is
    known_at: datetime

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Reset:
    """The numbers began again: what was said unheard just before cannot be told."""

    last: int
    first: int
    known_at: datetime


def walk(events: Iterable[Counted]) -> tuple[list[Gap], list[Reset]]:
    """Gaps and resets of one device. What came late out of a device's memory fills the gap that it had left."""
    gaps: list[Gap] = []
    resets: list[Reset] = []
    #: of the present run: the gaps that may still be filled, and what came
    open_gaps: list[Gap] = []
    seen: set[int] = set()
    last: Counted | None = None
    for event in sorted(events, key=lambda one: (one.occurred_at, one.seq)):
        if last is None:
            pass
        elif event.seq > last.seq and event.seq - last.seq <= FURTHEST_LEAP:
            if event.seq > last.seq + 1:
                open_gaps.append(
                    Gap(last.seq + 1, event.seq - 1, last.occurred_at, event.occurred_at, event.received_at)
                )
        elif _fill(open_gaps, event.seq):
            seen.add(event.seq)
            continue
        else:
            resets.append(Reset(last.seq, event.seq, event.received_at))
            gaps += open_gaps
            open_gaps, seen = [], set()
        seen.add(event.seq)
        last = event
    return gaps + open_gaps, resets


def unexplained(gap: Gap, explained: Collection[int]) -> int:
    """How many of its numbers nobody knows the fate of; `explained` are those that were refused with a reason."""
    return gap.size - sum(gap.first <= number <= gap.last for number in explained)


def unaccounted(
    *, missing: int, stored: int, raised: int, waiting: int, answered: int, cancelled: int, open: int
) -> int:
    """The figure to show: presses that a number says there were and nobody stored, those that were stored and raised
    nothing, and those that were raised, are closed, and nobody answered."""
    return missing + max(stored - raised - waiting, 0) + max(raised - answered - cancelled - open, 0)


def _fill(gaps: list[Gap], seq: int) -> bool:
    for place, gap in enumerate(gaps):
        if gap.first <= seq <= gap.last:
            left = [
                Gap(first, last, gap.after, gap.before, gap.known_at)
                for first, last in ((gap.first, seq - 1), (seq + 1, gap.last))
                if first <= last
            ]
            gaps[place : place + 1] = left
            return True
    return False
