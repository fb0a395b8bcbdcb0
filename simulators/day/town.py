"""A town of elders for one day: who has which device, what each device says and when, and the truth."""

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from simulators import payloads
from simulators.day.bouts import HARMLESS, OF_DEVICES, Bout, Kind, bouts_of, design_of
from simulators.day.population import Resident
from simulators.day.worn import Underneath, Worn
from simulators.devices.model import OrdinaryEvent, moment
from simulators.devices.seeded import draw


@dataclass(frozen=True)
class Said:
    """One message of a device: `leaf` is that of its topic; it comes at `at`, which is later than it was measured where
    the device had no network."""

    at: datetime
    device_id: str
    leaf: str
    payload: bytes


@dataclass(frozen=True)
class Setting:
    elders: int
    on: date
    seed: int = 1
    interval: timedelta = timedelta(minutes=5)
    #: wristbands tell how often their wearers breathe
    breath: bool = False
    #: to one in so many something happens by design
    design_every: int = 50
    #: elders of one station, next to each other by number
    at_station: int = 400


class Townsman:
    """An elder with devices. `number` counts from 0."""

    def __init__(self, setting: Setting, number: int) -> None:
        self.setting, self.number = setting, number
        self.who = f"elder-{number:05}"
        self.person = Resident(setting.seed, self.who)
        by_design = None
        if number % setting.design_every == setting.design_every - 1:
            by_design = design_of(number // setting.design_every)
            self.person.wears_it = True
            self.person.bed_sensor |= by_design is Kind.NOT_BACK_IN_BED
            self.person.dementia |= by_design is Kind.WANDERING
        self.bouts = bouts_of(self.person, setting.on, by_design)
        self.wristband = f"wb-{number:05}"
        self.bed = f"bed-{number:05}" if self.person.bed_sensor else None

    @property
    def station(self) -> int:
        return self.number // self.setting.at_station

    def readings(self, device_id: str) -> Iterator[tuple[datetime, str, bytes]]:
        """(when, device, payload), a day of them."""
        setting, model = self.setting, self._model(device_id)
        begin, end = moment(setting.on, 0), moment(setting.on, 1440)
        spread = draw(setting.seed, device_id, "spread").random() * model.period.total_seconds()
        at, seq = begin + timedelta(seconds=round(spread, 3)), 0
        while at < end:
            seq += 1
            yield at, device_id, payloads.encode(payloads.reading(at, seq, model.measure(at)))
            at += model.period

    def _model(self, device_id: str) -> Worn | Underneath:
        setting = self.setting
        if device_id == self.bed:
            return Underneath(setting.seed, device_id, self.person, self.bouts)
        return Worn(setting.seed, device_id, self.person, setting.interval, self.bouts, breath=setting.breath)

    def events(self) -> list[Said]:
        told: list[Said] = []
        for number, (device_id, event) in enumerate(self._happened(), start=1):
            rng = draw(self.setting.seed, device_id, "event", number)
            event_id = payloads.ulid(event.at, rng)
            extra = {"cancels": _latest(told, "fall")} if event.type == "cancel" else {}
            payload = payloads.event(event_id, event.type, event.at, number, extra)
            told.append(Said(event.at, device_id, "up/events", payload))
        return told

    def _happened(self) -> list[tuple[str, OrdinaryEvent]]:
        found: list[tuple[str, OrdinaryEvent]] = []
        for bout in self.bouts:
            found += [(self.wristband, event) for event in _events_of(bout)]
        devices = [self.wristband] if self.person.wears_it else []
        for device_id in (*devices, *((self.bed,) if self.bed else ())):
            found += [(device_id, event) for event in self._model(device_id).ordinary_events(self.setting.on)]
        return sorted(found, key=lambda one: one[1].at)


def _latest(told: list[Said], kind: str) -> str | None:
    """The event_id of the latest of this kind."""
    for said in reversed(told):
        event = json.loads(said.payload)
        if event["type"] == kind:
            return str(event["event_id"])
    return None


def _events_of(bout: Bout) -> Iterator[OrdinaryEvent]:
    if bout.kind is Kind.FALL and bout.felt["detected"]:
        yield OrdinaryEvent(bout.begin, "fall")
    if bout.kind is Kind.FALL and bout.felt["presses"]:
        yield OrdinaryEvent(bout.begin + timedelta(seconds=90), "sos")
    if bout.kind is Kind.FALSE_FALL:
        yield OrdinaryEvent(bout.begin, "fall")
        if bout.felt["cancels"]:
            yield OrdinaryEvent(bout.begin + timedelta(seconds=20), "cancel")
    if bout.kind in (Kind.CALL, Kind.IDLE_PRESS):
        yield OrdinaryEvent(bout.begin, "sos")


class Town:
    """All of them. At `cut_off` a station's network fails: its devices keep what they say until it is back."""

    CUT_STATION = 1
    CUT_OFF = (19.5 * 60, 20.5 * 60)

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.people = [Townsman(setting, number) for number in range(setting.elders)]
        self.cut = (moment(setting.on, self.CUT_OFF[0]), moment(setting.on, self.CUT_OFF[1]))

    def said(self, step: timedelta) -> Iterator[tuple[datetime, list[Said]]]:
        """What came in each step, in the order of its coming; the time is the step's end."""
        waiting: list[Said] = []
        batch: list[Said] = []
        end = moment(self.setting.on, 0) + step
        for said in self._in_order():
            while said.at >= end:
                if waiting and end > self.cut[1]:
                    batch, waiting = [Said(end, one.device_id, one.leaf, one.payload) for one in waiting] + batch, []
                yield end, batch
                batch, end = [], end + step
            if self.cut[0] <= said.at < self.cut[1] and self._station_of(said.device_id) == self.CUT_STATION:
                waiting.append(said)
            else:
                batch.append(said)
        yield end, batch

    def _in_order(self) -> Iterator[Said]:
        streams = [iter(person.events()) for person in self.people]
        for person in self.people:
            for device_id in (person.wristband, *((person.bed,) if person.bed else ())):
                streams.append(Said(at, name, "up/readings", body) for at, name, body in person.readings(device_id))
        return heapq.merge(*streams, key=lambda said: said.at)

    def _station_of(self, device_id: str) -> int:
        return int(device_id.rsplit("-", 1)[1]) // self.setting.at_station

    def truth(self) -> list[dict[str, Any]]:
        """What really happened: for those who judge the system, and never for the system."""
        found = [
            _told(bout) | {"elder": person.who, "device": person.wristband, "station": person.station}
            for person in self.people
            for bout in person.bouts
        ]
        if any(person.station == self.CUT_STATION for person in self.people):
            outage = Bout(Kind.CUT_OFF, *self.cut)
            found.append(_told(outage) | {"elder": None, "device": None, "station": self.CUT_STATION})
        return sorted(found, key=lambda one: (one["begin"], one["elder"] or ""))

    def write_truth(self, path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            for one in self.truth():
                file.write(json.dumps(one, ensure_ascii=False) + "\n")


def _told(bout: Bout) -> dict[str, Any]:
    return {
        "kind": bout.kind.value,
        "begin": bout.begin.isoformat(),
        "end": bout.end.isoformat(),
        "by_design": bout.by_design,
        "needs_help": bout.kind not in HARMLESS | OF_DEVICES,
        "felt": bout.felt,
    }
