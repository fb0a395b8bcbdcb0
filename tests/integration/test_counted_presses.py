"""A device that counts its presses, and tells the last one again each half minute: one press, however long it does."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from gateway.decoders.buttons import BUTTON
from gateway.decoders.family import Enrolment
from gateway.decoders.registry import FAMILIES
from gateway.event_lane import EventLane
from gateway.message import Message, Said

#: (family, topic, body, seconds after the start) → how many events there are
Store = Callable[[str, str, object, float], int]
START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


class Nobody:
    def acknowledge(self, messages: Sequence[Message]) -> None: ...
    def publish(self, topic: str, payload: bytes) -> None: ...


@pytest.fixture
def stored(database_url: str) -> Iterator[Store]:
    """Stores what a family makes of a message."""
    with psycopg.connect(database_url, autocommit=True) as connection:

        def store(family: str, topic: str, body: object, seconds: float) -> int:
            at, payload = START + timedelta(seconds=seconds), json.dumps(body).encode()
            [one] = FAMILIES[family].decode(topic, payload, at, lambda _: Enrolment(BUTTON))
            said = [Said(family, "button-1", None, event=event) for event in one.events]
            EventLane(database_url).store(
                connection, [Message(topic, payload, at, Nobody(), 0, 0, part) for part in said]
            )
            row = connection.execute("SELECT count(*) FROM events").fetchone()
            assert row is not None
            return int(row[0])

        yield store


def test_told_again_for_ten_minutes(stored: Store) -> None:
    topic = "shellies/shellybutton1-1/input_event/0"
    for seconds in range(0, 600, 30):
        assert stored("shelly", topic, {"event": "S", "event_cnt": 1}, seconds) == 1
    assert stored("shelly", topic, {"event": "S", "event_cnt": 2}, 601) == 2, "the next press"
    assert stored("shelly", topic, {"event": "S", "event_cnt": 1}, 900) == 3, "it started anew, and was pressed again"


def test_what_is_not_counted_is_a_second_press_after_seconds(stored: Store) -> None:
    press = {"action": "single"}
    assert [stored("zigbee2mqtt", "zigbee2mqtt/b", press, seconds) for seconds in (0, 5, 20)] == [1, 1, 2]
