"""What a rule would have done, against the one in force and against what is known to have happened. Pure.

A trial is about the people for whom the tried rule would be the one of its key that holds. It is judged by when things
were measured, as though every reading had come at once; each episode counts as one alert.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.rules.evaluate import window
from alerts.domain.rules.model import Mode, Rule, Subject
from alerts.domain.rules.scope import in_force

LONGEST: Final = timedelta(days=31)
#: An incident is caught by what is raised from so long before its beginning …
BEFORE: Final = timedelta(minutes=60)
#: … to so long after it.
AFTER: Final = timedelta(minutes=15)
#: How many episodes are shown.
SHOWN: Final = 200

#: The tried rule is read under these: of rules with the same scope it is the one that counts.
TRIED_ID: Final = UUID(int=2**128 - 1)
TRIED_VERSION: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Period:
    """Alerts raised from `start` on and before `end` are counted."""

    start: datetime
    end: datetime

    def begin_of(self, rule: Rule) -> datetime:
        """From when on readings are played: an incident may have been caught before the period, and a stretch may have
        begun before that."""
        return window(rule, self.start - BEFORE, ()).samples_from

    @property
    def until(self) -> datetime:
        return self.end + AFTER

    def has(self, at: datetime) -> bool:
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Pair:
    """Of one person: what is tried, and what is in force. None: nothing is."""

    tried: Rule | None
    in_force: Rule | None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Without repeats: where nothing is changed there is one thing to play."""
        found = [rule for rule in (self.tried, self.in_force) if rule is not None]
        return tuple(found[:1] if found[1:] == found[:1] else found)


def pair_of(tried: Rule, rules: Iterable[Rule], subject: Subject) -> Pair | None:
    """`rules`: the newest versions of all rules with the tried one's key. Its own mode does not count, unless it is
    off: then it is tried how it is without. None: another rule would hold for this person all the same, or none."""
    rules = list(rules)
    on = replace(tried, mode=Mode.LIVE)
    if _live([*rules, on], subject) != on:
        return None
    return Pair(on if tried.mode is not Mode.OFF else _live([*rules, tried], subject), _live(rules, subject))


def pair_in_force(rules: Iterable[Rule], subject: Subject) -> Pair | None:
    """As though what is in force for this person were tried; or what is in shadow mode, where something is."""
    chosen = in_force(rules, subject)
    live = next((rule for rule in chosen if rule.mode is Mode.LIVE), None)
    shadow = next((rule for rule in chosen if rule.mode is Mode.SHADOW), None)
    if live is None and shadow is None:
        return None
    return Pair(live if shadow is None else replace(shadow, mode=Mode.LIVE), live)


def _live(rules: Iterable[Rule], subject: Subject) -> Rule | None:
    return next((rule for rule in in_force(rules, subject) if rule.mode is Mode.LIVE), None)


@dataclass(frozen=True, slots=True)
class Raised:
    """An episode of a trial."""

    elder_id: UUID
    began_at: datetime
    raised_at: datetime
    ended_at: datetime | None
    severity: Severity
    sentence: str

    def meets(self, other: "Raised") -> bool:
        return (self.ended_at is None or other.began_at <= self.ended_at) and (
            other.ended_at is None or self.began_at <= other.ended_at
        )


@dataclass(frozen=True, slots=True)
class Incident:
    """An alert that people closed as real."""

    alert_id: UUID
    type: str
    at: datetime
    elder_id: UUID


def told(
    period: Period,
    tried: Sequence[Raised],
    in_force: Sequence[Raised],
    incidents: Sequence[Incident],
    organization_of: Mapping[UUID, UUID],
) -> dict[str, Any]:
    """What a trial found, fit for JSON; elders and organisations by their ids. `tried` and `in_force` also have what
    was raised shortly before and after the period."""
    by_tried, by_force = _by_elder(tried), _by_elder(in_force)
    known = [
        {
            "alert_id": str(one.alert_id),
            "type": one.type,
            "at": one.at.isoformat(),
            "elder_id": str(one.elder_id),
            "tried": _caught(one, by_tried.get(one.elder_id, [])),
            "in_force": _caught(one, by_force.get(one.elder_id, [])),
        }
        for one in sorted(incidents, key=lambda one: one.at, reverse=True)
    ]
    caught = sum(one["tried"] is True for one in known)
    counted = [one for one in tried if period.has(one.raised_at)]
    shown = sorted(counted, key=lambda one: (one.raised_at, one.elder_id), reverse=True)[:SHOWN]
    return {
        "tried": _counts(period, counted, organization_of),
        "in_force": _counts(period, [one for one in in_force if period.has(one.raised_at)], organization_of),
        "incidents": {
            "known": len(known),
            "caught": caught,
            "missed": len(known) - caught,
            "caught_in_force": sum(one["in_force"] is True for one in known),
            "items": known,
        },
        "episodes": [
            {
                "elder_id": str(one.elder_id),
                "began_at": one.began_at.isoformat(),
                "raised_at": one.raised_at.isoformat(),
                "ended_at": one.ended_at.isoformat() if one.ended_at else None,
                "severity": one.severity.value,
                "sentence": one.sentence,
                "also_in_force": any(map(one.meets, by_force.get(one.elder_id, []))),
            }
            for one in shown
        ],
    }


def _counts(period: Period, raised: Sequence[Raised], organization_of: Mapping[UUID, UUID]) -> dict[str, Any]:
    severities = Counter(one.severity.value for one in raised)
    organizations = Counter(organization_of[one.elder_id] for one in raised)
    return {
        "alerts": len(raised),
        "elders": len({one.elder_id for one in raised}),
        "per_day": round(len(raised) / ((period.end - period.start) / timedelta(days=1)), 2),
        "by_severity": {severity.value: severities[severity.value] for severity in Severity},
        "by_organization": [
            {"id": str(organization_id), "alerts": alerts}
            for organization_id, alerts in sorted(organizations.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def _caught(incident: Incident, raised: Iterable[Raised]) -> bool:
    return any(incident.at - BEFORE <= one.raised_at <= incident.at + AFTER for one in raised)


def _by_elder(raised: Iterable[Raised]) -> dict[UUID, list[Raised]]:
    found: dict[UUID, list[Raised]] = {}
    for one in raised:
        found.setdefault(one.elder_id, []).append(one)
    return found
