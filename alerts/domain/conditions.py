"""What is noted of a device, and what it does to alerts: ARCHITECTURE.md's table of conditions in code. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from alerts.domain.alert import Alert, Change, Entry, Person, Rule, State, new_alert
from alerts.domain.policy import asks_again

OFFLINE: Final = "device.offline"
AREA: Final = "area.outage"


class Condition(StrEnum):
    NOTED = "noted"
    COVERED = "covered"
    RELEASED = "released"
    ALONE = "alone"
    PAST = "past"
    ENDED = "ended"


class Happening(StrEnum):
    OVER = "over"  # heard again, worn again, charged, tested
    WAIT_OVER = "wait_over"
    LOST_TOGETHER = "lost_together"
    INCIDENT_OVER = "incident_over"


#: What is not there is refused: nothing happens.
NEXT: Final[Mapping[tuple[Condition, Happening], Condition]] = {
    (Condition.NOTED, Happening.OVER): Condition.ENDED,
    (Condition.NOTED, Happening.WAIT_OVER): Condition.ALONE,
    (Condition.NOTED, Happening.LOST_TOGETHER): Condition.COVERED,
    (Condition.COVERED, Happening.OVER): Condition.ENDED,
    (Condition.COVERED, Happening.INCIDENT_OVER): Condition.RELEASED,
    (Condition.RELEASED, Happening.OVER): Condition.ENDED,
    (Condition.RELEASED, Happening.WAIT_OVER): Condition.ALONE,
    (Condition.ALONE, Happening.OVER): Condition.ENDED,
    (Condition.PAST, Happening.OVER): Condition.ENDED,
}


def before(happening: Happening) -> list[str]:
    """The states in which it does something: what SQL asks for."""
    return [state.value for state, what in NEXT if what is happening]


@dataclass(frozen=True, slots=True)
class Noted:
    """A condition in the words of an alert. An area's has no elder, and the name of the area for a device."""

    id: UUID
    type: str
    device_id: str
    device_kind: str | None
    elder: Person | None
    organization_id: UUID
    place: str | None
    since: datetime
    noted_at: datetime
    detail: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        return f"{self.type.partition('.')[0]}-{self.id}"


def fold_target(candidates: Sequence[Alert], noted: Noted) -> Alert | None:
    """The unresolved alert of the same device. However old: a device that comes and goes has one alert, and no press
    is hidden by it."""
    same = [one for one in candidates if one.unresolved and not one.drill and one.device_id == noted.device_id]
    return max(same, key=lambda one: one.raised_at, default=None)


def raise_alert(noted: Noted, rule: Rule, alert_id: UUID, now: datetime, shared: Sequence[UUID] = ()) -> Change:
    """`shared`: organisations below whose screens show it too."""
    # Never late: we have waited to be sure.
    alert = new_alert(
        id=alert_id,
        type=noted.type,
        severity=rule.severity,
        title=rule.title,
        elder=noted.elder,
        device_id=noted.device_id,
        device_kind=noted.device_kind,
        place=noted.place,
        organization_id=noted.organization_id,
        event_id=noted.event_id,
        occurred_at=noted.since,
        received_at=noted.noted_at,
        now=now,
        detail=noted.detail,
    )
    route = (noted.organization_id, "home")
    return Change(alert, (Entry("raised"),), route=route, shared=tuple(shared), replan=True)


def fold(alert: Alert, noted: Noted, shared: Sequence[UUID] = ()) -> Change:
    return Change(
        replace(
            alert,
            occurrences=alert.occurrences + 1,
            family_safe=False,
            attention=alert.attention or alert.state is not State.TRIGGERED,
            detail=noted.detail,
            version=alert.version + 1,
        ),
        (Entry("folded", body={"event_id": noted.event_id}),),
        replan=asks_again(alert),
        shared=tuple(shared),
    )


def restore(alert: Alert, at: datetime) -> Change:
    """Over by itself. It stays a person's to close: somebody may have been without help meanwhile."""
    detail = {**(alert.detail or {}), "restored_at": at.isoformat()}
    entry = Entry("recovered", body={"at": at.isoformat()})
    return Change(replace(alert, detail=detail, version=alert.version + 1), (entry,))


def tell_progress(alert: Alert, lost: int, silent: int, shared: Sequence[UUID], now: datetime) -> Change:
    """How many devices of an area are lost, and how many of them are heard again."""
    detail = {**(alert.detail or {}), "lost": lost, "restored": lost - silent}
    body = {"lost": lost, "restored": lost - silent}
    if silent == 0:
        detail["restored_at"] = now.isoformat()
    entry = Entry("recovered", body=body | {"at": now.isoformat()}) if silent == 0 else Entry("progress", body=body)
    return Change(replace(alert, detail=detail, version=alert.version + 1), (entry,), shared=tuple(shared))
