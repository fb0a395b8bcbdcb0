"""What another system is told, when it is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from alerts.domain.delivery import Outcome
from alerts.domain.pushing import Event, Paused, Stream, body_of, given_up, in_order, wait_after

AT = datetime(2026, 11, 30, 12, 5, tzinfo=UTC)
STATION = UUID(int=1)


def _event(stream: Stream, id: int, minute: int) -> Event:
    subject = "elder" if stream is Stream.CHANGES else "alert"
    return Event(stream, id, AT + timedelta(minutes=minute), subject, "changed", "7", STATION, None, None)


def test_each_stream_keeps_its_own_order_whatever_its_times_say() -> None:
    changes = [_event(Stream.CHANGES, id, minute) for id, minute in ((1, 0), (2, 9), (3, 1))]
    timeline = [_event(Stream.TIMELINE, id, minute) for id, minute in ((1, 2), (2, 3))]
    keys = [event.key for event in in_order(changes, timeline)]
    assert [one for one in keys if one.startswith("change")] == ["change-1", "change-2", "change-3"]
    assert [one for one in keys if one.startswith("alert")] == ["alert-1", "alert-2"]
    assert keys[:3] == ["change-1", "alert-1", "alert-2"]


def test_a_body_says_what_changed_and_not_what_to() -> None:
    event = Event(
        Stream.CHANGES, 5, AT, "elder", "changed", str(UUID(int=2)), STATION, UUID(int=3), "operator", ("phone",)
    )
    assert body_of(event) == {
        "id": "change-5",
        "at": "2026-11-30T12:05:00+00:00",
        "subject": "elder",
        "action": "changed",
        "subject_id": "00000000-0000-0000-0000-000000000002",
        "organization_id": "00000000-0000-0000-0000-000000000001",
        "by": {"account_id": "00000000-0000-0000-0000-000000000003", "role": "operator"},
        "fields": ["phone"],
    }
    assert body_of(_event(Stream.TIMELINE, 6, 0))["by"] == {"account_id": None, "role": None}


@pytest.mark.parametrize(
    ("failures", "asked", "wait"),
    [
        (1, None, 5),
        (2, None, 10),
        (8, None, 640),
        (9, None, 900),
        (10_000, None, 900),
        (1, 60, 60),
        (5, 1, 80),
        (1, 86_400, 900),
    ],
)
def test_it_is_tried_again_ever_later(failures: int, asked: int | None, wait: int) -> None:
    assert wait_after(failures, None if asked is None else timedelta(seconds=asked)) == timedelta(seconds=wait)


@pytest.mark.parametrize(
    ("hours", "outcome", "why"),
    [
        (0, Outcome.FAILED, None),
        (23, Outcome.REFUSED, None),
        (24, Outcome.FAILED, Paused.FAILING),
        (30, Outcome.REFUSED, Paused.FAILING),
        (0, Outcome.GONE, Paused.GONE),
    ],
)
def test_it_is_given_up_after_a_day(hours: int, outcome: Outcome, why: Paused | None) -> None:
    assert given_up(AT, AT + timedelta(hours=hours), outcome) is why
