"""Devices that work, and want looking after: not worn, low on battery, not tested. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerts.domain.outage import Hearing

#: Kinds that are worn on the body.
WORN: Final = frozenset({"wristband", "fall_detector"})
#: Kinds that somebody presses or pulls, and that nobody knows to work until somebody does.
PRESSED: Final = frozenset({"emergency_button", "pull_cord", "room_unit"})

NOT_WORN: Final = "device.not_worn"
LOW_BATTERY: Final = "device.low_battery"
UNTESTED: Final = "device.untested"


@dataclass(frozen=True, slots=True)
class Wants:
    """A row of `device_rules`: how long it must last; below which value it begins, from which it is over."""

    lasting: timedelta | None = None
    below: float | None = None
    clear_from: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one device that is not silent. `off_at`: the first time at which it was not worn, of those after
    which it was not worn again. `tested_at`: the last press, pull or test, else the enrolment."""

    kind: str
    has_elder: bool
    battery: float | None
    said_low_at: datetime | None
    off_at: datetime | None
    tested_at: datetime


def wanting(
    facts: Facts, on: frozenset[str], rules: Mapping[str, Wants], hearing: Hearing, now: datetime
) -> Mapping[str, datetime]:
    """What holds, and since when. `on`: what held before, for the way back is longer than the way in."""
    found = {
        NOT_WORN: _not_worn(facts, rules.get(NOT_WORN), now),
        LOW_BATTERY: _low_battery(facts, LOW_BATTERY in on, rules.get(LOW_BATTERY), now),
        UNTESTED: _untested(facts, rules.get(UNTESTED), hearing, now),
    }
    return {type_: at for type_, at in found.items() if at is not None}


def _not_worn(facts: Facts, rule: Wants | None, now: datetime) -> datetime | None:
    if rule is None or rule.lasting is None or facts.kind not in WORN or not facts.has_elder:
        return None
    off = facts.off_at
    return off if off is not None and now - off >= rule.lasting else None


def _low_battery(facts: Facts, on: bool, rule: Wants | None, now: datetime) -> datetime | None:
    if rule is None or rule.below is None or rule.clear_from is None:
        return None
    if facts.battery is not None:
        # A device that says both is believed by its number.
        return now if facts.battery < (rule.clear_from if on else rule.below) else None
    return facts.said_low_at


def _untested(facts: Facts, rule: Wants | None, hearing: Hearing, now: datetime) -> datetime | None:
    """While we were deaf somebody may have tested it: only time in which we would have known counts."""
    if rule is None or rule.lasting is None or facts.kind not in PRESSED or not facts.has_elder:
        return None
    return facts.tested_at if hearing.time_between(facts.tested_at, now) >= rule.lasting else None
