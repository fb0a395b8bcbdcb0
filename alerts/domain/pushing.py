"""What another system is told of a change, when it is tried again, and when it is given up. Pure.

It is told that something changed, never what to: whoever receives it asks the API, with an account of its own, for what
that account may see.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from alerts.domain.delivery import Outcome

SUBJECTS: Final = (
    *("organization", "elder", "device", "account", "alert"),
    *("visit", "service_request", "medication", "responder", "duty", "escalation", "rule"),
)
#: Doubled with each failure, from the first to the second.
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=15)
#: Whoever fails for so long is paused.
GIVEN_UP_AFTER: Final = timedelta(days=1)
#: What a line of an alert's timeline changed of it; the others changed nothing that a field stands for.
_FIELDS_OF: Final = {
    "raised": ("state",),
    "acknowledged": ("holder", "state"),
    "dispatched": ("state",),
    "arrived": ("state",),
    "resolved": ("outcome", "state"),
    "followed_up": ("state",),
    "cancelled": ("state",),
    "worsened": ("severity",),
    "folded": ("occurrences",),
}


class Paused(StrEnum):
    ASKED = "asked"  # somebody wanted it
    FAILING = "failing"  # for longer than GIVEN_UP_AFTER
    GONE = "gone"  # the other side said that the address is no more


class Stream(StrEnum):
    """Each has ids of its own. What happens to one thing is in one of them."""

    CHANGES = "changes"
    TIMELINE = "timeline"


@dataclass(frozen=True, slots=True)
class Event:
    stream: Stream
    id: int
    at: datetime
    subject: str
    action: str
    subject_id: str
    organization_id: UUID
    account_id: UUID | None
    role: str | None
    fields: tuple[str, ...] = ()
    version: int | None = None
    drill: bool | None = None

    @property
    def key(self) -> str:
        """The same however often it is sent."""
        return f"{'change' if self.stream is Stream.CHANGES else 'alert'}-{self.id}"


def body_of(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": event.key,
        "at": event.at.isoformat(),
        "subject": event.subject,
        "action": event.action,
        "subject_id": event.subject_id,
        "organization_id": str(event.organization_id),
        "by": {"account_id": str(event.account_id) if event.account_id else None, "role": event.role},
        "fields": list(event.fields),
    }
    if event.subject == "alert":
        told["alert"] = {"version": event.version, "drill": event.drill}
    return told


def test_body(key: str, webhook_id: UUID, organization_id: UUID, at: datetime) -> dict[str, Any]:
    return {
        "id": key,
        "at": at.isoformat(),
        "subject": "webhook",
        "action": "test",
        "subject_id": str(webhook_id),
        "organization_id": str(organization_id),
        "by": {"account_id": None, "role": None},
        "fields": [],
    }


def fields_of_alert(kind: str) -> tuple[str, ...]:
    return _FIELDS_OF.get(kind, ())


def in_order(changes: Iterable[Event], timeline: Iterable[Event]) -> Iterator[Event]:
    """Both streams in one, by time, each in its own order whatever its times say."""
    return heapq.merge(changes, timeline, key=lambda event: event.at)


def wait_after(failures: int, asked: timedelta | None = None) -> timedelta:
    """Until it is tried again, after so many failures on end; `asked`: how long the other side wants to be left."""
    wait = min(FIRST_WAIT * (1 << min(failures - 1, 20)), LONGEST_WAIT)
    return max(wait, min(asked, LONGEST_WAIT)) if asked is not None else wait


def given_up(failing_since: datetime, now: datetime, outcome: Outcome) -> Paused | None:
    """Why it is paused after this failure, if it is."""
    if outcome is Outcome.GONE:
        return Paused.GONE
    return Paused.FAILING if now - failing_since >= GIVEN_UP_AFTER else None
