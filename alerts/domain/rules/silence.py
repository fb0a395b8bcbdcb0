"""Which rules surely say nothing of these samples: most do, and need not be played. Pure."""

from collections import deque
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from alerts.domain.rules import news2
from alerts.domain.rules.fields import FIELDS, VITALS
from alerts.domain.rules.following import Lineage
from alerts.domain.rules.limits import Bound, bound_of
from alerts.domain.rules.model import Direction, Living, Rule, Sample, Score, Subject

#: Points of one parameter of a score.
_MOST: Final = 3


class Extremes:
    """The lowest and the highest of each field in samples of one person: by them most rules are known to be silent, all
    at once and without going through the samples for each."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self._of: dict[str, tuple[float, float]] = {}
        for field in FIELDS.keys() & set().union(*(sample.values for sample in samples)):
            measured = [sample.values[field] for sample in samples if field in sample.values]
            self._of[field] = (min(measured), max(measured))
        self._columns: dict[str, list[tuple[datetime, float, float]]] = {}
        self._at_most: dict[datetime, tuple[int, bool]] | None = None

    def untouched(self, rule: Rule, subject: Subject) -> bool:
        """Surely nothing of it is beyond this rule's limit."""
        condition = rule.condition
        if isinstance(condition, Score):
            return not _enough(condition, self._worst(subject).values())
        if isinstance(condition, Living):
            return False  # not asked of them: they may speak because nothing comes
        bound = bound_of(condition, subject)
        return bound is None or not any(map(bound.beyond, self._of.get(bound.field, ())))

    def silent(self, rule: Rule, subject: Subject) -> bool:
        """Surely no episode of this rule is in the samples."""
        if self.untouched(rule, subject):
            return True
        condition = rule.condition
        if isinstance(condition, Living):
            return False
        if isinstance(condition, Score):
            beyond = self._scored(condition, subject)
        else:
            bound = bound_of(condition, subject)
            assert bound is not None
            beyond = self.beyond(bound, condition.over)
        return not beyond or beyond[-1] - beyond[0] < rule.lasting

    def beyond(self, bound: Bound, over: timedelta) -> list[datetime]:
        """The times, in order, at which a limit may have been exceeded: at no other one it was. `over`: by a median."""
        column = self._column(bound.field)
        if bound.direction is Direction.ABOVE:
            times = [(at, highest > bound.value) for at, _, highest in column]
        else:
            times = [(at, lowest < bound.value) for at, lowest, _ in column]
        if not over:
            return [at for at, counts in times if counts]
        # A median is beyond a limit only when at least half of its values are.
        found: list[datetime] = []
        within: deque[tuple[datetime, bool]] = deque()
        counted = 0
        for one in times:
            at, counts = one
            within.append(one)
            counted += counts
            while within[0][0] < at - over:
                counted -= within.popleft()[1]
            if counts and 2 * counted >= len(within):
                found.append(at)
        return found

    def _column(self, field: str) -> list[tuple[datetime, float, float]]:
        """In the order of time the lowest and the highest of each time: the more alarming one counts."""
        column = self._columns.get(field)
        if column is None:
            at_time: dict[datetime, tuple[float, float]] = {}
            vital = field in VITALS
            for sample in self._samples:
                value = sample.values.get(field)
                if value is not None and not (vital and sample.values.get("worn") is False):
                    at = sample.at if sample.at.tzinfo is UTC else sample.at.astimezone(UTC)
                    there = at_time.get(at)
                    at_time[at] = (value, value) if there is None else (min(value, there[0]), max(value, there[1]))
            column = self._columns[field] = [(at, *both) for at, both in sorted(at_time.items())]
        return column

    def _scored(self, score: Score, subject: Subject) -> list[datetime]:
        """The times, in order, at which a score may have been reached: by what was measured then, and of what was not
        by the worst that there is."""
        if self._at_most is None:
            self._at_most = self._most_points(subject)
        return sorted(
            at
            for at, (points, three) in self._at_most.items()
            if points >= score.total or (score.or_three_in_one and three)
        )

    def _most_points(self, subject: Subject) -> dict[datetime, tuple[int, bool]]:
        """At each time how many points there are at most, and whether any parameter may have three."""
        worst = self._worst(subject)
        total = sum(worst.values())
        at_time: dict[datetime, tuple[int, bool]] = {}
        three = dict.fromkeys(worst, False)
        for field, most in worst.items():
            known: dict[float, int] = {}
            # Of who was not measured then the worst counts: what it is less by is taken off.
            for at, lowest, highest in self._column(field):
                points = known.get(lowest)
                if points is None:
                    points = known[lowest] = _points(field, lowest, subject)
                if highest != lowest:
                    points = max(points, _points(field, highest, subject))
                there = at_time.get(at)
                at_time[at] = (
                    (total - most + points, points == _MOST)
                    if there is None
                    else (there[0] - most + points, there[1] or points == _MOST)
                )
            three[field] = most == _MOST
        if not any(three.values()):
            return at_time
        measured = {field: {at for at, _, _ in self._column(field)} for field, may in three.items() if may}
        return {
            at: (points, has or any(at not in times for times in measured.values()))
            for at, (points, has) in at_time.items()
        }

    def _worst(self, subject: Subject) -> dict[str, int]:
        return {
            field: max(_points(field, value, subject) for value in self._of[field])
            for field in news2.MEASURED
            if field in self._of
        }


def _points(field: str, value: float, subject: Subject) -> int:
    return news2.points_of(field, value, scale_2=subject.spo2_scale_2)


def _enough(score: Score, points: Collection[int]) -> bool:
    return sum(points) >= score.total or (score.or_three_in_one and _MOST in points)


def quite_silent(line: Lineage, extremes: Extremes, subject: Subject) -> bool:
    """Nothing is on, and surely nothing begins."""
    return _nothing_on(line) and (line.rule is None or extremes.silent(line.rule, subject))


def untouched(line: Lineage, extremes: Extremes, subject: Subject) -> bool:
    """Nothing is on, and nothing is beyond its limit."""
    return _nothing_on(line) and (line.rule is None or extremes.untouched(line.rule, subject))


def _nothing_on(line: Lineage) -> bool:
    return all(one.cleared_at is not None for one in line.kept)
