"""What a look does under covers: which beginnings are held back by one, and what becomes of those that were. Pure.

Inhibition (`following.held`) decides among the episodes of one elder; covers are laid over them by people. An episode
that a cover holds back inhibits nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.holding import Hold
from alerts.domain.rules.following import Begin, End, Held, Kept, Release, Resume, Step, held
from alerts.domain.rules.model import Mode, Rule

#: Whether an alert of this rule with this evidence would be held back now.
Ask = Callable[[Rule, Mapping[str, Any]], Hold | None]


@dataclass(frozen=True, slots=True)
class Keep:
    """Still no alert, for another reason than before: another cover, or (`by` is None) a worse episode."""

    kept: Kept
    by: Hold | None


def concerns_covers(steps: Iterable[Step], kept: Iterable[Kept]) -> bool:
    return any(isinstance(step, Begin) and not _at_once(step) for step in steps) or any(
        one.held in (Held.COVERED, Held.SILENCED) for one in kept if one.cleared_at is None
    )


def at_once(steps: Iterable[Step], kept: Iterable[Kept], now: datetime) -> list[Step] | None:
    """When something red begins: what is done before anybody asks about covers, so that nothing about them can keep it
    back. The rest is for the next look. None: nothing red begins."""
    steps = list(steps)
    if not any(_at_once(step) for step in steps):
        return None
    first = [step for step in steps if not isinstance(step, Begin) or _at_once(step)]
    return [step for step in held(first, kept, now) if not isinstance(step, Release)]


def held_under(
    steps: Iterable[Step], kept: Iterable[Kept], ask: Ask, by: Mapping[UUID, frozenset[UUID]], now: datetime
) -> list[Step | Keep]:
    """All steps for one elder, the worst severity first, with what covers make of them. `by`: of episodes that covers
    hold back, the covers that are known to."""
    kept = list(kept)
    decided: list[Step | Keep] = []
    released: set[UUID] = set()
    for step in held([_asked(step, ask) for step in steps], [_freed(one, ask) for one in kept], now):
        if isinstance(step, Release):
            released.add(step.kept.id)
            hold = ask(step.kept.rule, step.kept.evidence)
            decided.append(step if hold is None else Keep(step.kept, hold))
        else:
            decided.append(step)
    ended = {step.kept.id for step in decided if isinstance(step, End)}
    for one in kept:
        if one.held is not Held.SILENCED or one.cleared_at is not None or one.id in ended | released:
            continue
        hold = ask(one.rule, one.evidence)
        if hold is None or hold.cover.id not in by.get(one.id, frozenset()):
            decided.append(Keep(one, hold))
    return decided


def _asked(step: Step, ask: Ask) -> Step:
    if isinstance(step, Resume):
        return replace(step, kept=_freed(step.kept, ask))
    if isinstance(step, Begin) and step.rule.mode is Mode.LIVE and step.severity is not Severity.RED:
        return replace(step, held=Held.SILENCED) if ask(step.rule, step.episode.evidence) else step
    return step


def _freed(one: Kept, ask: Ask) -> Kept:
    """One that no cover holds back any more is as one that a worse one does: raised, if there is none."""
    freed = one.held is Held.SILENCED and ask(one.rule, one.evidence) is None
    return replace(one, held=Held.COVERED) if freed else one


def _at_once(step: Step) -> bool:
    return isinstance(step, Begin) and step.severity is Severity.RED and step.rule.mode is Mode.LIVE
