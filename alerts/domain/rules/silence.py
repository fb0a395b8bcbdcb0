"""Which rules surely say nothing of these samples: most do, and need not be played. Pure."""

from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from alerts.domain.rules import news2
from alerts.domain.rules.fields import FIELDS, VITALS
from alerts.domain.rules.following import Lineage
from alerts.domain.rules.limits import Bound, bound_of
from alerts.domain.rules.model import Living, Rule, Sample, Score, Subject


class Extremes:
    """The lowest and the highest of each field in samples: by them most rules are known to be silent, all at once and
    without going through the samples for each."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self._of: dict[str, tuple[float, float]] = {}
        for field in FIELDS:
            measured = [sample.values[field] for sample in samples if field in sample.values]
            if measured:
                self._of[field] = (min(measured), max(measured))
        self._times: dict[Bound, list[tuple[datetime, bool]]] = {}

    def untouched(self, rule: Rule, subject: Subject) -> bool:
        """Surely nothing of it is beyond this rule's limit."""
        condition = rule.condition
        if isinstance(condition, Score):
            points = [self._points(field, subject) for field in news2.MEASURED if field in self._of]
            return sum(points) < condition.total and not (condition.or_three_in_one and 3 in points)
        if isinstance(condition, Living):
            return False  # not asked of them: they may speak because nothing comes
        bound = bound_of(condition, subject)
        return bound is None or not any(map(bound.beyond, self._of.get(bound.field, ())))

    def silent(self, rule: Rule, subject: Subject) -> bool:
        """Surely no episode of this rule is in the samples."""
        if self.untouched(rule, subject):
            return True
        condition = rule.condition
        if isinstance(condition, Score | Living):
            return False
        bound = bound_of(condition, subject)
        assert bound is not None
        beyond = self.beyond(bound, condition.over)
        return not beyond or beyond[-1] - beyond[0] < rule.lasting

    def beyond(self, bound: Bound, over: timedelta) -> list[datetime]:
        """The times, in order, at which a limit may have been exceeded: at no other one it was. `over`: by a median."""
        times = self._in_order(bound)
        if not over:
            return [at for at, counts in times if counts]
        # A median is beyond a limit only when at least half of its values are.
        found: list[datetime] = []
        within: deque[tuple[datetime, bool]] = deque()
        counted = 0
        for at, counts in times:
            within.append((at, counts))
            counted += counts
            while within[0][0] < at - over:
                counted -= within.popleft()[1]
            if counts and 2 * counted >= len(within):
                found.append(at)
        return found

    def _in_order(self, bound: Bound) -> list[tuple[datetime, bool]]:
        """At each time whether what was measured is beyond: of two values at once the more alarming one counts."""
        times = self._times.get(bound)
        if times is None:
            at_time: dict[datetime, bool] = {}
            for sample in self._samples:
                value = sample.values.get(bound.field)
                if value is not None and not (bound.field in VITALS and sample.values.get("worn") is False):
                    at = sample.at.astimezone(UTC)
                    at_time[at] = at_time.get(at, False) or bound.beyond(value)
            times = self._times[bound] = sorted(at_time.items())
        return times

    def _points(self, field: str, subject: Subject) -> int:
        return max(news2.points_of(field, value, scale_2=subject.spo2_scale_2) for value in self._of[field])


def quite_silent(line: Lineage, extremes: Extremes, subject: Subject) -> bool:
    """Nothing is on, and surely nothing begins."""
    return _nothing_on(line) and (line.rule is None or extremes.silent(line.rule, subject))


def untouched(line: Lineage, extremes: Extremes, subject: Subject) -> bool:
    """Nothing is on, and nothing is beyond its limit."""
    return _nothing_on(line) and (line.rule is None or extremes.untouched(line.rule, subject))


def _nothing_on(line: Lineage) -> bool:
    return all(one.cleared_at is not None for one in line.kept)
