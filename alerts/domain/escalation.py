"""What time does to an alert that nobody answers. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from alerts.domain.alert import Alert, Change, Entry, Rule, Severity, State, Timer, TimerKind
from alerts.domain.intake import ESCALATE_AFTER


def next_above(path: Sequence[UUID], routed: Collection[UUID]) -> UUID | None:
    """The nearest organisation above the alert's own, `path` being root first, that does not show it yet."""
    for organization_id in reversed(path):
        if organization_id not in routed:
            return organization_id
    return None


def decide_timer(alert: Alert, kind: TimerKind, rule: Rule | None, above: UUID | None, now: datetime) -> Change | None:
    """None when the timer has nothing left to do: somebody answered, or the root has it."""
    if alert.state is not State.TRIGGERED:
        return None
    match kind:
        case TimerKind.WORSEN:
            if rule is None or rule.then_severity is None or alert.severity is rule.then_severity:
                return None
            worse = replace(
                alert,
                severity=rule.then_severity,
                title=rule.then_title or rule.title,
                version=alert.version + 1,
            )
            red = worse.severity is Severity.RED
            start = (Timer(TimerKind.ESCALATE, now + ESCALATE_AFTER),) if red else ()
            return Change(worse, (Entry("worsened"),), start=start)
        case TimerKind.ESCALATE:
            if alert.severity is not Severity.RED or above is None:
                return None
            return Change(
                replace(alert, version=alert.version + 1),
                (Entry("escalated", body={"organization_id": str(above)}),),
                start=(Timer(TimerKind.ESCALATE, now + ESCALATE_AFTER),),
                route=(above, "escalated"),
            )
        case _:
            assert_never(kind)
