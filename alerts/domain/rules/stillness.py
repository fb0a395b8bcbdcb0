"""Who shows no sign of life for longer than is usual for them. Pure.

Signs of life are steps that grow, getting into bed and out of it, doors, and a hand at a device. That somebody is still
is known only while something watches that would see them move: a wristband that is worn and counts steps, or a bed with
somebody in it. Where it falls silent for longer than the rule's gap, and while the person is away, nothing is known:
what comes after it counts anew. "No data" is no stillness.

An episode is raised at the moment at which the pause was longer than the limit of its hour, once a later sample says
that it was. The next sign of life ends it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from math import ceil
from typing import Any, Final, NamedTuple

from alerts.domain.rules.fence import BEIJING, Keep, Outside, how_far_out
from alerts.domain.rules.fence import beyond as beyond_by
from alerts.domain.rules.model import Episode, Habit, Rule, Sample, Still, Subject
from alerts.domain.rules.wandering import tracks

#: A habit is made of so much.
HABIT_OF: Final = timedelta(days=28)
#: Nineteen days in twenty: one bad day in four weeks does not become the habit, and an unusual one in twenty is told.
PERCENTILE: Final = 0.95
#: An hour of the day that was watched on fewer days has no habit yet: of fewer than ten the largest is no percentile.
LEAST_DAYS_AN_HOUR: Final = 10
#: A pause that was not told by then is not looked for any more.
LONGEST: Final = timedelta(hours=24)
_HOUR: Final = timedelta(hours=1)


class Moment(NamedTuple):
    """Something that is known of an instant (UTC)."""

    at: datetime
    #: of life; without one: somebody is watched, and did not move
    sign: bool
    device_id: str


class Pause(NamedTuple):
    """From a sign of life, or from when it is known, to the latest moment at which it was seen to last."""

    began_at: datetime
    seen_until: datetime
    device_id: str
    #: False: it began with a sight of the person after a time of which nothing is known
    by_sign: bool
    #: the next sign of life, or the first sight of them away; None: it goes on, or it is not known how
    ended_at: datetime | None = None


def moments(samples: Iterable[Sample], until: datetime) -> list[Moment]:
    """In the order of time. `samples` have readings, and events as `sign` and `in_bed`."""
    found = []
    for device_id, of_device in groupby(_merged(samples), key=lambda sample: sample.device_id):
        steps: float | None = None
        in_bed: bool | None = None
        for sample in of_device:
            at, values = sample.at, sample.values
            if at > until:
                continue
            sign = bool(values.get("sign"))
            seen = False
            now_steps, now_in_bed = values.get("steps"), values.get("in_bed")
            if now_steps is not None:
                # Less than before, and not nothing: they began anew at midnight and have grown since.
                sign |= steps is not None and now_steps != steps and now_steps > 0
                seen |= values.get("worn") is not False
                steps = now_steps
            if now_in_bed is not None:
                sign |= in_bed is not None and bool(now_in_bed) is not in_bed
                seen |= bool(now_in_bed)
                in_bed = bool(now_in_bed)
            if sign or seen:
                found.append(Moment(at, sign, device_id))
    return sorted(found, key=lambda moment: (moment.at, not moment.sign, moment.device_id))


def _merged(samples: Iterable[Sample]) -> list[Sample]:
    """What one device said of one instant, together, in the order of devices and times: whatever the order in which it
    came, and however often."""
    together: dict[tuple[str, datetime], dict[str, float | bool]] = {}
    for sample in samples:
        values = together.setdefault((sample.device_id, sample.at.astimezone(UTC)), {})
        for name, value in sample.values.items():
            values[name] = max(value, values[name]) if name in values else value
    return [Sample(at, together[device_id, at], device_id) for device_id, at in sorted(together)]


def pauses(
    found: Sequence[Moment], gap: timedelta, absent: Sequence[tuple[datetime, datetime | None]], since: datetime | None
) -> Iterator[Pause]:
    """In the order of time; `since`: from when on moments count."""
    began: Moment | None = None
    seen = datetime.min.replace(tzinfo=UTC)

    def until(end: datetime, ended_at: datetime | None = None) -> Pause:
        assert began is not None
        return Pause(began.at, end, began.device_id, began.sign, ended_at)

    for moment in found:
        at = moment.at
        if since is not None and at < since:
            continue
        if began is not None and at - seen > gap:
            yield until(seen)
            began = None
        if any(start <= at and (end is None or at < end) for start, end in absent):
            if began is not None:
                yield until(at, at)
            began = None
            continue
        if began is None:
            began = moment
        elif moment.sign:
            yield until(at, at)
            began = moment
        seen = at
    if began is not None:
        yield until(seen)


def stillness(
    rule: Rule, subject: Subject, samples: Iterable[Sample], until: datetime, since: datetime | None
) -> list[Episode]:
    """All episodes in the samples, in the order of time. While one is on, a silence of the devices changes nothing."""
    condition, habit = rule.condition, subject.habit
    assert isinstance(condition, Still)
    if habit is None or habit.days < condition.least_days:
        return []
    samples = list(samples)
    found: list[Episode] = []
    on: Episode | None = None
    for pause in pauses(moments(samples, until), rule.gap, away(subject, samples, until), since):
        if on is not None:
            over = pause.began_at if pause.by_sign else pause.ended_at
            if over is not None:
                found.append(replace(on, cleared_at=over))
                on = None
            if not pause.by_sign:
                continue
        too_long = speaks_at(condition, habit, pause.began_at)
        # Who moves at that very moment was not still for too long.
        if too_long is None or too_long > pause.seen_until or too_long == pause.ended_at:
            continue
        on = Episode(pause.began_at, too_long, None, _evidence(condition, habit, pause, too_long))
        if pause.ended_at is not None:
            found.append(replace(on, cleared_at=pause.ended_at))
            on = None
    return found if on is None else [*found, on]


def speaks_at(condition: Still, habit: Habit, began_at: datetime) -> datetime | None:
    """When a pause that begins then is too long; None: not within a day."""
    hour = began_at.astimezone(BEIJING).replace(minute=0, second=0, microsecond=0)
    while hour - began_at < LONGEST:
        usual = habit.pauses[hour.hour]
        if usual is not None:
            at = max(hour, began_at + max(condition.least, condition.factor * timedelta(minutes=usual)))
            at = _after_quiet(at, condition.quiet)
            if at < hour + _HOUR:
                return at.astimezone(UTC)
        hour += _HOUR
    return None


def _after_quiet(at: datetime, quiet: tuple[time, time] | None) -> datetime:
    local = at.astimezone(BEIJING)
    if quiet is None or not in_hours(local, quiet):
        return local
    end = local.replace(hour=quiet[1].hour, minute=quiet[1].minute, second=0, microsecond=0)
    return end if end > local else end + timedelta(days=1)


def in_hours(at: datetime, hours: tuple[time, time]) -> bool:
    """Whether it is from the first to before the second by Beijing's clock; over midnight when that is earlier."""
    now = at.astimezone(BEIJING).time().replace(tzinfo=None)
    start, end = hours
    return start <= now < end if start < end else now >= start or now < end


def _evidence(condition: Still, habit: Habit, pause: Pause, at: datetime) -> dict[str, Any]:
    return {
        "kind": "stillness",
        "at": at.isoformat(),
        "device_id": pause.device_id,
        "since": pause.began_at.isoformat(),
        "usual_minutes": habit.pauses[at.astimezone(BEIJING).hour],
        "factor": condition.factor,
        # All of it, because it is made anew each day, and the episode ends by the one that it began by.
        "habit": list(habit.pauses),
        "days": habit.days,
    }


def away(
    subject: Subject, samples: Iterable[Sample], until: datetime
) -> list[tuple[datetime, datetime | None]]:
    """Absences that are known, and when the person was certainly outside of each fence that keeps in, whatever its
    hours."""
    return [*subject.absences, *_trips(subject, samples, until)]


def _trips(
    subject: Subject, samples: Iterable[Sample], until: datetime
) -> Iterator[tuple[datetime, datetime | None]]:
    homes = [fence for fence in subject.fences if fence.keep is Keep.IN]
    if not homes:
        return
    for track in tracks(samples, until):
        left: datetime | None = None
        for fix in track:
            gone = not fix.doubtful and all(
                how_far_out(beyond_by(fix.point, home), fix.accuracy) is Outside.CERTAIN for home in homes
            )
            if gone and left is None:
                left = fix.at
            elif not gone and left is not None:
                yield left, fix.at
                left = None
        if left is not None:
            yield left, None


def habit_of(samples: Iterable[Sample], subject: Subject, gap: timedelta, until: datetime) -> Habit | None:
    """From the samples of `HABIT_OF`; None where nothing was watched."""
    samples = list(samples)
    longest: dict[tuple[int, int], float] = {}
    for pause in pauses(moments(samples, until), gap, away(subject, samples, until), None):
        for day, hour, minutes in _by_hour(pause):
            longest[day, hour] = max(minutes, longest.get((day, hour), 0.0))
    if not longest:
        return None
    of_hour: Mapping[int, list[float]] = {hour: [] for hour in range(24)}
    for (_, hour), minutes in longest.items():
        of_hour[hour].append(minutes)
    usual = tuple(_percentile(of_hour[hour]) for hour in range(24))
    return Habit(usual, len({day for day, _ in longest}))


def _by_hour(pause: Pause) -> Iterator[tuple[int, int, float]]:
    """To how many minutes it had grown by the end of each hour in which it lasted."""
    hour = pause.began_at.astimezone(BEIJING).replace(minute=0, second=0, microsecond=0)
    while hour <= pause.seen_until:
        until = min(pause.seen_until, hour + _HOUR)
        yield hour.toordinal(), hour.hour, (until - pause.began_at).total_seconds() / 60
        hour += _HOUR


def _percentile(values: Sequence[float]) -> float | None:
    """By the nearest rank."""
    if len(values) < LEAST_DAYS_AN_HOUR:
        return None
    return round(sorted(values)[ceil(PERCENTILE * len(values)) - 1], 1)
