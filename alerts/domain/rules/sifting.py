"""What a look at an elder would come to, when it has nothing to say: known of many at once, without a look. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final

from alerts.domain.rules.evaluate import looks_back
from alerts.domain.rules.following import Lineage, follow
from alerts.domain.rules.limits import Band
from alerts.domain.rules.marking import LATE, Quiet, comes_together, holds, quiet, standing
from alerts.domain.rules.model import Living, Rule, Sample, Score, Subject
from alerts.domain.rules.scope import severity_for
from alerts.domain.rules.silence import Extremes, quite_silent, untouched

_FAR: Final = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look leaves for those who mark (`marking`)."""

    points: Mapping[str, int]
    together: frozenset[str]
    quiet: Quiet | None


@dataclass(frozen=True, slots=True)
class Marked:
    """An elder who is marked, and what a look would go by."""

    subject: Subject
    before: Seen
    #: in force
    rules: Sequence[Rule]
    lines: Sequence[Lineage]
    #: those that `is_far` is true of: their samples are not all there
    far: Sequence[Lineage]
    oldest_new: datetime
    now: datetime
    #: what no fence of theirs is left in: whoever was seen outside of it is looked at
    fences: Mapping[str, Band]


def is_far(line: Lineage) -> bool:
    """Whether the samples that it wants reach back so far that they are not read for everybody: a pressure that is too
    high waits for tomorrow's. While nothing of it is on, only a new sample beyond its limit can raise it."""
    rule = line.rule
    if rule is None or line.kept or isinstance(rule.condition, Score | Living):
        return False
    return looks_back(rule) > _FAR


def conclusion(one: Marked, samples: Sequence[Sample]) -> Seen | None:
    """What a look at these samples would leave, which is `one.before` itself where it would change nothing. None: it
    may have something to say."""
    subject, before = one.subject, one.before
    for field, (low, high) in one.fences.items():
        places = [sample.values[field] for sample in samples if field in sample.values]
        if places and not (_or(low, -inf) <= min(places) and max(places) <= _or(high, inf)):
            return None
    extremes = Extremes(samples)
    if any(not untouched(line, extremes, subject) for line in one.far):
        return None
    touched = [line for line in one.lines if not untouched(line, extremes, subject)]
    for line in touched:
        if quite_silent(line, extremes, subject):
            continue
        if line.rule is None or follow(
            line, severity_for(line.rule, subject), subject, samples, one.oldest_new, one.now
        ):
            return None
    points, together = standing(samples, subject, one.oldest_new), comes_together(samples, before.together)
    if together == before.together and holds(one.rules, before.points, points, together):
        points = dict(before.points)
    silence = quiet(touched, subject, samples, extremes, one.now)
    # What was known to be silent until then is, whatever came since; but for what came late.
    if (
        silence is None
        and before.quiet is not None
        and (before.quiet.until <= one.now or one.oldest_new >= one.now - LATE)
    ):
        silence = before.quiet
    found = Seen(points, together, silence)
    return before if found == before else found


def _or(limit: float | None, none: float) -> float:
    return none if limit is None else limit
