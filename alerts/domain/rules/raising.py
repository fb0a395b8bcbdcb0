"""What an episode does to alerts: raises, folds, recovers, goes on. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from alerts.domain.alert import (
    Alert,
    Change,
    Entry,
    Person,
    Position,
    RaisedBy,
    Severity,
    State,
    Timer,
    TimerKind,
    new_alert,
)
from alerts.domain.intake import FOLD_WINDOW, LATE_FROM_SECONDS
from alerts.domain.policy import CLIMB_AFTER, asks_again

_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Said:
    """An episode in the words of an alert."""

    episode_id: UUID
    key: str
    severity: Severity
    title: str
    raised_by: RaisedBy
    #: when the sample that completed it was measured, and when it came
    occurred_at: datetime
    received_at: datetime
    #: whose sample that was
    device_id: str
    device_kind: str | None
    position: Position | None
    #: of an episode that was over when it was found
    cleared_at: datetime | None = None

    @property
    def type(self) -> str:
        return f"rule.{self.key}"

    @property
    def event_id(self) -> str:
        return f"rule-{self.episode_id}"


@dataclass(frozen=True, slots=True)
class Home:
    """The elder, and where an alert of theirs belongs."""

    elder: Person
    organization_id: UUID
    place: str | None


def fold_target(candidates: Sequence[Alert], said: Said, now: datetime) -> Alert | None:
    """As events fold (contract, "Folding"); but never into an alert that is less severe: what is worse is told as
    such."""
    same = [
        alert
        for alert in candidates
        if alert.unresolved
        and not alert.drill
        and now - alert.last_move_at <= FOLD_WINDOW
        and _WORST_FIRST.index(alert.severity) <= _WORST_FIRST.index(said.severity)
    ]
    return max(same, key=lambda alert: alert.raised_at, default=None)


def raise_alert(said: Said, home: Home, alert_id: UUID, now: datetime) -> Change:
    late = int((said.received_at - said.occurred_at).total_seconds())
    alert = new_alert(
        id=alert_id,
        type=said.type,
        severity=said.severity,
        title=said.title,
        elder=home.elder,
        device_id=said.device_id,
        device_kind=said.device_kind,
        place=home.place,
        organization_id=home.organization_id,
        event_id=said.event_id,
        occurred_at=said.occurred_at,
        received_at=said.received_at,
        now=now,
        late_seconds=late if late >= LATE_FROM_SECONDS else 0,
        position=said.position,
        raised_by=said.raised_by,
    )
    entries = (Entry("raised", body=_body(said)), *_over(said))
    escalate = (Timer(TimerKind.ESCALATE, now + CLIMB_AFTER),) if said.severity is Severity.RED else ()
    return Change(alert, entries, start=escalate, route=(home.organization_id, "home"), replan=True)


def fold(alert: Alert, said: Said) -> Change:
    """The same again before anybody closed it: it sounds again. The alert keeps the values that raised it."""
    return Change(
        replace(
            alert,
            occurrences=alert.occurrences + 1,
            family_safe=False,
            attention=alert.attention or alert.state is not State.TRIGGERED,
            position=said.position or alert.position,
            version=alert.version + 1,
        ),
        (Entry("folded", body=_body(said)), *_over(said)),
        replan=asks_again(alert),
    )


def recover(alert: Alert, at: datetime) -> Change:
    """Its values were clear again from `at`. A person closes it, not a value."""
    entry = Entry("recovered", body={"at": at.isoformat()})
    return Change(replace(alert, version=alert.version + 1), (entry,))


def go_on(alert: Alert) -> Change:
    """What was taken for its end was none."""
    return Change(replace(alert, version=alert.version + 1), (Entry("went_on"),))


def refute(alert: Alert) -> Change:
    """Samples that came late show that it had not lasted as long as the rule wants."""
    return Change(replace(alert, version=alert.version + 1), (Entry("refuted"),))


def _body(said: Said) -> dict[str, str]:
    return {"event_id": said.event_id, "sentence": said.raised_by.sentence}


def _over(said: Said) -> tuple[Entry, ...]:
    return () if said.cleared_at is None else (Entry("recovered", body={"at": said.cleared_at.isoformat()}),)
