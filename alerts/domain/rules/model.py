"""What a rule on readings is: pure values. A rule is data: made and changed through the API, kept in versions, copied
onto the alerts that it raises."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.rules.fence import Fence


class Mode(StrEnum):
    LIVE = "live"  # raises alerts
    SHADOW = "shadow"  # evaluated and recorded, shown to nobody
    OFF = "off"


class Direction(StrEnum):
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a rule holds. All that is given must fit; nothing given is everyone."""

    elder_id: UUID | None = None
    organization_id: UUID | None = None  # and all below it
    ability_levels: frozenset[str] = frozenset()
    care_categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of the elder whom a rule is asked about."""

    elder_id: UUID
    organization_path: tuple[UUID, ...]  # from the root to their own
    ability_level: str | None = None
    care_categories: frozenset[str] = frozenset()
    #: a person's own centre and spread of a measurement over two weeks, by the name of the field
    baselines: Mapping[str, "Baseline"] = field(default_factory=dict)
    #: SpO2 scale 2 of NEWS2: only by a doctor's decision (hypercapnic respiratory failure)
    spo2_scale_2: bool = False
    #: where they are to stay and not to go
    fences: tuple[Fence, ...] = ()
    #: how long they are usually still
    habit: "Habit | None" = None
    #: when they are known to be away (hospital, holiday); the end is None while it is not known
    absences: tuple[tuple[datetime, datetime | None], ...] = ()
    #: by when (Beijing) they are up for the day now and then: on one day in ten
    rises: time | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The median and the spread (1.4826 × median absolute deviation, so that it equals σ of a normal distribution) of a
    person's hourly averages over two weeks; unit of the field."""

    median: float
    spread: float
    hours: int  # that it was made from


@dataclass(frozen=True, slots=True)
class Habit:
    """How long a person is usually still, by the hour of the day in Beijing: the longest that the pause since their
    last sign of life grows to in that hour, on all but one day in twenty of four weeks."""

    #: minutes, 24 of them; None: that hour was watched on too few days
    pauses: tuple[float | None, ...]
    days: int  # with data


@dataclass(frozen=True, slots=True)
class Limit:
    """A fixed limit: the value itself is not beyond it. Cleared at `clear`, which lies on the safe side of `value`."""

    field: str
    direction: Direction
    value: float
    clear: float
    #: compared is the median of so long, that is, the most of what was measured; zero: each value by itself
    over: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """A limit of the person's own: so many spreads from the median; never inside `inside`, a band in which nobody is
    called ill however steady they are. Of whom fewer than `least_hours` are known it says nothing, unless there is a
    limit `until_known`."""

    field: str
    direction: Direction
    spreads: float
    clear_spreads: float
    least_hours: int
    inside: tuple[float, float]
    #: what is beyond this is beyond everybody's limit, whatever is usual for them
    always: float | None = None
    #: the limit of those of whom it is not known yet what is usual
    until_known: float | None = None
    #: as `Limit.over`
    over: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Score:
    """NEWS2 (Royal College of Physicians, 2017): the total is at least `total`, or one parameter has three points."""

    total: int
    or_three_in_one: bool = False
    #: how old a value may be and still be scored: from a total of 5 on, or 3 in one, the RCP wants all parameters
    #: taken again within the hour
    fresh: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Beyond:
    """Beyond one of the person's own fences: so many fixes in a row that are certain of it, or two that are `lasting`
    apart. One fix alone is a jump and no walk."""

    fixes: int = 3


@dataclass(frozen=True, slots=True)
class Still:
    """No sign of life for longer than `factor` times what is usual for this person at this hour, and than `least`. Says
    nothing of who has no habit of `least_days` yet, nor in the quiet hours (Beijing), in which people sleep."""

    factor: float
    least: timedelta
    least_days: int
    quiet: tuple[time, time] | None = None


@dataclass(frozen=True, slots=True)
class OutOfBed:
    """Left the bed at night (Beijing) and not back for the rule's `lasting`, before the night is over; or not in bed at
    `back_by`, whenever they left it."""

    night: tuple[time, time]
    back_by: time | None = None


Measuring = Limit | OwnLimit | Score
#: Of where a person is and what they do; their own evaluator plays them, by fences, habits and the clock.
Living = Beyond | Still | OutOfBed
Condition = Measuring | Living


@dataclass(frozen=True, slots=True)
class SeverityWhen:
    """Severity by context: the first that fits counts, else the rule's own."""

    scope: Scope
    severity: Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of a rule.

    `key` names what it watches ("heart_rate_high"): of several rules with one key that hold for a person the most
    particular one counts (elder, care category, ability level, organisation from the nearest, everyone). It is also the
    alert's `type`, as `rule.heart_rate_high`.
    """

    id: UUID
    version: int
    key: str
    title: str  # begins with 紧急救援 when red, as every red alert's
    severity: Severity
    condition: Condition
    scope: Scope = Scope()
    #: how long without a break before it speaks; zero is at once
    lasting: timedelta = timedelta(0)
    #: how long clear before it is over
    clear_after: timedelta = timedelta(0)
    #: two samples further apart than this are not one stretch: a gap is neither normal nor alarming
    gap: timedelta = timedelta(minutes=5)
    severity_when: tuple[SeverityWhen, ...] = ()
    mode: Mode = Mode.LIVE
    source: str = ""  # where its numbers come from


@dataclass(frozen=True, slots=True)
class Sample:
    """The measurements of a reading that rules look at; units and ranges as in the contract."""

    at: datetime
    values: Mapping[str, float | bool]  # only those that are known
    device_id: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch in which a rule held: from its first abnormal sample to the moment it was clear again."""

    began_at: datetime
    #: when it had lasted long enough
    raised_at: datetime
    #: None: it is still on
    cleared_at: datetime | None
    #: the values that raised it: what the sentence is made of, kept with the alert
    evidence: Mapping[str, Any]
