"""A street of devices in compressed time, with the decisions of alerts.domain and nothing else: for scenarios of the
form at / what happens / what is wanted. People and places are invented."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alerts.domain.alert import Alert, Change, Person, Rule, Severity
from alerts.domain.area import (
    Alive,
    Lost,
    Open,
    belongs_to,
    incidents,
    known_since,
    lost_together,
    mostly_back,
    releases,
    wait_for_company,
)
from alerts.domain.conditions import AREA, NEXT, OFFLINE, Condition, Happening, Noted, fold, fold_target
from alerts.domain.conditions import raise_alert as raise_noted
from alerts.domain.intake import raise_alert
from alerts.domain.outage import LEAST_SILENCE, Gap, Habit, Hearing, Sign, silent_since
from tests.unit.domain.making import CITY, DISTRICT, NOON, SOS, STATION, STREET, event, home

SWEEP = timedelta(seconds=10)
OTHER_STATION = UUID(int=5)
OFFLINE_RULE = Rule(OFFLINE, Severity.BLUE, "设备离线")
AREA_RULE = Rule(AREA, Severity.ORANGE, "片区设备同时失联")


@dataclass
class Thing:
    """A device: reports each `minutes`, beginning at `phase` of an interval, while it has power."""

    name: str
    path: tuple[UUID, ...]
    minutes: float
    phase: float
    powered: bool = True
    heard_at: datetime = NOON
    said_at: datetime = NOON
    left_at: datetime | None = None

    @property
    def habit(self) -> Habit:
        return Habit(timedelta(minutes=self.minutes), 20)


@dataclass
class Outage:
    id: UUID
    thing: Thing
    since: datetime
    until: datetime
    noted_at: datetime
    state: Condition = Condition.NOTED
    incident: UUID | None = None

    def meets(self, what: Happening) -> bool:
        then = NEXT.get((self.state, what))
        self.state = then or self.state
        return then is not None


@dataclass
class Area:
    open: Open
    back_since: datetime | None = None


@dataclass
class Street:
    """`at` is minutes after noon. Devices were heard at noon, and we have heard them for long."""

    things: dict[str, Thing] = field(default_factory=dict)
    now: datetime = NOON
    hearing: bool = True
    gaps: list[Gap] = field(default_factory=list)
    deaf_since: datetime | None = None
    outages: list[Outage] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    alerts: dict[UUID, Alert] = field(default_factory=dict)
    made: int = 1000

    def with_devices(self, count: int, name: str, station: UUID = STATION, minutes: float = 1) -> "Street":
        path = (CITY, DISTRICT, STREET, station)
        for number in range(count):
            one = Thing(f"{name}{number:02}", path, minutes, number / count)
            self.things[one.name] = one
        return self

    # What happens --------------------------------------------------------------------------------

    def cut(self, *names: str) -> None:
        """The power of those whose names begin so."""
        for thing in self._named(names):
            thing.powered = False

    def back(self, *names: str) -> None:
        for thing in self._named(names):
            thing.powered = True

    def will(self, *names: str) -> None:
        """The broker tells their wills."""
        for thing in self._named(names):
            thing.left_at = self.now

    def restart(self) -> None:
        self.deaf_since = self.now

    def hear(self) -> None:
        assert self.deaf_since is not None
        self.gaps.append(Gap(self.deaf_since, self.now))
        self.deaf_since = None

    def press(self, name: str) -> None:
        alert_id = self._id()
        pressed = event(device_id=name, occurred_at=self.now, received_at=self.now)
        self._save(raise_alert(pressed, SOS, home(Person(alert_id, "某老人（虚构）")), alert_id, self.now))

    def close(self, type_: str) -> None:
        for area in list(self.areas):
            if self.alerts[area.open.alert_id].type == type_:
                self._release(area)
                self.areas.remove(area)

    # What follows --------------------------------------------------------------------------------

    def run_until(self, at: datetime) -> None:
        while self.now < at:
            self.now += SWEEP
            self._report()
            self._sweep()

    def raised(self) -> dict[str, int]:
        return dict(Counter(alert.type for alert in self.alerts.values()))

    def _report(self) -> None:
        for thing in self.things.values():
            interval = timedelta(minutes=thing.minutes)
            due = thing.said_at + interval * (1 + thing.phase if thing.said_at == NOON else 1)
            if self.now >= due:
                thing.said_at = self.now
                if thing.powered and self.deaf_since is None:
                    thing.heard_at = self.now

    def _sweep(self) -> None:
        since = None if self.deaf_since else max((gap.ended_at for gap in self.gaps), default=NOON - timedelta(days=9))
        hearing = Hearing(since, self.gaps)
        on = {outage.thing.name: outage for outage in self.outages if outage.state is not Condition.ENDED}
        for thing in self.things.values():
            outage = on.get(thing.name)
            if outage is not None:
                if thing.heard_at > outage.since:
                    assert outage.meets(Happening.OVER)
                continue
            if thing.left_at is None and self.now - thing.heard_at < LEAST_SILENCE:
                continue  # most, most of the time
            gone = silent_since(Sign(thing.heard_at, thing.left_at), thing.habit, hearing, self.now)
            if gone is not None:
                until = gone if gone == thing.left_at else gone + thing.habit.usual
                self.outages.append(Outage(self._id(), thing, gone, until, self.now))
        self._cover()
        for area in self.areas:
            self._follow(area)
        for outage in self.outages:
            waited = self.now - outage.noted_at >= wait_for_company(outage.thing.habit.usual)
            if (waited or outage.state is Condition.RELEASED) and outage.meets(Happening.WAIT_OVER):
                self._say(outage.id, OFFLINE_RULE, outage.thing.name, outage.thing.path[-1], outage.since)

    def _cover(self) -> None:
        noted = {one.id: one for one in self.outages if one.state is Condition.NOTED}
        left = []
        for one in noted.values():
            lost = Lost(one.id, one.thing.path, None, one.since, one.until, one.noted_at)
            area = belongs_to(lost, [each.open for each in self.areas])
            if area is None:
                left.append(lost)
            else:
                assert one.meets(Happening.LOST_TOGETHER)
                one.incident = area.alert_id
        silent = {one.thing.name for one in self.outages if one.state is not Condition.ENDED}
        for group in lost_together(left, self.now):
            heard = [
                Alive(thing.path, None, 1)
                for thing in self.things.values()
                if thing.heard_at > known_since(group) and thing.name not in silent
            ]
            for found in incidents(group, heard):
                alert = self._say(
                    self._id(), AREA_RULE, f"area-{found.organization_id}", found.organization_id, found.first
                )
                self.areas.append(Area(Open(alert.id, found.organization_id, None, found.first, found.last)))
                for each in found.lost:
                    assert noted[each.condition_id].meets(Happening.LOST_TOGETHER)
                    noted[each.condition_id].incident = alert.id

    def _follow(self, area: Area) -> None:
        under = [one for one in self.outages if one.incident == area.open.alert_id]
        silent = sum(one.state is not Condition.ENDED for one in under)
        back = mostly_back(len({one.thing.name for one in under}), silent)
        area.back_since = (area.back_since or self.now) if back else None
        if releases(area.back_since, closed=False, now=self.now):
            self._release(area)

    def _release(self, area: Area) -> None:
        for one in self.outages:
            if one.incident == area.open.alert_id:
                one.meets(Happening.INCIDENT_OVER)

    def _say(self, noted_id: UUID, rule: Rule, device_id: str, organization_id: UUID, since: datetime) -> Alert:
        detail: dict[str, Any] = {"since": since.isoformat()}
        noted = Noted(noted_id, rule.type, device_id, None, None, organization_id, None, since, self.now, detail)
        found = fold_target([one for one in self.alerts.values() if one.type == rule.type], noted)
        return self._save(fold(found, noted) if found else raise_noted(noted, rule, self._id(), self.now))

    def _save(self, change: Change) -> Alert:
        self.alerts[change.alert.id] = change.alert
        return change.alert

    def _named(self, names: Iterable[str]) -> list[Thing]:
        found = [thing for thing in self.things.values() if thing.name.startswith(tuple(names))]
        assert found, names
        return found

    def _id(self) -> UUID:
        self.made += 1
        return UUID(int=self.made)


#: (minutes after noon, what happens then if anything, the alerts that are wanted by then: type to how many)
Row = tuple[float, Callable[[], None] | None, dict[str, int] | None]


def play(street: Street, rows: Sequence[Row]) -> None:
    for at, happens, wanted in rows:
        street.run_until(NOON + timedelta(minutes=at))
        if happens is not None:
            happens()
        if wanted is not None:
            assert street.raised() == wanted, f"{at:g} minutes after noon"
