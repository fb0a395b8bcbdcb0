"""What has changed since an elder was last looked at: episodes that begin, end or go on, against those that are stored.
Pure.

A look is a replay: the evaluator says which episodes are in the readings, and here they are held against what is kept
of earlier looks. So a look may be repeated, come late, or be made by another process: what is kept already is not found
again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.rules.evaluate import AHEAD, as_raised, episodes, looks_back, window
from alerts.domain.rules.model import Direction, Episode, Limit, Mode, OwnLimit, Rule, Sample, Subject

#: So long after its alert was closed an episode that is still on counts anew: what was answered is not asked again at
#: once, and what does not end is not forgotten. As long as an event folds into the alert of an earlier one.
ANSWERED_FOR = timedelta(minutes=30)
#: Readings from before this are not looked at when they come: what was so long ago is history, and no call for help.
LATE_AT_MOST = timedelta(hours=48)
#: An episode that was over for so long when its readings came is kept without an alert, unless it is red.
PAST_AFTER = timedelta(hours=24)

_WORST_FIRST = tuple(Severity)


class Ended(StrEnum):
    CLEAR = "clear"  # values were clear for long enough
    ANSWERED = "answered"  # its alert is closed since ANSWERED_FOR: what lasts since then counts anew
    REFUTED = "refuted"  # late samples show that it had not lasted


class Held(StrEnum):
    """Why an episode of a live rule has no alert."""

    COVERED = "covered"  # a worse one of the same measurement is on
    PAST = "past"
    SILENCED = "silenced"  # a person's cover holds it back: `covering` decides


@dataclass(frozen=True, slots=True)
class Kept:
    """An episode as it is stored."""

    id: UUID
    #: the very version that it began by
    rule: Rule
    severity: Severity
    began_at: datetime
    raised_at: datetime
    cleared_at: datetime | None = None
    ended: Ended | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    alert_id: UUID | None = None
    #: when its alert was resolved or cancelled
    alert_closed_at: datetime | None = None
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Begin:
    rule: Rule
    severity: Severity
    episode: Episode
    held: Held | None = None
    #: what covers it: kept, or beginning too
    held_by: "Kept | Begin | None" = None


@dataclass(frozen=True, slots=True)
class End:
    kept: Kept
    at: datetime
    ended: Ended


@dataclass(frozen=True, slots=True)
class Resume:
    """What was taken for its end was none: late samples show that it lasted."""

    kept: Kept


@dataclass(frozen=True, slots=True)
class Release:
    """What covered it is over, and it is still on: its alert is raised now."""

    kept: Kept


Step = Begin | End | Resume | Release


@dataclass(frozen=True, slots=True)
class Lineage:
    """Of one key, and of what is live or what is tried: the rule in force now, if any, and the episodes that are kept,
    of whatever version."""

    rule: Rule | None
    kept: tuple[Kept, ...]


def lineages(in_force: Iterable[Rule], kept: Iterable[Kept]) -> list[Lineage]:
    rules = {_line(rule): rule for rule in in_force}
    rows: dict[tuple[str, Mode], list[Kept]] = {line: [] for line in rules}
    for one in kept:
        rows.setdefault(_line(one.rule), []).append(one)
    return [Lineage(rules.get(line), tuple(of_line)) for line, of_line in rows.items()]


def wanted(lines: Iterable[Lineage], oldest_new: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    """The stretches of time, inclusive and in order, of which `follow` wants all samples. Of an episode that is on for
    longer than LATE_AT_MOST they leave the middle out: no data changes nothing while it is on."""
    horizon = now - LATE_AT_MOST
    lines = list(lines)
    if not any(line.kept for line in lines):  # most people, most of the time
        reaches = [looks_back(line.rule) for line in lines if line.rule is not None]
        return [(max(oldest_new.astimezone(UTC) - max(reaches), horizon), now + AHEAD)] if reaches else []
    stretches = []
    for line in lines:
        for rule in _judging(line):
            since = window(rule, oldest_new, _known(rule, line.kept)).samples_from
            stretches.append((max(since, horizon), now + AHEAD))
        for on in line.kept:
            if on.cleared_at is None:
                stretches.append((window(on.rule, on.began_at, []).samples_from, on.raised_at))
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def follow(
    line: Lineage, severity: Severity, subject: Subject, samples: Sequence[Sample], oldest_new: datetime, now: datetime
) -> list[Step]:
    """What the samples say of a lineage beyond what is kept of it. `severity`: what its rule has for this person;
    `samples`: all of those that are `wanted`; `oldest_new`: the time of the oldest that was not looked at.

    An episode runs to its end by the version that it began by; another version counts from there on.
    """
    steps: list[Step] = []
    rule, kept = line.rule, list(line.kept)
    on = next((one for one in kept if one.cleared_at is None), None)
    if on is not None:
        then = as_raised(on.rule, subject, on.evidence)
        end = _end_of(on, _replayed(on.rule, then, kept, samples, oldest_new, now), now)
        if end is not None:
            steps.append(end)
            kept[kept.index(on)] = replace(on, cleared_at=end.at, ended=end.ended)
        elif rule is None or not _is(on.rule, rule):
            return []
    if rule is None:
        return steps
    for episode in _replayed(rule, subject, kept, samples, oldest_new, now):
        same = [one for one in kept if one.ended is not Ended.ANSWERED and _is(one.rule, rule) and _meet(one, episode)]
        if not same:
            steps.append(Begin(rule, severity, episode))
        elif episode.cleared_at is None:
            last = max(same, key=lambda one: one.began_at)
            if last.cleared_at is not None and (on is None or last.id != on.id):
                steps.append(Resume(last))
    return steps


def held(steps: Iterable[Step], kept: Iterable[Kept], now: datetime) -> list[Step]:
    """All steps for one elder, the worst severity first: which beginnings are held, and which that were held are not
    any more. Red is never held."""
    steps = list(steps)
    ended = {step.kept.id for step in steps if isinstance(step, End)}
    resumed = [step.kept for step in steps if isinstance(step, Resume)]
    on = [one for one in kept if one.cleared_at is None and one.id not in ended] + resumed
    worse: list[tuple[Kept | Begin, Episode | Kept]] = [(one, one) for one in on if _speaks(one.rule, one.held)]
    decided: list[Step] = []
    for step in sorted(steps, key=_severity_of):
        if isinstance(step, Begin):
            step = _held(step, worse, now)  # noqa: PLW2901
            if _speaks(step.rule, step.held):
                worse.append((step, step.episode))
        decided.append(step)
    covered = [one for one in on if one.held is Held.COVERED]
    decided += [Release(one) for one in covered if not any(_covers(other, one, one) for other in worse)]
    return sorted(decided, key=_severity_of)


def _held(step: Begin, worse: Sequence[tuple[Kept | Begin, Episode | Kept]], now: datetime) -> Begin:
    if step.severity is Severity.RED or step.rule.mode is not Mode.LIVE:
        return step
    over = step.episode.cleared_at
    if over is not None and now - over > PAST_AFTER:
        return replace(step, held=Held.PAST)
    for other in worse:
        if _covers(other, step, step.episode):
            return replace(step, held=Held.COVERED, held_by=other[0])
    return step


def _covers(worse: tuple[Kept | Begin, Episode | Kept], one: Kept | Begin, its: Episode | Kept) -> bool:
    """Of the same measurement, on the same side, worse, and not over before `one` is."""
    other, stretch = worse
    if _measure(other.rule) is None or _measure(other.rule) != _measure(one.rule):
        return False
    if _WORST_FIRST.index(other.severity) >= _WORST_FIRST.index(one.severity):
        return False
    if stretch.cleared_at is None:
        return its.cleared_at is None or stretch.began_at <= its.cleared_at
    return its.cleared_at is not None and stretch.began_at <= its.cleared_at <= stretch.cleared_at


def _end_of(on: Kept, found: Sequence[Episode], now: datetime) -> End | None:
    same = next((one for one in found if _spans(one, on)), None)
    if same is None:
        return End(on, on.raised_at, Ended.REFUTED)
    if same.cleared_at is not None:
        return End(on, same.cleared_at, Ended.CLEAR)
    if on.alert_closed_at is not None and now - on.alert_closed_at >= ANSWERED_FOR:
        return End(on, on.alert_closed_at + ANSWERED_FOR, Ended.ANSWERED)
    return None


def _spans(episode: Episode, on: Kept) -> bool:
    """Whether it has some of the stretch that raised the other."""
    return episode.began_at <= on.raised_at and (episode.cleared_at is None or episode.cleared_at > on.began_at)


def _judging(line: Lineage) -> list[Rule]:
    on = [one.rule for one in line.kept if one.cleared_at is None]
    return on if line.rule is None else [*on, line.rule]


def _replayed(
    rule: Rule, subject: Subject, kept: Sequence[Kept], samples: Sequence[Sample], oldest_new: datetime, now: datetime
) -> list[Episode]:
    """The episodes of what this version may judge: neither what another one has spoken of, nor what was answered."""
    since = window(rule, oldest_new, _known(rule, kept)).since
    for one in kept:
        if one.cleared_at is not None and (one.ended is Ended.ANSWERED or not _is(one.rule, rule)):
            since = max(since, one.cleared_at + timedelta.resolution)
    return episodes(rule, subject, samples, now, since)


def _known(rule: Rule, kept: Iterable[Kept]) -> list[Episode]:
    of_rule = sorted((one for one in kept if _is(one.rule, rule)), key=lambda one: one.began_at)
    return [Episode(one.began_at, one.raised_at, one.cleared_at, one.evidence) for one in of_rule]


def _meet(kept: Kept, episode: Episode) -> bool:
    return (kept.cleared_at is None or episode.began_at <= kept.cleared_at) and (
        episode.cleared_at is None or kept.began_at <= episode.cleared_at
    )


def _is(one: Rule, other: Rule) -> bool:
    return (one.id, one.version) == (other.id, other.version)


def _line(rule: Rule) -> tuple[str, Mode]:
    return rule.key, rule.mode


def _measure(rule: Rule) -> tuple[str, Direction] | None:
    match rule.condition:
        case Limit(field=field, direction=direction) | OwnLimit(field=field, direction=direction):
            return field, direction
    return None


def _speaks(rule: Rule, kept_back: Held | None) -> bool:
    return rule.mode is Mode.LIVE and kept_back is None


def _severity_of(step: Step) -> int:
    return _WORST_FIRST.index(step.severity if isinstance(step, Begin) else step.kept.severity)
