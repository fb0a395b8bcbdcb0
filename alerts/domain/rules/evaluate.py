"""When a rule held for a person: episodes, found by playing samples in the order of their time. Pure.

A stretch begins with a sample beyond the limit. It lasts while every sample that has the field is beyond it, and no two
neighbours are further apart than the rule's gap. When it has lasted long enough, from its first to its latest sample,
the episode is raised at that sample. From then on it is over only when every sample over `clear_after`, from the first
clear one to the latest and again without a gap, was clear. While it is on, a gap changes nothing: no data is neither
normal nor alarming.

There is no state but the samples: who evaluates again, after a restart, a late sample or a sample that came twice, gets
what there would have been had all come once and in order. `window` says from when on samples are needed for that.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from alerts.domain.rules.fields import DIGITS, VITALS
from alerts.domain.rules.judging import Instant, Judge, Measured, Verdict, carries, judge_of
from alerts.domain.rules.living import living_as_raised, living_carries, living_episodes, reaches
from alerts.domain.rules.model import Baseline, Episode, Living, OwnLimit, Rule, Sample, Subject

#: A sample this far ahead of the clock is believed, as an event is by the contract; what is further ahead waits until
#: its time has come.
AHEAD = timedelta(minutes=5)


def episodes(
    rule: Rule, subject: Subject, samples: Collection[Sample], now: datetime, since: datetime | None = None
) -> list[Episode]:
    """All episodes in the samples, in the order of time; only the last one may still be on.

    `samples` may come in any order and several times. Of two values of one field at one instant the more alarming one
    counts. Vital signs that a device sent together with `worn` false do not count: on a table it measures nothing.
    `since`: from when on samples count; older ones only say what a score still knows. Times in the answer are UTC.
    """
    until = now.astimezone(UTC) + AHEAD
    if isinstance(rule.condition, Living):
        return living_episodes(rule, rule.condition, subject, samples, until, now.astimezone(UTC), since)
    judge = judge_of(rule, subject)
    if judge is None or not judge.may_speak(samples):
        return []
    found: list[Episode] = []
    #: of the stretch that may become an episode
    stretch: list[Instant] = []
    on: Episode | None = None
    #: first and latest clear sample of those that may end it
    clear: tuple[datetime, datetime] | None = None
    for instant in _instants(judge, samples, until):
        verdict = judge.verdict(instant, on is not None)
        at = instant.at
        if verdict is None or (since is not None and at < since):
            continue
        if on is None:
            if verdict is not Verdict.BEYOND or (stretch and at - stretch[-1].at > rule.gap):
                stretch = []
            if verdict is Verdict.BEYOND:
                stretch.append(instant)
                if at - stretch[0].at >= rule.lasting:
                    on = Episode(stretch[0].at, at, None, judge.evidence(stretch))
                    stretch, clear = [], None
            continue
        if verdict is not Verdict.CLEAR:
            clear = None
            continue
        first = at if clear is None or at - clear[1] > rule.gap else clear[0]
        clear = (first, at)
        if at - first >= rule.clear_after:
            found.append(replace(on, cleared_at=at))
            on = None
    return found if on is None else [*found, on]


def _instants(judge: Judge, samples: Iterable[Sample], until: datetime) -> Iterator[Instant]:
    """What the judge looks at, in the order of time, a time once."""
    taken: list[tuple[datetime, str, float, str]] = []
    for sample in samples:
        # Two times of one zone are compared and subtracted by its wall clock, on which an hour comes twice a year.
        at = sample.at.astimezone(UTC)
        if at > until:
            continue
        off = sample.values.get("worn") is False
        for field in judge.fields:
            value = sample.values.get(field)
            if value is not None and not (off and field in VITALS):
                taken.append((at, field, round(float(value), DIGITS), sample.device_id))
    taken.sort()
    for at, together in groupby(taken, key=itemgetter(0)):
        values: dict[str, Measured] = {}
        for _, field, value, device_id in together:
            if field not in values or judge.alarm(field, value) > judge.alarm(field, values[field].value):
                values[field] = Measured(value, device_id)
        yield Instant(at, values)


def looks_back(rule: Rule) -> timedelta:
    """How far before the oldest sample that was not evaluated yet the samples must reach when no episode was on there.

    A stretch that was not raised until then is shorter than `lasting`, and its latest sample is no further away than
    the gap; what a score knows at its first sample is as old as `fresh` at most.
    """
    return reaches(rule) + _carries(rule)


def _carries(rule: Rule) -> timedelta:
    return living_carries(rule) if isinstance(rule.condition, Living) else carries(rule)


@dataclass(frozen=True, slots=True)
class Window:
    """What to give to `episodes` so that the answer is the same as from all of history: samples from `samples_from` on,
    and `since`. It replaces what was known of this rule and person: the known episodes that were clear before `since`
    stay, the others are those that are found."""

    since: datetime
    samples_from: datetime


def window(rule: Rule, oldest_new: datetime, known: Iterable[Episode]) -> Window:
    """`oldest_new`: the time of the oldest sample that was not evaluated yet, which a late one may be.
    `known`: the episodes found until now; those that were clear before `oldest_new` − `looks_back(rule)` need not be
    among them."""
    since = oldest_new.astimezone(UTC) - reaches(rule)
    for episode in known:
        # In the middle of an episode nothing can be begun: it is played again from its first sample.
        if episode.began_at < since and (episode.cleared_at is None or episode.cleared_at >= since):
            since = episode.began_at.astimezone(UTC)
            break
    return Window(since, since - _carries(rule))


def as_raised(rule: Rule, subject: Subject, evidence: Mapping[str, Any]) -> Subject:
    """The person as the rule saw them when it raised an episode with this evidence. A baseline is made anew each day;
    an episode that is on goes by the one that it was raised with until it is over."""
    if isinstance(rule.condition, Living):
        return living_as_raised(subject, evidence)
    if not isinstance(rule.condition, OwnLimit):
        return subject
    baselines = {field: usual for field, usual in subject.baselines.items() if field != rule.condition.field}
    if "median" in evidence:
        baselines[rule.condition.field] = Baseline(evidence["median"], evidence["spread"], evidence["hours"])
    return replace(subject, baselines=baselines)
