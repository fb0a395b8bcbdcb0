"""Who is beyond a fence of theirs: walks, found by playing fixes in the order of their time. Pure.

Each device's fixes are a track of their own, since a pendant at home says nothing of who wears the watch. A fix that
certainly lies beyond the fence begins a stretch or prolongs it, one that may lie beyond it does neither, one on the
allowed side ends it. The episode is raised with the third certain fix in a row (`Beyond.fixes`), or the second when
they are `lasting` apart; two neighbours that are further apart than the rule's gap are not one stretch. It is over when
every fix over `clear_after` was on the allowed side, or with the first fix out of the fence's hours.

What is no walk: a fix that is reached and left faster than anybody travels is ignored, and a last one that was reached
so is not certain before the next confirms it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from alerts.domain.rules.fence import Circle, Fence, Outside, Point, beyond, distance, error_of, holds, how_far_out
from alerts.domain.rules.model import Beyond, Episode, Rule, Sample, Subject

#: Metres a second, 150 km/h: faster than a road allows (120 km/h in China), so that no lift in a car is thrown away.
FASTEST: Final = 150 / 3.6


@dataclass(frozen=True, slots=True)
class Fix:
    at: datetime  # UTC
    point: Point
    accuracy: float | None
    device_id: str
    #: reached faster than anybody travels, and nothing came after it yet
    doubtful: bool = False


def wandering(
    rule: Rule, subject: Subject, samples: Iterable[Sample], until: datetime, since: datetime | None
) -> list[Episode]:
    """All episodes in the samples, in the order of time, of all fences together; where several are left at a time they
    are one. `since`: from when on fixes count. `until`: what is later does not."""
    assert isinstance(rule.condition, Beyond)
    found = []
    for track in tracks(samples, until):
        for fence in subject.fences:
            found += _walks(rule, rule.condition, fence, track, since)
    return _joined(found)


def tracks(samples: Iterable[Sample], until: datetime) -> list[list[Fix]]:
    """Of each device its fixes in the order of time, a time once, without jumps."""
    by_device: dict[str, dict[datetime, Fix]] = {}
    for sample in samples:
        at, values = sample.at.astimezone(UTC), sample.values
        if at > until or "lat" not in values or "lon" not in values or values.get("worn") is False:
            continue
        accuracy = values.get("accuracy")
        point = Point(float(values["lat"]), float(values["lon"]))
        fix = Fix(at, point, None if accuracy is None else float(accuracy), sample.device_id)
        fixes = by_device.setdefault(sample.device_id, {})
        # Of two at one instant the better one, and of equals always the same.
        if at not in fixes or _worth(fix) < _worth(fixes[at]):
            fixes[at] = fix
    return [_without_jumps(sorted(fixes.values(), key=lambda fix: fix.at)) for _, fixes in sorted(by_device.items())]


def _worth(fix: Fix) -> tuple[float, float, float]:
    return error_of(fix.accuracy), fix.point.lat, fix.point.lon


def _without_jumps(fixes: Sequence[Fix]) -> list[Fix]:
    """A jump is too fast from what was before it and to what comes after it, which are not too fast for each other."""
    kept: list[Fix] = []
    for place, fix in enumerate(fixes):
        if not kept or not _too_fast(kept[-1], fix):
            kept.append(fix)
        elif place + 1 == len(fixes):
            kept.append(replace(fix, doubtful=True))
        else:
            following = fixes[place + 1]
            if not _too_fast(fix, following) or _too_fast(kept[-1], following):
                kept.append(fix)
    return kept


def _too_fast(one: Fix, other: Fix) -> bool:
    """By so much that the errors of both do not explain it."""
    way = distance(one.point, other.point) - error_of(one.accuracy) - error_of(other.accuracy)
    return way > FASTEST * (other.at - one.at).total_seconds()


def _walks(rule: Rule, condition: Beyond, fence: Fence, track: Sequence[Fix], since: datetime | None) -> list[Episode]:
    found: list[Episode] = []
    stretch: list[Fix] = []
    on: Episode | None = None
    clear: tuple[datetime, datetime] | None = None
    for fix in track:
        at = fix.at
        if since is not None and at < since:
            continue
        if not holds(fence, at):
            if on is not None:
                found.append(replace(on, cleared_at=at))
            on, stretch = None, []
            continue
        metres = beyond(fix.point, fence)
        where = how_far_out(metres, fix.accuracy)
        if where is Outside.CERTAIN and fix.doubtful:
            where = Outside.POSSIBLE
        if on is None:
            if where is Outside.NO or (stretch and at - stretch[-1].at > rule.gap):
                stretch = []
            if where is Outside.CERTAIN:
                stretch.append(fix)
                if _is_a_walk(rule.lasting, condition, stretch):
                    on = Episode(stretch[0].at, at, None, _evidence(fence, stretch, metres))
                    stretch, clear = [], None
            continue
        if where is not Outside.NO:
            clear = None
            continue
        first = at if clear is None or at - clear[1] > rule.gap else clear[0]
        clear = (first, at)
        if at - first >= rule.clear_after:
            found.append(replace(on, cleared_at=at))
            on = None
    return found if on is None else [*found, on]


def _is_a_walk(lasting: timedelta, condition: Beyond, stretch: Sequence[Fix]) -> bool:
    if len(stretch) >= condition.fixes:
        return True
    return len(stretch) > 1 and stretch[-1].at - stretch[0].at >= lasting


def _evidence(fence: Fence, stretch: Sequence[Fix], metres: float) -> dict[str, Any]:
    last = stretch[-1]
    return {
        "kind": "fence",
        "at": last.at.isoformat(),
        "device_id": last.device_id,
        "fence": {
            "id": str(fence.id),
            "version": fence.version,
            "name": fence.name,
            "keep": fence.keep.value,
            "radius": fence.shape.radius if isinstance(fence.shape, Circle) else None,
        },
        "beyond": round(metres, 1),
        "lat": last.point.lat,
        "lon": last.point.lon,
        "accuracy": last.accuracy,
        "fixes": len(stretch),
    }


def _joined(found: list[Episode]) -> list[Episode]:
    """Those that overlap are one: raised by the first of them, over with the last."""
    joined: list[Episode] = []
    for episode in sorted(found, key=lambda one: (one.raised_at, one.began_at)):
        last = joined[-1] if joined else None
        if last is None or (last.cleared_at is not None and last.cleared_at < episode.began_at):
            joined.append(episode)
        elif last.cleared_at is not None:
            over = None if episode.cleared_at is None else max(last.cleared_at, episode.cleared_at)
            joined[-1] = replace(last, cleared_at=over)
    return joined
