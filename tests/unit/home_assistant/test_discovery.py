"""What is announced to Home Assistant: valid by its rules, and no more than may be known."""

import json
from datetime import UTC, datetime

import pytest

from services.home_assistant.discovery import Alarm, Announcement, Device
from tests.parts.home_assistant import HomeAssistant, faults

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
WATCH = Device("watch-1", "wristband", "W1", online=True, battery=83, last_seen=AT, elder_name="张秀英")
SOS = Alarm("triggered", "sos", "red", "紧急救援 · 本人呼救", AT, False, False, "东街 1 号", 29.563, 106.5516)
PLAIN, PERSONAL = Announcement("homeassistant"), Announcement("homeassistant", personal=True)


def shown(device: Device, alarm: Alarm | None = None, announcement: Announcement = PLAIN) -> dict[str, str]:
    home = HomeAssistant()
    home.take(announcement.config_topic(device.device_id), announcement.config(device))
    home.take(announcement.state_topic(device.device_id), announcement.state(device, alarm))
    home.take(announcement.our_topic, b"online")
    return home.shows(device.device_id)


@pytest.mark.parametrize("kind", ["wristband", "emergency_button", "bed_sensor", "something new"])
@pytest.mark.parametrize("announcement", [PLAIN, PERSONAL])
def test_an_announcement_is_valid_by_home_assistants_rules(kind: str, announcement: Announcement) -> None:
    for device_id in ("watch-1", "a.b_c-D", "x" * 64):
        device = Device(device_id, kind)
        assert faults(announcement.config_topic(device_id), announcement.config(device)) == []


def test_what_is_shown() -> None:
    assert shown(WATCH) == {
        "alert": "none", "alarm": "OFF", "severity": "none", "online": "ON", "battery": "83",
        "last_seen": "2026-11-22T04:00:00+00:00",
    }  # fmt: skip
    alarmed = shown(WATCH, SOS)
    assert (alarmed["alert"], alarmed["alarm"], alarmed["severity"]) == ("triggered", "ON", "red")


def test_what_is_not_known_is_unknown() -> None:
    bare = shown(Device("watch-1", "wristband"))
    assert (bare["online"], bare["battery"], bare["last_seen"]) == ("unknown", "unknown", "unknown")


def test_nothing_personal_goes_out_unless_it_is_allowed() -> None:
    said = b"".join((PLAIN.config(WATCH), PLAIN.state(WATCH, SOS), PLAIN.state(WATCH, None))).decode()
    assert not any(word in said for word in ("张秀英", "东街", "29.5", "106.5"))
    assert "张秀英" in PERSONAL.config(WATCH).decode()
    assert json.loads(PERSONAL.state(WATCH, SOS))["latitude"] == 29.563
    calm = PERSONAL.state(WATCH, None).decode()
    assert not any(word in calm for word in ("东街", "29.5", "latitude"))


def test_topics_of_different_devices_are_different() -> None:
    names = ["a.b", "a_b", "a-b", "a_-b", "a__b", "a._b", "a_.b", "a.-b"]
    assert len({PLAIN.config_topic(name) for name in names}) == len(names)
