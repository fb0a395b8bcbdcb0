"""A storm of presses from the simulators, as a process of its own, and what must be true after it."""

import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.parts.system import ROOT, Person, System
from tests.parts.waiting import until

#: For what costs a query: a hundred of them a second would take the processor from what is tested.
eventually = partial(until, every=0.1)


@dataclass(frozen=True)
class Press:
    device_id: str
    event_id: str
    sends: int
    stages: tuple[str, ...]
    stored_after: float | None
    """Seconds from the press to the first receipt that says or implies `stored`."""

    @classmethod
    def of(cls, line: dict[str, Any]) -> Self:
        stored = line["stored_at"] and datetime.fromisoformat(line["stored_at"])
        after = (stored - datetime.fromisoformat(line["pressed_at"])).total_seconds() if stored else None
        return cls(line["device_id"], line["event_id"], line["sends"], tuple(line["stages"]), after)


class Storm:
    """Runs from the moment it is made. Devices repeat sooner than the contract's 5 s, so that a test is short."""

    def __init__(
        self,
        system: System,
        directory: Path,
        *,
        presses: int,
        rate: float,
        seed: int = 1,
        resend_first: float = 2.0,
        resend_longest: float = 4.0,
        only: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True)
        self._system, self._before = system, _events(system)
        self.presses = presses
        self._out, self._log = directory / "presses.jsonl", directory / "simulate.log"
        fleet = directory / "fleet.json"
        place = {"host": system.broker.host, "port": system.broker.port}
        fleet.write_text(json.dumps({"mqtt": place, "devices": system.seeded.devices}), "utf-8")
        words = [sys.executable, "-m", "simulators", "--fleet", str(fleet), "--out", str(self._out)]
        words += ["--presses", str(presses), "--rate", str(rate), "--seed", str(seed), "--timeout", "60"]
        words += ["--resend-first", str(resend_first), "--resend-longest", str(resend_longest)]
        words += [word for device_id in only for word in ("--only", device_id)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT, start_new_session=True)

    def is_over(self) -> bool:
        return self._process.poll() is not None

    def wait_until_pressing(self) -> None:
        eventually(lambda: _events(self._system) > self._before, "the first press of the storm", limit=30)

    def result(self, limit: float = 100) -> list[Press]:
        """Waits for the end; every press with what became of it."""
        self._process.wait(limit)
        lines = [json.loads(line) for line in self._out.read_text("utf-8").splitlines()]
        found = [Press.of(line) for line in lines]
        assert len(found) == self.presses, self._log.read_text("utf-8")[-2000:]
        return found

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


def _events(system: System) -> int:
    return int(system.sql("SELECT count(*) FROM events")[0][0])


def assert_exactly_once(system: System, presses: Sequence[Press]) -> None:
    """Every press was told `stored`, and is in exactly one alert: by the database, and by the public API."""
    untold = [press for press in presses if press.stored_after is None]
    assert not untold, f"{len(untold)} of {len(presses)} presses were never told stored: {untold[:3]}"
    pressed = {(press.device_id, press.event_id) for press in presses}
    assert len({event_id for _, event_id in pressed}) == len(presses), "the API tells events by event_id alone"

    eventually(lambda: not system.sql("SELECT 1 FROM event_queue LIMIT 1"), "every event is taken in", limit=30)
    rows = system.sql(
        "SELECT e.device_id, e.event_id, count(*), count(ae.alert_id) FROM events e"
        " LEFT JOIN alert_events ae ON ae.event = e.id WHERE e.type = 'sos' GROUP BY 1, 2"
    )
    stored = {(device_id, event_id): (times, alerts) for device_id, event_id, times, alerts in rows}
    missing = pressed - stored.keys()
    assert not missing, f"{len(missing)} presses were told stored and are not: {sorted(missing)[:3]}"
    wrong = {press: stored[press] for press in pressed if stored[press] != (1, 1)}
    assert not wrong, f"presses that are not one event in one alert (events, alerts): {wrong}"

    person = system.sign_in("city-1")
    with contextlib.closing(person.http):
        shown = Counter(event for events in alerts_by_api(person).values() for event in events)
    assert {event_id: shown[event_id] for _, event_id in pressed if shown[event_id] != 1} == {}
    # Those that rules raised, on readings or on devices that fell silent meanwhile, hold no event.
    counted = system.sql(
        "SELECT a.id, a.type, a.occurrences FROM alerts a WHERE rule_id IS NULL AND detail IS NULL"
        " AND occurrences <> (SELECT count(*) FROM alert_events WHERE alert_id = a.id)"
    )
    assert not counted, f"alerts that count other presses than they hold: {counted}"


def alerts_by_api(person: Person) -> dict[str, list[str]]:
    """The event_id of the events of every alert that the person reaches."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = person.get("/alerts", limit=200, **cursor)
        ids += [alert["id"] for alert in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(ids) == len(set(ids))
    details = {alert_id: person.get(f"/alerts/{alert_id}") for alert_id in ids}
    return {alert_id: [event["event_id"] for event in detail["events"]] for alert_id, detail in details.items()}


def redelivered(system: System, presses: Sequence[Press]) -> int:
    """How often the broker brought a stored press again: its gateway died between commit and acknowledgement."""
    sends = {(press.device_id, press.event_id): press.sends for press in presses}
    rows = system.sql("SELECT device_id, event_id, repeats FROM events WHERE repeats > 0")
    return sum(max(0, repeats + 1 - sends.get((device_id, event_id), 0)) for device_id, event_id, repeats in rows)


def lateness(presses: Sequence[Press]) -> str:
    seconds = sorted(press.stored_after or 0.0 for press in presses)
    at = [seconds[min(len(seconds) - 1, len(seconds) * percent // 100)] for percent in (50, 99)]
    return f"press to `stored`: p50 {at[0]:.3f} s, p99 {at[1]:.3f} s, longest {seconds[-1]:.1f} s"
