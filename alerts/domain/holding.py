"""What may be held back, by what, and what never is: ARCHITECTURE.md's table of holding in code. Pure.

Of anything red or urgent there is no `Candidate`, so nothing here can be asked about it, and whoever raises it need not
look at covers at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from alerts.domain.alert import Rule, Severity

#: The contract's emergencies: raised whatever is covered.
NEVER_HELD: Final = frozenset({"sos", "fall", "smoke", "gas", "water_leak"})

HoldableSeverity = Literal[Severity.ORANGE, Severity.YELLOW, Severity.BLUE]
_HOLDABLE: Final = frozenset({Severity.ORANGE, Severity.YELLOW, Severity.BLUE})


class Kind(StrEnum):
    """What a person may lay over elders, devices or an organisation, for a time."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"  # somebody works on the devices
    HOSPITAL = "hospital"  # others look after the elder
    HOLIDAY = "holiday"  # the elder is away, and may wear the wristband


class Source(StrEnum):
    EVENT = "event"  # a device said it
    RULE = "rule"  # readings show it


#: Who is away or ill elsewhere does not take devices off the wall: what devices say of that is asked about.
HOLDS: Final[Mapping[tuple[Kind, Source], frozenset[Severity]]] = {
    (Kind.SILENCE, Source.EVENT): frozenset({Severity.YELLOW, Severity.BLUE}),
    (Kind.SILENCE, Source.RULE): _HOLDABLE,
    (Kind.MAINTENANCE, Source.EVENT): frozenset({Severity.YELLOW, Severity.BLUE}),
    (Kind.MAINTENANCE, Source.RULE): frozenset({Severity.YELLOW, Severity.BLUE}),
    (Kind.HOSPITAL, Source.EVENT): frozenset({Severity.BLUE}),
    (Kind.HOSPITAL, Source.RULE): _HOLDABLE,
    (Kind.HOLIDAY, Source.EVENT): frozenset({Severity.BLUE}),
    (Kind.HOLIDAY, Source.RULE): frozenset({Severity.YELLOW, Severity.BLUE}),
}


@dataclass(frozen=True, slots=True)
class Whose:
    """Where an alert would belong."""

    organization_path: tuple[UUID, ...]  # from the root to its own
    elder_id: UUID | None
    device_id: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An alert that may be held back; made by `of_event` and `of_rule`. Raises ValueError for what must be raised, for
    whoever got round the types."""

    source: Source
    type: str
    severity: HoldableSeverity
    whose: Whose

    def __post_init__(self) -> None:
        if self.severity not in _HOLDABLE or self.type in NEVER_HELD:
            raise ValueError(f"a {self.severity} alert of type {self.type} is never held back")


def of_event(rule: Rule, whose: Whose) -> Candidate | None:
    """None: it is raised at once, whatever is covered. So is what becomes worse by itself."""
    severity = rule.severity
    if rule.type in NEVER_HELD or rule.then_severity is not None:
        return None
    if severity is Severity.RED or severity is Severity.ORANGE:
        return None
    return Candidate(Source.EVENT, rule.type, severity, whose)


def of_rule(key: str, severity: Severity, whose: Whose) -> Candidate | None:
    """None: it is red, and raised at once. `severity`: what the rule has for this person."""
    if severity is Severity.RED:
        return None
    return Candidate(Source.RULE, f"rule.{key}", severity, whose)


@dataclass(frozen=True, slots=True)
class Cover:
    """From `starts_at` on, and no longer at `over_at`. Of elder, devices and organisation (with all below it) one is
    given; with none it covers nobody. `types`: only these alert types; empty is all."""

    id: UUID
    kind: Kind
    starts_at: datetime
    over_at: datetime
    elder_id: UUID | None = None
    device_ids: frozenset[str] = frozenset()
    organization_id: UUID | None = None
    types: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Hold:
    candidate: Candidate
    cover: Cover


def hold(candidate: Candidate, covers: Iterable[Cover], now: datetime) -> Hold | None:
    """Of several covers the one that lasts longest, so that what it holds changes hands as seldom as can be."""
    fitting = [cover for cover in covers if _holds(cover, candidate, now)]
    longest = max(fitting, key=lambda cover: (cover.over_at, cover.id), default=None)
    return None if longest is None else Hold(candidate, longest)


def _holds(cover: Cover, candidate: Candidate, now: datetime) -> bool:
    whose = candidate.whose
    return (
        cover.starts_at <= now < cover.over_at
        and candidate.severity in HOLDS[cover.kind, candidate.source]
        and (not cover.types or candidate.type in cover.types)
        and (
            (cover.elder_id is not None and cover.elder_id == whose.elder_id)
            or whose.device_id in cover.device_ids
            or (cover.organization_id is not None and cover.organization_id in whose.organization_path)
        )
    )
