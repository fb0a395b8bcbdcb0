"""Where in stored history a rule may have spoken, known from little: so that only there readings are read and played.
Pure.

A database says of each elder and each bucket of time when the first and the last reading outside of `limits.envelope`
was, and how far such readings went (`Bucket`). An episode begins with a reading outside and is completed by one, and
all between them that are beyond its limit are outside too, no two further apart than the rule's gap: so what lies in no
chain of such buckets that is long enough cannot raise it.

Of a score that is not much: most people have a point for something in most hours. So within a chain of it the database
is asked again, for instants at which the points could be enough together: of each parameter its own where it was
measured then, since nothing older counts, and else the most that it had in the chain and while that was fresh (`caps`).

What is left is read, from where `evaluate.window` says to where the episode is over, and the one evaluator plays it.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from alerts.domain.rules import news2
from alerts.domain.rules.evaluate import episodes, window
from alerts.domain.rules.limits import bound_of
from alerts.domain.rules.model import Episode, Living, Rule, Sample, Score, Subject

#: How wide buckets are; for a score nearly everybody has readings outside in each hour.
WIDTH: Final = timedelta(minutes=15)
_WIDTH_OF_SCORES: Final = timedelta(hours=1)
#: So long after the last reading that may be beyond most episodes are over; whichever is not is read further.
_OVER_SOON: Final = timedelta(minutes=30)
_READ_ON: Final = timedelta(hours=3)

#: from, to; both inclusive
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Of an elder's readings within a bucket of time, those with a value outside of the envelope."""

    first: datetime
    last: datetime
    #: the lowest and the highest that they have of a field
    extremes: Mapping[str, tuple[float, float]]


def width_of(rules: Iterable[Rule]) -> timedelta:
    return _WIDTH_OF_SCORES if any(isinstance(rule.condition, Score) for rule in rules) else WIDTH


@dataclass(frozen=True, slots=True)
class Chain:
    """A stretch in which a rule may have spoken."""

    rule: Rule
    first: datetime
    last: datetime
    #: of a score, the most points of each parameter that may count in it
    caps: Mapping[str, int]

    @property
    def long_enough(self) -> bool:
        return self.last - self.first >= self.rule.lasting


class Suspicion:
    """Where one rule may have spoken of one person. Not for rules on where people are and what they do, which may speak
    because nothing comes."""

    def __init__(self, rule: Rule, subject: Subject) -> None:
        condition = rule.condition
        assert not isinstance(condition, Living)
        self._rule = rule
        self._score = condition if isinstance(condition, Score) else None
        self._bound = None if isinstance(condition, Score) else bound_of(condition, subject)
        #: of a score, what may still count: the end of a bucket, and the most points of each parameter in it
        self._fresh: deque[tuple[datetime, Mapping[str, int]]] = deque()
        self._chain: Chain | None = None
        self._long: list[Chain] = []

    def take(self, bucket: Bucket, points: Mapping[str, int]) -> None:
        """Buckets come in the order of time; `points`: of a score, those of the bucket."""
        caps: dict[str, int] = {}
        if self._score is not None:
            caps = self._points_until(self._score, bucket, points)
            if not may_be_enough(self._score, caps):
                return
        elif self._bound is None or not any(map(self._bound.beyond, bucket.extremes.get(self._bound.field, ()))):
            return
        before = self._chain
        if before is not None and bucket.first - before.last <= self._rule.gap:
            self._chain = Chain(self._rule, before.first, bucket.last, most_of([before.caps, caps]))
        else:
            self._close()
            self._chain = Chain(self._rule, bucket.first, bucket.last, caps)

    def chains(self) -> list[Chain]:
        """Those that are long enough, in the order of time. Nothing is taken after this."""
        self._close()
        return self._long

    def _close(self) -> None:
        if self._chain is not None and self._chain.long_enough:
            self._long.append(self._chain)
        self._chain = None

    def _points_until(self, score: Score, bucket: Bucket, points: Mapping[str, int]) -> dict[str, int]:
        """The most that may count within this bucket."""
        while self._fresh and self._fresh[0][0] < bucket.first - score.fresh:
            self._fresh.popleft()
        self._fresh.append((bucket.last, points))
        return most_of(before for _, before in self._fresh)


def points_in(bucket: Bucket, subject: Subject) -> dict[str, int]:
    """The most points that each parameter has in it; without those that have none."""
    scale_2 = subject.spo2_scale_2
    found = {}
    for field in news2.MEASURED:
        if field in bucket.extremes:
            points = max(news2.points_of(field, value, scale_2=scale_2) for value in bucket.extremes[field])
            if points:
                found[field] = points
    return found


def most_of(counted: Iterable[Mapping[str, int]]) -> dict[str, int]:
    most: dict[str, int] = {}
    for points in counted:
        for field, count in points.items():
            most[field] = max(count, most.get(field, 0))
    return most


def may_be_enough(score: Score, points: Mapping[str, int]) -> bool:
    return sum(points.values()) >= score.total or (score.or_three_in_one and 3 in points.values())


def within(chain: Chain, marks: Iterable[Span]) -> list[Chain]:
    """Of a score's chain those parts of which the database says more: the first and the last instant, of each bucket of
    time, at which its points could be enough."""
    found: list[Chain] = []
    for first, last in sorted(marks):
        if found and first - found[-1].last <= chain.rule.gap:
            found[-1] = replace(found[-1], last=last)
        else:
            found.append(replace(chain, first=first, last=last))
    return [part for part in found if part.long_enough]


def span_of(chain: Chain, begin: datetime, end: datetime) -> Span:
    """What is to be read for it, within `begin` and `end`."""
    over = max(chain.rule.clear_after + chain.rule.gap, _OVER_SOON)
    return max(begin, window(chain.rule, chain.first, ()).samples_from), min(end, chain.last + over)


def decided(
    rules: Sequence[Rule], subject: Subject, spans: Sequence[Span], read: Sequence[Collection[Sample]], until: datetime
) -> list[tuple[Rule, list[Episode]]] | tuple[Span, ...]:
    """The episodes of each rule in these stretches, of which `read` has the samples; or, while one is still on where
    its stretch ends and before `until`, what is to be read instead."""
    found: list[tuple[Rule, list[Episode]]] = []
    wanted: list[Span] = []
    for (first, last), samples in zip(spans, read, strict=True):
        played = [(rule, episodes(rule, subject, samples, until)) for rule in rules]
        if last < until and any(of_rule and of_rule[-1].cleared_at is None for _, of_rule in played):
            wanted.append((first, min(until, last + max(_READ_ON, last - first))))
        else:
            wanted.append((first, last))
        found += played
    # What is read further may run into the next stretch: then both are one.
    return found if wanted == list(spans) else tuple(joined(wanted))


def joined(spans: Iterable[Span]) -> list[Span]:
    """In the order of time, none touching another."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
