"""What an answer of a device means, and what of it is shown."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.commands import reminded
from alerts.domain.commands import ANSWERED_WITHIN, Command, answer_of, payload, shown
from tests.parts import documents

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("done", "done"),
        ("unsupported", "unsupported"),
        ("unanswered", "unanswered"),
        ("没电了", "failed"),
        (None, "failed"),
    ],
)
def test_an_answer(status: str | None, state: str) -> None:
    result = {"status": status}
    assert answer_of(result, NOW + timedelta(seconds=1), NOW) == answer_of(result, NOW, NOW)
    assert answer_of(result, NOW, NOW).state == state
    assert answer_of(result, NOW - timedelta(seconds=1), NOW).late is True


def test_each_command_is_the_contracts_and_has_its_time() -> None:
    assert set(ANSWERED_WITHIN) == set(Command)
    for command in Command:
        documents.check("command", payload(command.value, "c-1", {"words": "好"}))


def test_where_somebody_is_and_what_was_measured_is_private() -> None:
    result = {"status": "done", "location": {"lat": 29.5}, "reading": {"spo2": 97}}
    assert shown(result, private=False) == {"status": "done"}
    assert shown(result, private=True) == result
    assert shown(None, private=True) is None


def test_a_reminder_goes_to_what_speaks() -> None:
    assert reminded([("bed", "bed_sensor"), ("band", "wristband")]) == ["band"]
    assert reminded([("bed", "bed_sensor")]) == ["bed"], "better than nowhere: it says that it cannot"
    assert reminded([]) == []
