"""What is told, when, and in which order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.home_assistant.discovery import Alarm, Announcement, Device
from services.home_assistant.picture import Picture

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
FALL = Alarm("triggered", "fall", "orange", "疑似跌倒", AT, False, False)
ANNOUNCEMENT = Announcement("homeassistant")


def watches(count: int) -> list[Device]:
    return [Device(f"watch-{number}", "wristband", last_seen=AT) for number in range(count)]


def picture(devices: list[Device]) -> Picture:
    """One of which everything has been told."""
    made = Picture(ANNOUNCEMENT)
    made.take_devices(devices)
    made.take_alarms({})
    made.next(10_000)
    return made


def test_nothing_is_told_before_anything_is_known() -> None:
    made = Picture(ANNOUNCEMENT)
    made.found(ANNOUNCEMENT.config_topic("watch-1"))
    made.tell_all()
    assert made.next(100) == {}
    made.take_devices([])
    assert made.next(100) == {ANNOUNCEMENT.config_topic("watch-1"): b""}, "now it is known to be stale"


def test_an_alert_goes_before_the_announcements_of_all_others() -> None:
    made = Picture(ANNOUNCEMENT)
    made.take_devices(watches(500))
    made.take_alarms({"watch-499": FALL})
    assert next(iter(made.next(100))) == ANNOUNCEMENT.state_topic("watch-499")
    rounds = 1
    while made.next(100):
        rounds += 1
    assert rounds == 10, "a thousand messages, each once"


def test_only_what_changed_is_told() -> None:
    devices = watches(3)
    made = picture(devices)
    made.take_devices(devices)
    made.take_alarms({})
    assert made.next(100) == {}
    made.take_alarms({"watch-1": FALL})
    assert list(made.next(100)) == [ANNOUNCEMENT.state_topic("watch-1")]
    made.take_alarms({})
    assert made.next(100) == {ANNOUNCEMENT.state_topic("watch-1"): ANNOUNCEMENT.state(devices[1], None)}


def test_a_device_that_was_seen_again_is_told_every_few_minutes() -> None:
    made = picture(watches(1))
    seen = AT
    told = 0
    for _ in range(20):
        seen += timedelta(minutes=1)
        made.take_devices([Device("watch-0", "wristband", last_seen=seen)])
        told += len(made.next(100))
    assert told == 4
    made.take_devices([Device("watch-0", "wristband", last_seen=seen, online=False)])
    assert len(made.next(100)) == 1, "whatever else changes at once"


def test_who_is_revoked_is_withdrawn_and_who_comes_back_is_announced() -> None:
    devices = watches(2)
    made = picture(devices)
    made.take_devices(devices[:1])
    gone = {ANNOUNCEMENT.config_topic("watch-1"), ANNOUNCEMENT.state_topic("watch-1")}
    assert made.next(100) == dict.fromkeys(gone, b"")
    made.take_devices(devices)
    assert gone == made.next(100).keys()


def test_what_is_renamed_is_announced_again_and_what_is_seen_is_not() -> None:
    [watch] = watches(1)
    made = picture([watch])
    made.take_devices([replace(watch, battery=7)])
    assert list(made.next(100)) == [ANNOUNCEMENT.state_topic("watch-0")]
    made.take_devices([replace(watch, battery=7, model="W2")])
    assert ANNOUNCEMENT.config_topic("watch-0") in made.next(100)


def test_others_retained_messages_are_left_alone() -> None:
    made = picture(watches(1))
    for topic in (
        "homeassistant/device/kitchen/config",
        "homeassistant/sensor/anhu_x/config",
        ANNOUNCEMENT.our_topic,
        ANNOUNCEMENT.config_topic("watch-0"),
        ANNOUNCEMENT.state_topic("watch-0"),
    ):
        made.found(topic)
    assert made.next(100) == {}
