"""Who left their bed at night and did not come back. Pure.

In bed or out of it is what the latest event or reading said, of whichever device. Only who is known to have left is
out: who was never in bed that night is still up. What a bed sensor that falls silent said last counts until it says
another thing: to be out and not to be heard of is no reason to wait.

Towards the end of the night people get up for the day. Who does so at this hour now and then, as they are known to, is
not told of; nor who is up and about: in the last hours of the night it counts from the last sign of life anywhere but
in the bed. Before that it counts from leaving the bed, whatever is heard: who wanders at three is told of.

Who is known to be away (a hospital stay) is neither in this bed nor out of it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from math import ceil
from typing import Any, Final, NamedTuple

from alerts.domain.rules.fence import BEIJING
from alerts.domain.rules.model import Episode, OutOfBed, Rule, Sample, Subject
from alerts.domain.rules.stillness import in_hours, moments

#: Who left the bed longer ago than this is not known to be out of it any more.
KNOWN_FOR: Final = timedelta(hours=24)
#: The end of the night, in which people get up. Our choice.
MORNING: Final = timedelta(hours=2)
#: Who left the bed then and was out of it for so long is up for the day.
_UP_FROM, _UP_UNTIL, _UP_FOR = time(3), time(11), timedelta(hours=1)
#: On one day in ten, of at least so many.
_RISES_PERCENTILE: Final = 0.1
_LEAST_DAYS: Final = 10


class Absence(NamedTuple):
    """Out of bed from then on; `back_at` None: still."""

    left_at: datetime
    back_at: datetime | None
    device_id: str


def absences(samples: Iterable[Sample], until: datetime) -> list[Absence]:
    """In the order of time; times are UTC."""
    said = sorted(
        {
            # Of two at one instant the alarming one comes last; an event that says "out" needs nothing before it.
            (sample.at.astimezone(UTC), not sample.values["in_bed"], bool(sample.values.get("sign")), sample.device_id)
            for sample in samples
            if "in_bed" in sample.values and sample.at.astimezone(UTC) <= until
        }
    )
    found: list[Absence] = []
    in_bed: bool | None = None
    left: tuple[datetime, str] | None = None
    for at, out, event, device_id in said:
        if not out:
            if left is not None:
                found.append(Absence(left[0], at, left[1]))
            left = None
        elif left is None and (in_bed or event):
            left = (at, device_id)
        in_bed = not out
    return found if left is None else [*found, Absence(left[0], None, left[1])]


def in_bed_until(samples: Iterable[Sample], until: datetime) -> datetime | None:
    """The latest moment at which they were known to be in bed; None when they are not now, as far as is known."""
    said = [
        (sample.at.astimezone(UTC), not sample.values["in_bed"])
        for sample in samples
        if "in_bed" in sample.values and sample.at.astimezone(UTC) <= until
    ]
    latest = max(said, default=None)
    return None if latest is None or latest[1] else latest[0]


def out_of_bed(
    rule: Rule, subject: Subject, samples: Iterable[Sample], until: datetime, since: datetime | None
) -> list[Episode]:
    """All episodes in the samples, in the order of time; only the last one may still be on."""
    found = []
    samples = list(samples)
    for absence in at_home(absences(samples, until), subject):
        back_at = absence.back_at
        if since is not None and back_at is not None and back_at <= since:
            continue
        spoken = next(speaks_at(rule, subject, samples, absence, since, until), None)
        if spoken is None or spoken[0] > until or (back_at is not None and spoken[0] >= back_at):
            continue
        raised_at, why = spoken
        began_at = absence.left_at if since is None else max(absence.left_at, since)
        found.append(Episode(began_at, raised_at, back_at, _evidence(absence, raised_at, why)))
    return found


def at_home(found: Iterable[Absence], subject: Subject) -> Iterator[Absence]:
    """Without what lies in a time in which the person is known to be away, and as far as it is before one."""
    for absence in found:
        over = absence.back_at
        for start, end in subject.absences:
            if start <= absence.left_at:
                if end is None or absence.left_at < end:
                    break
            elif over is None or start < over:
                over = start.astimezone(UTC)
        else:
            yield absence._replace(back_at=over)


def speaks_at(
    rule: Rule,
    subject: Subject,
    samples: Iterable[Sample],
    absence: Absence,
    since: datetime | None,
    until: datetime,
) -> Iterator[tuple[datetime, time | None]]:
    """When somebody who left the bed then is out for too long, the earliest first, and by which hour they were to be
    back, if by one; by what is known `until` then."""
    condition, left_at = rule.condition, absence.left_at
    assert isinstance(condition, OutOfBed)
    found: list[tuple[datetime, time | None]] = []
    counted = left_at if since is None else max(left_at, since)
    if in_hours(left_at, condition.night):
        over = _next(left_at, condition.night[1])
        morning = over - MORNING
        # On the morning on which the night is over.
        rises = over if subject.rises is None else _next(over - timedelta(days=1), subject.rises)
        too_long = counted + rule.lasting
        if too_long > morning:
            too_long = _while_still(too_long, rule.lasting, _elsewhere(samples, absence, until))
        if too_long < (rises if rises >= morning else over):
            found.append((too_long, None))
    if condition.back_by is not None:
        by = _next(counted, condition.back_by)
        if by - left_at <= KNOWN_FOR:
            found.append((by, condition.back_by))
    yield from sorted(found, key=lambda one: one[0])


def _while_still(too_long: datetime, lasting: timedelta, signs: Iterable[datetime]) -> datetime:
    """Counted from the last sign that comes before it would be too long."""
    for at in signs:
        if at >= too_long:
            break
        too_long = max(too_long, at + lasting)
    return too_long


def _elsewhere(samples: Iterable[Sample], absence: Absence, until: datetime) -> Iterator[datetime]:
    """Signs of life since, of other devices than the bed, in the order of time."""
    for moment in moments(samples, until):
        if moment.sign and moment.at > absence.left_at and moment.device_id != absence.device_id:
            yield moment.at


def rises_of(samples: Iterable[Sample], until: datetime) -> time | None:
    """By when somebody is up for the day on one day in ten (Beijing), from the samples of some weeks; None when that
    was seen on too few days."""
    first: dict[int, time] = {}
    for absence in absences(samples, until):
        left = absence.left_at.astimezone(BEIJING)
        if in_hours(left, (_UP_FROM, _UP_UNTIL)) and (absence.back_at or until) - absence.left_at >= _UP_FOR:
            first.setdefault(left.toordinal(), left.time().replace(second=0, microsecond=0, tzinfo=None))
    if len(first) < _LEAST_DAYS:
        return None
    return sorted(first.values())[ceil(_RISES_PERCENTILE * len(first)) - 1]


def may_speak_at(rule: Rule, in_bed_at: datetime) -> datetime:
    """The earliest at which somebody who was in bed then could be out for too long."""
    condition = rule.condition
    assert isinstance(condition, OutOfBed)
    start = condition.night[0]
    begins = in_bed_at if in_hours(in_bed_at, condition.night) else _next(in_bed_at, start)
    earliest = begins + rule.lasting
    return earliest if condition.back_by is None else min(earliest, _next(in_bed_at, condition.back_by))


def _next(after: datetime, clock: time) -> datetime:
    """The next time after an instant at which Beijing's clock shows that (UTC)."""
    local = after.astimezone(BEIJING)
    at = local.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return (at if at > local else at + timedelta(days=1)).astimezone(UTC)


def _evidence(absence: Absence, at: datetime, back_by: time | None) -> dict[str, Any]:
    return {
        "kind": "out_of_bed",
        "at": at.isoformat(),
        "device_id": absence.device_id,
        "left_at": absence.left_at.isoformat(),
        "back_by": None if back_by is None else back_by.isoformat("minutes"),
    }
