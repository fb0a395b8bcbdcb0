"""When a device is silent. Its own habit decides, and only time in which we were hearing counts. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

#: Gateways write when a device was heard at most so often; what is said closer together is one report.
GRANULE: Final = timedelta(seconds=30)
#: A device that missed three of its own intervals is silent: one may be lost, two may be chance.
TIMES: Final = 3
#: A device repeats what is not acknowledged at most 60 s later (contract, "A receipt"): less is not yet silence.
LEAST_SILENCE: Final = timedelta(minutes=2)
#: A daily sign of life is the slowest that is believed: nobody waits for longer than three days.
SLOWEST: Final = timedelta(days=1)
#: So many of its own intervals make a habit.
ENOUGH: Final = 5
#: Somebody else's will, told late, or a connection that came back: what is said within this was a race.
RECONNECT: Final = timedelta(seconds=30)
#: Who says `online: false` is not waited for longer than this, however rarely it reports.
WILL_AT_MOST: Final = timedelta(minutes=10)
#: After we were deaf devices connect again, and report in their turn: nobody is silent before.
GRACE_AT_MOST: Final = timedelta(minutes=10)
#: What no sweep saw for so long, nobody saw: a worker that took over in its time leaves no gap.
UNSEEN: Final = timedelta(seconds=15)
#: Longer than anything that is waited for: before the first look nobody heard.
NEVER: Final = timedelta(days=30)
#: Who was silent for so long when it is first noticed is past: nobody waits for that device.
PAST: Final = timedelta(days=7)

#: Zigbee2MQTT takes devices on the mains for offline after 10 min without a sign, and those with a battery after 25 h
#: (zigbee2mqtt.io, "Device availability"): a third of that, so that three of them make the same.
_ON_BATTERY: Final = timedelta(hours=25) / TIMES
_ON_MAINS: Final = timedelta(minutes=10) / TIMES
#: 4G watches take the pulse every 5 to 30 minutes unless they are told to do it more often.
_WATCH: Final = timedelta(minutes=30)
#: What a kind usually does, until a device has shown its own habit.
PROFILES: Final[Mapping[str, timedelta]] = {
    "wristband": _WATCH,
    "fall_detector": _WATCH,
    "bed_sensor": _ON_MAINS,
    "room_unit": _ON_MAINS,
}


@dataclass(frozen=True, slots=True)
class Habit:
    usual: timedelta
    #: of how many of its own intervals; 0: of its model or kind
    learned_from: int = 0

    @property
    def silent_after(self) -> timedelta:
        return max(TIMES * self.usual, LEAST_SILENCE)

    @property
    def will_wait(self) -> timedelta:
        """Who came back in a race says something within an interval."""
        return min(max(self.usual, RECONNECT), WILL_AT_MOST)


def habit_of_kind(kind: str, every: timedelta | None = None) -> Habit:
    """`every`: what is known of its model."""
    return Habit(min(every, SLOWEST) if every else PROFILES.get(kind, _ON_BATTERY))


def learn(times: Iterable[datetime]) -> Habit | None:
    """The median interval between reports, from when messages were received; None while there are too few."""
    reports: list[datetime] = []
    for at in sorted(times):
        if not reports or at - reports[-1] >= GRANULE:
            reports.append(at)
    gaps = [(after - before).total_seconds() for before, after in pairwise(reports)]
    if len(gaps) < ENOUGH:
        return None
    return Habit(min(timedelta(seconds=median(gaps)), SLOWEST), len(gaps))


@dataclass(frozen=True, slots=True)
class Gap:
    """We did not hear, whoever spoke."""

    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Hearing:
    #: None: we do not hear now
    since: datetime | None
    #: those that are over, in any order, not overlapping
    gaps: Sequence[Gap] = ()

    def time_between(self, began: datetime, now: datetime) -> timedelta:
        """How much of it we were hearing; nothing when `began` lies ahead."""
        deaf = sum(
            (max(min(gap.ended_at, now) - max(gap.began_at, began), timedelta(0)) for gap in self.gaps), timedelta(0)
        )
        return max(now - began - deaf, timedelta(0))

    def grace_over(self, wait: timedelta, now: datetime) -> bool:
        return self.since is not None and now - self.since >= min(wait, GRACE_AT_MOST)


def gap_found(looked_at: datetime | None, hears: bool, deaf: bool, now: datetime) -> datetime | None:
    """When a gap began that nobody has noted yet; None when there is no such gap. `deaf`: one is noted and on."""
    if deaf:
        return None
    if looked_at is None:
        return now - NEVER
    return looked_at if not hears or now - looked_at > UNSEEN else None


@dataclass(frozen=True, slots=True)
class Sign:
    """The last that is known of a device: when it was heard, and when it was said to be offline (None: it was not)."""

    heard_at: datetime
    offline_at: datetime | None = None


def silent_since(sign: Sign, habit: Habit, hearing: Hearing, now: datetime) -> datetime | None:
    """Since when it is silent, which is when it was last heard or said to be offline; None while it is not."""
    left_at = sign.offline_at
    if left_at is not None and left_at > sign.heard_at:
        waited = hearing.time_between(left_at, now) >= habit.will_wait
        if waited and hearing.grace_over(habit.will_wait, now):
            return left_at
    waited = hearing.time_between(sign.heard_at, now) >= habit.silent_after
    return sign.heard_at if waited and hearing.grace_over(habit.silent_after, now) else None
