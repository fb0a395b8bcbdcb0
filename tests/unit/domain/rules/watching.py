"""An elder who is watched as in life, without a database: a sample is marked or not, and who is marked is looked at."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from uuid import UUID

from alerts.domain.rules.following import Begin, End, Ended, Kept, Release, Resume, follow, held, lineages, wanted
from alerts.domain.rules.marking import Joint, Marks, Quiet, comes_together, holds, marks, quiet, standing
from alerts.domain.rules.model import Rule, Sample, Subject
from alerts.domain.rules.scope import severity_for
from alerts.domain.rules.silence import Extremes, quite_silent, untouched


class Watched:
    """Samples come in the order of time, each at once."""

    def __init__(self, rules: Sequence[Rule], subject: Subject) -> None:
        self.rules, self.subject = list(rules), subject
        self.samples: list[Sample] = []
        self.kept: list[Kept] = []
        self.looks = 0
        self.looks_of_nothing = 0
        self._seen: dict[str, int] = {}
        self._together: frozenset[str] = frozenset()
        self._ids = count(1)
        self._quiet: Quiet | None = None

    def has(self, sample: Sample) -> None:
        self.samples.append(sample)
        on = [one for one in self.kept if one.cleared_at is None]
        silent = self._quiet is not None and sample.at < self._quiet.until
        but = self._quiet.rules if self._quiet and silent else frozenset()
        if matters(marks(self.rules, self.subject, on, self._seen, but, self._together), sample):
            self.look(sample)

    def look(self, newest: Sample) -> None:
        """As alerts/watch.py does it."""
        self.looks += 1
        now = newest.at
        lines = lineages(self.rules, self.kept)
        stretches = wanted(lines, now, now)
        samples = [one for one in self.samples if any(start <= one.at <= end for start, end in stretches)]
        steps, extremes = [], Extremes(samples)
        touched = [line for line in lines if not untouched(line, extremes, self.subject)]
        for line in touched:
            assert line.rule is not None
            if quite_silent(line, extremes, self.subject):
                continue
            steps += follow(line, severity_for(line.rule, self.subject), self.subject, samples, now, now)
        self.looks_of_nothing += not steps
        for step in held(steps, self.kept, now):
            match step:
                case Begin(rule, severity, episode, kept_back):
                    ended = None if episode.cleared_at is None else Ended.CLEAR
                    one = Kept(
                        UUID(int=next(self._ids)),
                        rule,
                        severity,
                        *(episode.began_at, episode.raised_at, episode.cleared_at, ended, episode.evidence),
                        held=kept_back,
                    )
                    self.kept.append(one)
                case End(kept, at, ended):
                    self._put(kept, cleared_at=at, ended=ended)
                case Resume(kept):
                    self._put(kept, cleared_at=None, ended=None)
                case Release(kept):
                    self._put(kept, held=None)
        seen = standing(samples, self.subject, now)
        together = comes_together(samples, self._together)
        if together != self._together or not holds(self.rules, self._seen, seen, together):
            self._seen, self._together = seen, together
        self._quiet = None if steps else quiet(touched, self.subject, samples, extremes, now)

    def _put(self, kept: Kept, **changes: object) -> None:
        place = next(place for place, one in enumerate(self.kept) if one.id == kept.id)
        self.kept[place] = replace(self.kept[place], **changes)  # type: ignore[arg-type]


def matters(by: Marks, sample: Sample) -> bool:
    """As gateway/limits.py marks."""
    if by.every:
        return True
    for field, (low, high) in by.bands.items():
        value = sample.values.get(field)
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            return True
    return by.joint is not None and _too_many_points(by.joint, sample)


def _too_many_points(joint: Joint, sample: Sample) -> bool:
    points = [
        sum((low is not None and value < low) or (high is not None and value > high) for low, high in bands)
        for field, bands in joint.bands.items()
        if (value := sample.values.get(field)) is not None
    ]
    return sum(points) > joint.most or (len(points) < len(joint.bands) and any(points))
