"""What a bridge says of itself, and what is not a bridge's word."""

import pytest

from gateway.bridges.presence import Heard, Presence, heard, presence_of

ONE = Presence("watch-host-8900", "watch")


@pytest.mark.parametrize("state", ["online", "lost", "stopped"])
def test_what_is_said_is_heard(state: str) -> None:
    assert heard(ONE.topic, ONE.says(state)) == Heard(ONE, state)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (ONE.topic, b""),
        (ONE.topic, b"online"),
        (ONE.topic, b"[]"),
        (ONE.topic, b'{"state": "well", "kind": "watch"}'),
        (ONE.topic, b'{"state": "online", "kind": "a b"}'),
        (ONE.topic, b'{"state": ["online"], "kind": "watch"}'),
        (ONE.topic, b'{"state": "online", "kind": 1}'),
        (ONE.topic, b"{" * 600),
        (ONE.topic, ONE.says("online") + b" " * 1024),
        ("anhu/v1/bridge/up/status", ONE.says("online")),
        ("anhu/v1/bridge/\u5b89/status", ONE.says("online")),
        ("anhu/v1/bridge/status", ONE.says("online")),
    ],
)
def test_nothing_else_is(topic: str, payload: bytes) -> None:
    assert heard(topic, payload) is None


def test_a_name_fits_a_topic() -> None:
    one = presence_of("cloud", "host 1/" + "x" * 100, 8010)
    assert heard(one.topic, one.says("online")) == Heard(one, "online")
    assert presence_of("cloud", "host", 8010).name == "cloud-host-8010"
    assert presence_of("cloud", "host", 8010, "east").name == "east"
