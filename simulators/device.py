"""One virtual device: what it has measured, what it has to say, what it answers. No I/O and no clock.

Two kinds of time are passed in: `at`, the (simulated) wall time that goes into payloads, and `now`, seconds
on a steady clock, by which unsettled events are repeated.
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators import payloads
from simulators.backlog import Backlog
from simulators.devices.fall import felt
from simulators.devices.kinds import model_of
from simulators.devices.model import OrdinaryEvent
from simulators.devices.person import Person, local
from simulators.devices.seeded import draw
from simulators.fleet_file import FleetDevice
from simulators.payloads import Receipt
from simulators.resend import Outbox, ResendDelays

#: How often whoever is reminded of a medicine takes it; made up.
TAKES = 0.9
COMMANDS = ("ring", "locate", "measure", "remind", "configure")


@dataclass(frozen=True)
class Message:
    """Something to be published once under the device's own topics, for instance `up/results`."""

    leaf: str
    payload: bytes


@dataclass
class Held:
    values: Mapping[str, Any]
    until: datetime


class VirtualDevice:
    """`start` is when its simulated life begins; its first reading follows within a minute."""

    def __init__(
        self,
        entry: FleetDevice,
        seed: int,
        start: datetime,
        *,
        delays: ResendDelays | None = None,
        ordinary_events: bool = False,
    ) -> None:
        self.device_id = entry.device_id
        self.kind = entry.kind
        self.outbox = Outbox(delays)
        self.backlog = Backlog()
        self.messages: deque[Message] = deque()
        self._seed = seed
        home = (entry.home.lat, entry.home.lon) if entry.home else None
        person = Person(seed, entry.elder_id or entry.device_id, home)
        self._model = model_of(entry.kind, seed, entry.device_id, person)
        # Spread over the minute: ten thousand devices must not speak in the same second.
        spread = draw(seed, entry.device_id, "spread").random() * min(60.0, self._model.period.total_seconds())
        self.due = start + timedelta(seconds=round(spread, 3))
        self._started = start
        self._readings = 0
        self._events = 0
        self._held: list[Held] = []
        self._told_until = start if ordinary_events else None

    # Measuring ------------------------------------------------------------------------------------------

    def live_until_due(self, now: float) -> datetime:
        """Make the reading that is due, and what happened up to then; returns when the next one is due."""
        at = self.due
        if self._told_until is not None:
            for ordinary in self._ordinary_events(self._told_until, at):
                self.tell(ordinary.type, ordinary.at, now)
            self._told_until = at
        self.read(at)
        self.due = at + self._model.period
        return self.due

    def read(self, at: datetime, values: Mapping[str, Any] | None = None) -> None:
        """Take a reading now, with the given values in place of the measured ones."""
        self._held = [held for held in self._held if held.until > at]
        measured = self._model.measure(at)
        for held in self._held:
            measured |= held.values
        self._readings += 1
        self.backlog.put(payloads.reading(at, self._readings, measured | dict(values or {})))

    def hold(self, values: Mapping[str, Any], until: datetime) -> None:
        """Let every reading until then show these values."""
        self._held.append(Held(values, until))

    def _ordinary_events(self, since: datetime, until: datetime) -> list[OrdinaryEvent]:
        first, last = local(since)[0], local(until)[0]
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        happened = [event for day in days for event in self._model.ordinary_events(day)]
        return sorted((event for event in happened if since < event.at <= until), key=lambda event: event.at)

    # Telling --------------------------------------------------------------------------------------------

    def tell(self, event_type: str, at: datetime, now: float, **extra: Any) -> str:
        """Let an event happen: it is kept and repeated until it is settled. Returns its event_id."""
        self._events += 1
        rng = draw(self._seed, self.device_id, "event", self._events)
        event_id = payloads.ulid(at, rng)
        told = self._model.around(at)
        if event_type == "fall":
            told["detail"] = {"acceleration": felt(rng)}
        payload = payloads.event(event_id, event_type, at, self._events, told | extra)
        self.outbox.put(event_id, payload, now)
        return event_id

    def say(self, leaf: str, payload: bytes) -> None:
        """Put any bytes on a topic of this device, once: for testers who send garbage."""
        self.messages.append(Message(leaf, payload))

    # Hearing --------------------------------------------------------------------------------------------

    def receipt(self, payload: bytes) -> Receipt:
        """Raises ValueError if it is not in the contract's form."""
        receipt = payloads.parse_receipt(payload)
        self.outbox.receipt(receipt.event_id, receipt.stage)
        return receipt

    def command(self, payload: bytes, at: datetime, now: float = 0.0) -> None:
        """Do what is asked and put the result among the messages. Whoever is reminded of a medicine takes it, nine
        times in ten."""
        try:
            asked = json.loads(payload)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            asked = {}
        command = asked.get("command")
        result: dict[str, Any] = {"command_id": asked.get("command_id"), "command": command}
        result |= {"status": "done" if command in COMMANDS else "unsupported", "at": payloads.timestamp(at)}
        match command:
            case "locate":
                result["location"] = self._model.around(at).get("location")
            case "measure":
                result["reading"] = self._model.measure(at)
                self.read(at)
            case "remind" if isinstance(dose := asked.get("dose_id"), str):
                if draw(self._seed, self.device_id, "takes", dose).random() < TAKES:
                    self.tell("medication_taken", at, now, detail={"dose_id": dose})
        self.messages.append(Message("up/results", payloads.encode(result)))
