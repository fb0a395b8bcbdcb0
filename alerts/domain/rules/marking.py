"""Which samples of an elder matter, given what is known of them: what gateways mark by. Pure.

`limits.envelope` is the band outside which a sample may matter to somebody of whom nothing is known. What is known
makes it wider, and most samples of most people matter to no rule:

- While an episode is on, what is beyond its limit tells nothing new; what is clear does.
- A score is a sum. As long as each parameter has no more points than its part of one point less than the rule wants,
  the sum is not reached, whatever is measured when: only a sample with more than its parameter's part matters. The
  parts are dealt out anew by how it stands (`standing`) when such a sample has come, and when the sum may have been
  reached, every point matters.
- What one device always measures together (`together`) has a part together: it comes and goes with each reading, so
  that the sum of its points is known from one reading alone. A reading that has only some of it, with a point, matters.
- A stretch that began at ten o'clock, of a rule that wants ten minutes, is not raised before ten past: until then its
  rule wants no look (`quiet`).

All of that is about samples that are measured from now on: those that come later than LATE are for the caller to mark
whatever they say.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final
from uuid import UUID

from alerts.domain.rules import news2
from alerts.domain.rules.evaluate import as_raised
from alerts.domain.rules.fields import DIGITS, VITALS
from alerts.domain.rules.following import Kept, Lineage
from alerts.domain.rules.limits import Band, Bound, bound_of, fence_bands, tightest
from alerts.domain.rules.living import living_bands_while_on
from alerts.domain.rules.model import Beyond, Direction, Living, Rule, Sample, Score, Subject
from alerts.domain.rules.silence import Extremes

#: Who gets the points that are left over, one each and round again: those first that normal people have points in, by
#: low saturation in sleep, cool wrists, a brisk walk.
_DEALT_TO: Final = ("spo2", "body_temperature", "heart_rate", "respiratory_rate", "systolic")
#: What may come together, and how much of it is worth it.
_WITH_OTHERS: Final = frozenset(news2.MEASURED) - {"systolic"}
_LEAST_TOGETHER: Final = 2
#: The least by which a value can be beyond another one.
_LEAST: Final = 10**-DIGITS

#: A sample may come so much later than it was measured without being marked for that, as gateways do it.
LATE: Final = timedelta(minutes=2)
#: A silence that is shorter, or of samples that come less often, is not worth telling gateways of.
_WORTH: Final = timedelta(minutes=1)
_DENSE: Final = timedelta(minutes=2)

#: points by parameter
Points = Mapping[str, int]


#: a version of a rule
Version = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Joint:
    """Parameters of a score that come together: a reading matters that has more than `most` points in them, or some of
    them only and a point. `bands`: of each, those with at most none, one and two points; a value has as many points as
    it is outside of bands."""

    most: int
    bands: Mapping[str, tuple[Band, ...]]

    def narrower(self, before: "Joint | None") -> bool:
        """Whether a sample may matter by it that did not before."""
        return before is None or self.most < before.most or self.bands != before.bands


@dataclass(frozen=True, slots=True)
class Marks:
    """By what an elder's samples are marked: outside of a band, or, `every`, whatever they say."""

    bands: Mapping[str, Band]
    every: bool = False
    joint: Joint | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nothing can happen to these rules by samples from before `until`."""

    rules: frozenset[Version]
    until: datetime


def marks(
    in_force: Iterable[Rule],
    subject: Subject,
    on: Iterable[Kept],
    seen: Points,
    but: frozenset[Version] = frozenset(),
    together: frozenset[str] = frozenset(),
) -> Marks:
    """`on`: the episodes that are on. `seen`: how their points stood when that was last looked at. `but`: rules that
    want no look. `together`: what is always measured together."""
    on = list(on)
    parts: list[tuple[str, Band]] = []
    most: int | None = None
    for one in on:
        if isinstance(one.rule.condition, Score):
            return Marks({}, every=True)
        if isinstance(one.rule.condition, Living):
            parts += living_bands_while_on(one.rule.condition)
        elif _version(one.rule) not in but:
            parts += _until_clear(bound_of(one.rule.condition, as_raised(one.rule, subject, one.evidence)))
    lines = {(one.rule.key, one.rule.mode) for one in on}
    for rule in in_force:
        if (rule.key, rule.mode) in lines or _version(rule) in but:
            continue
        condition = rule.condition
        if isinstance(condition, Score):
            scale_2 = subject.spo2_scale_2
            if together:
                left, dealt = _left_to(together, condition, seen)
                most = left if most is None else min(most, left)
            else:
                dealt = parts_of(condition, seen)
            parts += [
                (name, news2.band(name, dealt.get(name, 0), scale_2=scale_2))
                for name in news2.MEASURED
                if name in dealt or name not in together
            ]
            continue
        if isinstance(condition, Beyond):
            parts += fence_bands(subject)
        elif not isinstance(condition, Living):
            parts += _up_to(bound_of(condition, subject))
    return Marks(tightest(parts), joint=None if most is None else _joint(together, most, subject))


def _until_clear(bound: Bound | None) -> list[tuple[str, Band]]:
    """While it is on, what is clear is outside."""
    if bound is None:
        return []
    above = bound.direction is Direction.ABOVE
    return [(bound.field, (bound.clear + _LEAST, None) if above else (None, bound.clear - _LEAST))]


def _up_to(bound: Bound | None) -> list[tuple[str, Band]]:
    if bound is None:
        return []
    return [(bound.field, (None, bound.value) if bound.direction is Direction.ABOVE else (bound.value, None))]


def _joint(together: frozenset[str], most: int, subject: Subject) -> Joint:
    scale_2 = subject.spo2_scale_2
    of = {name: tuple(news2.band(name, points, scale_2=scale_2) for points in range(3)) for name in sorted(together)}
    return Joint(most, of)


def _left_to(together: frozenset[str], score: Score, seen: Points) -> tuple[int, dict[str, int]]:
    """How many points what comes together may have without a look, and what each of the others may, which is what it
    was seen to have; and each at most two where three in one are enough."""
    of_others = {name: points for name, points in seen.items() if name not in together}
    left = score.total - 1 - sum(of_others.values())
    if left < sum(points for name, points in seen.items() if name in together):
        of_others = {}  # it stands higher than it may: until that is known to be over, each point of theirs matters
    dealt = {name: min(points, 2) if score.or_three_in_one else points for name, points in of_others.items()}
    return max(left, 0), dealt | (dict.fromkeys(together, 2) if score.or_three_in_one else {})


def parts_of(score: Score, seen: Points) -> dict[str, int]:
    """How many points each parameter may have without a look: at least what was seen, together one less than the score
    wants. Empty when what was seen may be enough for it."""
    most = 2 if score.or_three_in_one else 3
    left = score.total - 1 - sum(seen.values())
    if left < 0 or any(points > most for points in seen.values()):
        return {}
    dealt = {name: seen.get(name, 0) for name in news2.MEASURED}
    while left and min(dealt.values()) < most:
        for name in _DEALT_TO:
            if left and dealt[name] < most:
                dealt[name] += 1
                left -= 1
    return dealt


def comes_together(samples: Collection[Sample], before: frozenset[str]) -> frozenset[str]:
    """The parameters that each sample has that has any of them; `before`, as long as that is still so. Empty when they
    are fewer than two. Cuffs measure when somebody puts them on, and are no part of it."""
    if before:
        others = [sample for sample in samples if not before.issubset(sample.values)]
        if not any(_WITH_OTHERS.intersection(one.values) for one in others if one.values.get("worn") is not False):
            return before
    common: frozenset[str] | None = None
    for sample in samples:
        if sample.values.get("worn") is False:
            continue
        found = _WITH_OTHERS.intersection(sample.values)
        if found:
            common = found if common is None else common & found
    if common is None:
        return before
    return common if len(common) >= _LEAST_TOGETHER else frozenset()


def holds(in_force: Iterable[Rule], seen: Points, stands: Points, together: frozenset[str] = frozenset()) -> bool:
    """Whether the parts that were dealt out for `seen` still do: none is exceeded, and there are any."""
    for rule in in_force:
        if isinstance(rule.condition, Score) and together:
            left, dealt = _left_to(together, rule.condition, seen)
            others = {name: points for name, points in stands.items() if name not in together}
            of_theirs = sum(points for name, points in stands.items() if name in together)
            if any(points > dealt.get(name, 0) for name, points in others.items()) or (
                of_theirs > left and any(name not in together for name in seen)
            ):
                return False
        elif isinstance(rule.condition, Score):
            dealt = parts_of(rule.condition, seen)
            if not dealt or any(points > dealt[name] for name, points in stands.items()):
                return False
    return True


def standing(samples: Iterable[Sample], subject: Subject, now: datetime) -> dict[str, int]:
    """The points of each parameter's value that counts at `now`, or counted shortly before, where a sample may still
    come late; those without points are left out. That a value may be too old to count is not asked."""
    found: dict[str, int] = {}
    settled_before = now - LATE
    latest_first = [
        sample
        for sample in sorted(samples, key=attrgetter("at"), reverse=True)
        if sample.values.get("worn") is not False
    ]
    for field in news2.MEASURED:
        for sample in latest_first:
            value = sample.values.get(field)
            if value is None:
                continue
            points = news2.points_of(field, float(value), scale_2=subject.spo2_scale_2)
            if points > found.get(field, 0):
                found[field] = points
            if sample.at < settled_before:
                break
    return found


def quiet(
    lines: Iterable[Lineage], subject: Subject, samples: Sequence[Sample], extremes: Extremes, now: datetime
) -> Quiet | None:
    """Which rules want no look for a while, after a look at `now` that found nothing; `lines`: those that have
    something on, or that something is beyond the limit of; `samples`: what it looked at."""
    latest_first = sorted(samples, key=attrgetter("at"), reverse=True)
    until: dict[Version, datetime] = {}
    for line in lines:
        on = next((one for one in line.kept if one.cleared_at is None), None)
        rule = on.rule if on else line.rule
        if rule is None or isinstance(rule.condition, Score | Living):
            continue
        bound = bound_of(rule.condition, as_raised(rule, subject, on.evidence) if on else subject)
        if bound is None:
            continue
        if rule.condition.over:
            # Of medians a value that is well among others ends no run: nothing is known unless none can have begun.
            if on or extremes.beyond(bound, rule.condition.over):
                continue
            begun = None
        else:
            begun = _run(bound, bound.cleared if on else bound.beyond, latest_first)
            if begun is None and not on:
                continue  # it is not what marks them
        earliest = now - LATE if begun is None else min(begun, now - LATE)
        soonest = earliest + (rule.clear_after if on else rule.lasting)
        if soonest - now >= _WORTH and _every(bound.field, latest_first) <= _DENSE:
            until[_version(rule)] = soonest
    return Quiet(frozenset(until), min(until.values())) if until else None


def _every(field: str, latest_first: Iterable[Sample]) -> timedelta:
    """From the last sample of a field to the one before."""
    times: list[datetime] = []
    for sample in latest_first:
        if field in sample.values and (not times or sample.at < times[0]):
            times.append(sample.at)
            if len(times) > 1:
                return times[0] - times[1]
    return timedelta(0)


def _run(bound: Bound, counts: Callable[[float], bool], latest_first: Sequence[Sample]) -> datetime | None:
    """When the run of samples that count began which goes on to the last of them; None when there is none. Pauses are
    no end of it, so that it may have begun later than that, and not earlier."""
    begun: datetime | None = None
    for at, together in groupby(latest_first, key=attrgetter("at")):
        values = [
            round(float(sample.values[bound.field]), DIGITS)
            for sample in together
            if bound.field in sample.values and not (bound.field in VITALS and sample.values.get("worn") is False)
        ]
        if any(counts(value) for value in values):
            begun = at
        elif values:
            break
    return begun


def narrower(bands: Mapping[str, Band], before: Mapping[str, Band]) -> bool:
    """Whether a sample may be outside of `bands` that was inside of those before."""
    for field, (low, high) in bands.items():
        lowest, highest = before.get(field, (None, None))
        if (low is not None and (lowest is None or low > lowest)) or (
            high is not None and (highest is None or high < highest)
        ):
            return True
    return False


def _version(rule: Rule) -> Version:
    return rule.id, rule.version
