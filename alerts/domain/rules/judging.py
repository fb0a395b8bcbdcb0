"""What a condition says of the values of one instant. Pure."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from alerts.domain.rules import news2
from alerts.domain.rules.fields import DIGITS
from alerts.domain.rules.limits import Bound, bound_of, usual_of
from alerts.domain.rules.model import Direction, Limit, Living, OwnLimit, Rule, Sample, Score, Subject


class Verdict(Enum):
    BEYOND = auto()
    BETWEEN = auto()  # not beyond the limit any more, not yet clear
    CLEAR = auto()


class Measured(NamedTuple):
    value: float
    device_id: str


class Instant(NamedTuple):
    """All that was measured at one time (UTC), by the name of the field."""

    at: datetime
    values: Mapping[str, Measured]


class Judge(Protocol):
    #: that it looks at; an instant has at least one of them
    fields: tuple[str, ...]

    def may_speak(self, samples: Collection[Sample]) -> bool:
        """False when no order and no time of these values can raise an episode: most people are well, and their
        samples need not be played. May be true of what raises none."""

    def alarm(self, field: str, value: float) -> float:
        """How alarming a value is: of two at one instant the greater one counts."""

    def verdict(self, instant: Instant, on: bool) -> Verdict | None:
        """`on`: whether an episode is. Called for each instant in the order of time; None: it says nothing."""

    def evidence(self, stretch: Sequence[Instant]) -> dict[str, Any]:
        """The values that raised it, fit for JSON. Asked right after the verdict on the last instant of `stretch`,
        which has all that were beyond the limit from the first on."""


def judge_of(rule: Rule, subject: Subject) -> Judge | None:
    """None: the rule has nothing to compare this person with yet."""
    condition = rule.condition
    if isinstance(condition, Living):
        return None  # played by evaluators of their own
    if isinstance(condition, Score):
        return _ScoreJudge(condition, subject)
    bound = bound_of(condition, subject)
    if bound is None:
        return None
    usual = usual_of(condition, subject) if isinstance(condition, OwnLimit) else None
    more = {} if usual is None else {"median": usual.median, "spread": usual.spread, "hours": usual.hours}
    kind = {"kind": "own_limit" if more else "limit"}
    return _MedianJudge(bound, kind, more, condition.over) if condition.over else _LimitJudge(bound, kind, more)


class _LimitJudge:
    def __init__(self, bound: Bound, kind: dict[str, Any], more: dict[str, Any]) -> None:
        self.fields: tuple[str, ...] = (bound.field,)
        self._bound = bound
        self._kind, self._more = kind, more

    def may_speak(self, samples: Collection[Sample]) -> bool:
        # Values as they came: rounding keeps order, so none of them is beyond the limit only when rounded.
        field, beyond = self._bound.field, self._bound.beyond
        return any((value := sample.values.get(field)) is not None and beyond(value) for sample in samples)

    def alarm(self, field: str, value: float) -> float:
        return value if self._bound.direction is Direction.ABOVE else -value

    def verdict(self, instant: Instant, on: bool) -> Verdict | None:
        value = instant.values[self._bound.field].value
        if self._bound.beyond(value):
            return Verdict.BEYOND
        return Verdict.CLEAR if on and self._bound.cleared(value) else Verdict.BETWEEN

    def evidence(self, stretch: Sequence[Instant]) -> dict[str, Any]:
        bound, last = self._bound, stretch[-1]
        measured = [instant.values[bound.field].value for instant in stretch]
        return {
            **self._kind,
            "field": bound.field,
            "value": measured[-1],
            "at": last.at.isoformat(),
            "device_id": last.values[bound.field].device_id,
            "direction": bound.direction.value,
            "limit": bound.value,
            "worst": max(measured, key=lambda value: self.alarm(bound.field, value)),
            "samples": len(stretch),
            **self._more,
        }


class _MedianJudge(_LimitJudge):
    """Compares the median of all that was measured in the time `over` before each value, itself included: of two in
    the middle their average. A value that is well itself neither begins nor prolongs a stretch, and one that is not
    ends none, whatever the median is."""

    def __init__(self, bound: Bound, kind: dict[str, Any], more: dict[str, Any], over: timedelta) -> None:
        super().__init__(bound, kind, {**more, "over_seconds": int(over.total_seconds())})
        self._over = over
        self._within: deque[tuple[datetime, float]] = deque()
        self._sorted: list[float] = []

    def _median(self) -> float:
        middle, odd = divmod(len(self._sorted), 2)
        if odd:
            return self._sorted[middle]
        return round((self._sorted[middle - 1] + self._sorted[middle]) / 2, DIGITS)

    def verdict(self, instant: Instant, on: bool) -> Verdict | None:
        within, bound = self._within, self._bound
        value = instant.values[bound.field].value
        while within and within[0][0] < instant.at - self._over:
            _, gone = within.popleft()
            del self._sorted[bisect_left(self._sorted, gone)]
        within.append((instant.at, value))
        insort(self._sorted, value)
        middle = self._median()
        if bound.beyond(middle):
            return Verdict.BEYOND if bound.beyond(value) else None
        if on and bound.cleared(middle):
            return Verdict.CLEAR if bound.cleared(value) else None
        return Verdict.BETWEEN

    def evidence(self, stretch: Sequence[Instant]) -> dict[str, Any]:
        return {**super().evidence(stretch), "value": self._median()}


class _ScoreJudge:
    """Scores the freshest value of each parameter.

    While no episode is on, a value counts as long as it is fresh. While one is on, a parameter that is not measured any
    more keeps its last value: that it falls silent is no recovery.
    """

    def __init__(self, score: Score, subject: Subject) -> None:
        self.fields: tuple[str, ...] = news2.MEASURED
        self._score, self._scale_2 = score, subject.spo2_scale_2
        self._latest: dict[str, tuple[datetime, Measured]] = {}
        self._points: dict[str, int] = {}

    def may_speak(self, samples: Collection[Sample]) -> bool:
        # No score is higher than the worst value of each parameter, whenever it was measured.
        worst = dict.fromkeys(self.fields, 0)
        for sample in samples:
            for field, value in sample.values.items():
                if field in worst:
                    worst[field] = max(worst[field], self._points_of(field, value))
        return self._reached(worst)

    def alarm(self, field: str, value: float) -> float:
        return self._points_of(field, value)

    def _points_of(self, field: str, value: float) -> int:
        return news2.points_of(field, value, scale_2=self._scale_2)

    def verdict(self, instant: Instant, on: bool) -> Verdict | None:
        if not on:
            self._forget(instant.at - self._score.fresh)
        for field, measured in instant.values.items():
            self._latest[field] = (instant.at, measured)
            self._points[field] = self._points_of(field, measured.value)
        if not self._reached(self._points):
            return Verdict.CLEAR
        # A value of twenty minutes ago is not confirmed by another parameter that is well: what has no point itself
        # neither begins nor prolongs a stretch.
        return Verdict.BEYOND if any(self._points[field] for field in instant.values) else None

    def _forget(self, before: datetime) -> None:
        for field in [field for field, (at, _) in self._latest.items() if at < before]:
            del self._latest[field], self._points[field]

    def _reached(self, points: Mapping[str, int]) -> bool:
        return sum(points.values()) >= self._score.total or (self._score.or_three_in_one and 3 in points.values())

    def evidence(self, stretch: Sequence[Instant]) -> dict[str, Any]:
        values = {field: measured.value for field, (_, measured) in self._latest.items()}
        scored, last = news2.news2(values, scale_2=self._scale_2), stretch[-1]
        # The device whose value weighs most completed it.
        heaviest = max(last.values, key=lambda field: scored.points[field])
        return {
            "kind": "score",
            "total": scored.total,
            "at": last.at.isoformat(),
            "device_id": last.values[heaviest].device_id,
            "limit": self._score.total,
            "risk": scored.risk.value,
            "points": dict(scored.points),
            "values": values,
            "taken_at": {field: at.isoformat() for field, (at, _) in self._latest.items()},
            "missing": list(scored.missing),
            "samples": len(stretch),
        }


def measured_by(rule: Rule) -> tuple[str, ...]:
    """The measurements that a rule looks at; none where it is about where people are and what they do."""
    match rule.condition:
        case Limit(field=field) | OwnLimit(field=field):
            return (field,)
        case Score():
            return news2.MEASURED
    return ()


def carries(rule: Rule) -> timedelta:
    """For how long a value has a say after its own instant."""
    match rule.condition:
        case Score(fresh=time) | Limit(over=time) | OwnLimit(over=time):
            return time
    return timedelta(0)
