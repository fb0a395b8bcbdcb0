"""Which stored rows answer a question about buckets. Pure: no SQL, no clock.

Roll-ups are there for closed days, but for hours in which something came late; everything else is answered from raw
readings, so that a bucket is the same whichever way it is made. docs/adr/0010-roll-ups.md tells the whole of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Source = Literal["raw", "1m", "1h", "1d", "told"]
Width = Literal["1m", "1h", "1d"]

WIDTHS: dict[Width, timedelta] = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
#: Where every bucket's edges are counted from. A day is a day of Beijing; minutes and hours fall together in every
#: whole-hour zone.
ORIGIN = datetime.fromisoformat("2020-01-01T00:00:00+08:00").astimezone(UTC)
#: What a bucket can be put together from, besides raw readings, the widest first. "told" is a day of UTC, all hours of
#: which are kept as the answer has them.
_PARTS: dict[Width, tuple[Source, ...]] = {"1m": ("1m",), "1h": ("told", "1h"), "1d": ("1d", "1h")}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
#: A device with more late hours than this is answered from raw readings from the first to the last of them.
_MOST_HOLES = 8


@dataclass(frozen=True, slots=True)
class Extent:
    """What is there of a device. Every instant but those of late_hours begins a day of UTC."""

    #: roll-ups are there for what is before
    rolled_until: datetime
    #: raw readings are there from here on
    raw_from: datetime
    #: beginnings of the hours whose roll-ups are behind
    late_hours: tuple[datetime, ...] = ()
    #: days from here on, to told_until or rolled_until, are told
    told_from: datetime = _LONG_AGO
    told_until: datetime = _LONG_AGO


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one source with start <= time < end."""

    source: Source
    start: datetime
    end: datetime


def bucket_of(instant: datetime, width: Width) -> datetime:
    """The beginning of the bucket that an instant is in."""
    return ORIGIN + (instant - ORIGIN) // WIDTHS[width] * WIDTHS[width]


def utc_day_of(instant: datetime) -> datetime:
    """The beginning of the day by which readings are closed, partitioned and dropped."""
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def segments(since: datetime, until: datetime, width: Width, extent: Extent) -> list[Segment]:
    """What to read for the buckets of since <= ts < until: in order, without gap, nothing twice.

    A bucket that `since` or `until` cuts counts only what is inside, for which it takes raw readings; where they are
    dropped it counts whole.
    """
    if bucket_of(since, width) < extent.raw_from:
        since = bucket_of(since, width)
    cut = bucket_of(until, width)
    if cut < until and cut < extent.raw_from:
        until = cut + WIDTHS[width]
    late = sorted({hour for hour in extent.late_hours if extent.raw_from <= hour < extent.rolled_until})
    return list(_joined(_fill(since, until, _PARTS[width], extent, late)))


def _fill(
    start: datetime, end: datetime, parts: Sequence[Source], extent: Extent, late: Sequence[datetime]
) -> Iterator[Segment]:
    if start >= end:
        return
    if not parts:
        yield Segment("raw", start, end)
        return
    part, smaller = parts[0], parts[1:]
    first, last = start, min(end, extent.rolled_until)
    if part == "told":
        first, last = max(first, extent.told_from), min(last, extent.told_until)
    whole_from, whole_to = _end_of_part(first - timedelta(microseconds=1), part), _part_of(last, part)
    if whole_from >= whole_to:
        yield from _fill(start, end, smaller, extent, late)
        return
    yield from _fill(start, whole_from, smaller, extent, late)
    at = whole_from
    for hole_from, hole_to in _holes(whole_from, whole_to, part, late):
        if at < hole_from:
            yield Segment(part, at, hole_from)
        yield from _fill(hole_from, hole_to, smaller, extent, late)
        at = hole_to
    if at < whole_to:
        yield Segment(part, at, whole_to)
    yield from _fill(whole_to, end, smaller, extent, late)


def _part_of(instant: datetime, part: Source) -> datetime:
    """The beginning of the part that an instant is in."""
    return utc_day_of(instant) if part == "told" else bucket_of(instant, _width_of(part))


def _end_of_part(instant: datetime, part: Source) -> datetime:
    return _part_of(instant, part) + (WIDTHS["1d"] if part == "told" else WIDTHS[_width_of(part)])


def _width_of(part: Source) -> Width:
    assert part != "raw"
    assert part != "told"
    return part


def _holes(start: datetime, end: datetime, part: Source, late: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """The stretches of whole parts in which an hour is late."""
    hour = WIDTHS["1h"]
    holes: list[tuple[datetime, datetime]] = []
    for begin in late:
        if begin + hour <= start or begin >= end:
            continue
        hole = (
            max(start, _part_of(begin, part)),
            min(end, _end_of_part(begin + hour - timedelta(microseconds=1), part)),
        )
        if holes and hole[0] <= holes[-1][1]:
            holes[-1] = (holes[-1][0], max(holes[-1][1], hole[1]))
        else:
            holes.append(hole)
    return holes if len(holes) <= _MOST_HOLES else [(holes[0][0], holes[-1][1])]


def _joined(found: Iterator[Segment]) -> Iterator[Segment]:
    last: Segment | None = None
    for segment in found:
        if last is not None and last.source == segment.source and last.end == segment.start:
            last = Segment(last.source, last.start, segment.end)
            continue
        if last is not None:
            yield last
        last = segment
    if last is not None:
        yield last
