"""Rules on where a person is and what they do: which evaluator plays them, what it needs, and when to look again. Pure.

Unlike a vital sign these may speak because nothing comes: so a look says when the next one is due.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, assert_never

from alerts.domain.rules.bed import KNOWN_FOR, absences, in_bed_until, may_speak_at, out_of_bed
from alerts.domain.rules.bed import speaks_at as bed_speaks_at
from alerts.domain.rules.limits import NOTHING_INSIDE, Band
from alerts.domain.rules.model import Beyond, Episode, Habit, Living, OutOfBed, Rule, Sample, Still, Subject
from alerts.domain.rules.stillness import LONGEST, away, moments, pauses, stillness
from alerts.domain.rules.stillness import speaks_at as still_speaks_at
from alerts.domain.rules.wandering import wandering

#: A pause that is too long is told when a later sample confirms it: it is looked for so often until then.
CONFIRM_EVERY: Final = timedelta(minutes=5)


def living_episodes(
    rule: Rule,
    condition: Living,
    subject: Subject,
    samples: Iterable[Sample],
    until: datetime,
    now: datetime,
    since: datetime | None,
) -> list[Episode]:
    """As `evaluate.episodes`. `until`: samples later than this do not count; `now`: for how long nothing came."""
    match condition:
        case Beyond():
            return wandering(rule, subject, samples, until, since)
        case Still():
            return stillness(rule, subject, samples, until, since)
        case OutOfBed():
            return out_of_bed(rule, subject, samples, now, since)
        case _:
            assert_never(condition)


def reaches(rule: Rule) -> timedelta:
    """How long a stretch may last that was not raised yet."""
    return LONGEST + rule.gap if isinstance(rule.condition, Still) else rule.lasting + rule.gap


def living_carries(rule: Rule) -> timedelta:
    """How far before a stretch samples may decide about it: the fix before a jump, the sight before a silence, the
    evening on which somebody went to bed."""
    return KNOWN_FOR if isinstance(rule.condition, OutOfBed) else rule.gap


def living_as_raised(subject: Subject, evidence: Mapping[str, Any]) -> Subject:
    """With the habit that an episode of stillness was raised by. A fence that is changed ends what it raised."""
    if evidence.get("kind") != "stillness":
        return subject
    return replace(subject, habit=Habit(tuple(evidence["habit"]), evidence["days"]))


def may_speak(rule: Rule, subject: Subject) -> bool:
    """False: whatever comes, it has nothing to judge this person by."""
    match rule.condition:
        case Beyond():
            return bool(subject.fences)
        case Still(least_days=least):
            return subject.habit is not None and subject.habit.days >= least
        case _:
            return True


def living_bands_while_on(condition: Living) -> list[tuple[str, Band]]:
    """Outside of which a sample may end an episode that is on: each fix for one, each count of steps and word of a bed
    for another, and who is in bed again for the last. Events mark in any case."""
    match condition:
        case Beyond():
            return [("lat", NOTHING_INSIDE)]
        case Still():
            return [("steps", NOTHING_INSIDE), ("in_bed", NOTHING_INSIDE)]
        case OutOfBed():
            return [("in_bed", (None, 0.5))]
        case _:
            assert_never(condition)


def next_look(rules: Iterable[Rule], subject: Subject, samples: Sequence[Sample], now: datetime) -> datetime | None:
    """The earliest time at which one of the rules could speak though nothing alarming comes; None when none could
    before the person is looked at for another reason. `rules`: those without an episode that is on."""
    now = now.astimezone(UTC)
    found = [_due(rule, rule.condition, subject, samples, now) for rule in rules if isinstance(rule.condition, Living)]
    return min((at for at in found if at is not None), default=None)


def _due(rule: Rule, condition: Living, subject: Subject, samples: Sequence[Sample], now: datetime) -> datetime | None:
    match condition:
        case Beyond():
            return None  # each fix that may matter is marked
        case Still():
            return _still_due(rule, condition, subject, samples, now)
        case OutOfBed():
            return _bed_due(rule, subject, samples, now)
        case _:
            assert_never(condition)


def _still_due(
    rule: Rule, condition: Still, subject: Subject, samples: Sequence[Sample], now: datetime
) -> datetime | None:
    habit = subject.habit
    if habit is None or habit.days < condition.least_days:
        return None
    last = None
    for last in pauses(moments(samples, now), rule.gap, away(subject, samples, now), None):  # noqa: B007
        pass
    if last is None or last.ended_at is not None or now - last.seen_until > rule.gap:
        return None
    at = still_speaks_at(condition, habit, last.began_at)
    return None if at is None else max(at, now + CONFIRM_EVERY)


def _bed_due(rule: Rule, subject: Subject, samples: Sequence[Sample], now: datetime) -> datetime | None:
    seen = in_bed_until(samples, now)
    if seen is not None:
        at = may_speak_at(rule, seen)
        return at if at > now else may_speak_at(rule, now)
    gone = absences(samples, now)
    if not gone or gone[-1].back_at is not None:
        return None
    spoken = bed_speaks_at(rule, subject, samples, gone[-1], None, now)
    return next((at for at, _ in spoken if at > now), None)
