"""What Home Assistant should have of us, and what of it has to be told. Pure; it sends nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from services.home_assistant.discovery import Alarm, Announcement, Device

#: That a device was seen again is worth a message so often; whatever else changes is told at once.
SEEN_AGAIN = timedelta(minutes=5)

#: Topic → what it should retain; empty clears it.
Messages = dict[str, bytes]


class Picture:
    """Devices and their alerts as they were read last, and which of their topics the broker has yet to be told of."""

    def __init__(self, announcement: Announcement) -> None:
        self._announcement = announcement
        self._devices: dict[str, Device] = {}
        self._alarms: Mapping[str, Alarm] = {}
        self._expected: set[str] = set()
        self._found: set[str] = set()
        self._stale: set[str] = set()
        self._urgent: dict[str, None] = {}  # in the order in which it came up
        self._states: dict[str, None] = {}
        self._configs: dict[str, None] = {}
        #: whether the devices were read at all: before that, nothing found is known to be stale
        self.known = False

    def take_devices(self, devices: Iterable[Device]) -> None:
        """All that are enrolled now: who is no longer among them is withdrawn."""
        before, self._devices = self._devices, {}
        for device in devices:
            was = before.get(device.device_id)
            if was is not None and _only_seen_again(was, device):
                self._devices[device.device_id] = was
                continue
            self._devices[device.device_id] = device
            self._states[device.device_id] = None
            if was is None:
                self._expected |= self._topics(device.device_id)
                self._stale -= self._topics(device.device_id)
            if was is None or self._announcement.config(was) != self._announcement.config(device):
                self._configs[device.device_id] = None
        for device_id in before.keys() - self._devices.keys():
            self._expected -= self._topics(device_id)
            self._stale |= self._topics(device_id)
        self._stale |= self._found - self._expected
        self._found.clear()
        self.known = True

    def take_alarms(self, alarms: Mapping[str, Alarm]) -> None:
        """The alarm of each device that has one now."""
        before, self._alarms = self._alarms, alarms
        for device_id in before.keys() | alarms.keys():
            if before.get(device_id) != alarms.get(device_id):
                self._urgent[device_id] = None

    def found(self, topic: str) -> None:
        """The broker retains this: of ours, it may be of a device that was withdrawn while nobody announced."""
        if self._announcement.is_ours(topic) and topic != self._announcement.our_topic:
            if not self.known:
                self._found.add(topic)
            elif topic not in self._expected:
                self._stale.add(topic)

    def announce_again(self) -> None:
        """Home Assistant has just started."""
        self._configs |= dict.fromkeys(self._devices)

    def tell_all(self) -> None:
        """The broker may have lost everything."""
        self._configs |= dict.fromkeys(self._devices)
        self._states |= dict.fromkeys(self._devices)

    def next(self, most: int) -> Messages:
        """What goes out next: changed alerts, then what is withdrawn, then announcements, then the other states. What
        is taken here is not told a second time: who loses it says tell_all()."""
        messages: Messages = {}
        if not self.known:
            return messages
        for waiting in (self._urgent, self._states):
            if waiting is self._states:
                self._withdraw_and_announce(messages, most)
            while waiting and len(messages) < most:
                device_id = next(iter(waiting))
                del waiting[device_id]
                if (device := self._devices.get(device_id)) is not None:
                    state = self._announcement.state(device, self._alarms.get(device_id))
                    messages[self._announcement.state_topic(device_id)] = state
                    self._states.pop(device_id, None)
        return messages

    def _withdraw_and_announce(self, messages: Messages, most: int) -> None:
        while self._stale and len(messages) < most:
            messages[self._stale.pop()] = b""
        while self._configs and len(messages) < most:
            device_id = next(iter(self._configs))
            del self._configs[device_id]
            if (device := self._devices.get(device_id)) is not None:
                topic = self._announcement.config_topic(device_id)
                messages[topic] = self._announcement.config(device)

    def _topics(self, device_id: str) -> set[str]:
        return {self._announcement.config_topic(device_id), self._announcement.state_topic(device_id)}


def _only_seen_again(was: Device, now: Device) -> bool:
    if replace(was, last_seen=now.last_seen) != now:
        return False
    if was.last_seen is None or now.last_seen is None:
        return was.last_seen is now.last_seen
    return now.last_seen - was.last_seen < SEEN_AGAIN
