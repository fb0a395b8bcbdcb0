"""`make bench BENCH=rescue`: from the press to three screens and four telephones, with every station watched by two.

    make bench BENCH=rescue             # 500 stations, 20 presses a second for 60 s, 500 at once
    make bench BENCH=rescue ARGS="--stations 20 --seconds 5 --burst 40 --rates 40,80"

Each alert is on the two screens of its station and on one of the street above, with which every alert is shared here
(by a trigger of this bench, where a policy would). Each elder has four caregivers with a browser each: the built-in
policy has them told at the raise, by Web Push. First presses come at a steady rate, then as many as the burst has all
at once, then at each of the higher rates, until neither screens nor pushes keep up: there it saturates.

The clock runs from the publish of a press to the frame of its alert, of which the last of the three screens counts,
and to each push at its service (tests/load/telephones.py). People open theirs after ten seconds, by one statement a
second here: else every station would be told that nobody did. Prints one line of JSON.

Screens, presses and telephones are made by this bench, on the same cores: what they take is told as well.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
from websockets.asyncio.client import connect

from services.broker.accounts import BENCH
from tests.load.measuring import durability, fsync_milliseconds, machine, percentiles, report
from tests.load.rescue_judge import PARTS, SCREENS_OF_AN_ALERT, Family, judged, judged_parts, judged_pushes, kept_up
from tests.load.rescue_people import CAREGIVERS, opening, people
from tests.load.telephones import Telephones, alone, telephones
from tests.parts.broker import Broker
from tests.parts.postgres import TEMPLATE, PostgresServer, make_template
from tests.parts.system import System, live_address

STEP_SECONDS = 10
LOST_AFTER_SECONDS = 60
_SENDERS = 4

#: Between two stretches: nothing of the one before rings or climbs in the next.
_SETTLE = (
    "DELETE FROM alert_timers",
    "UPDATE alerts SET state = 'cancelled' WHERE state = 'triggered'",
    "UPDATE notices SET ended_at = clock_timestamp(), ended = 'over' WHERE ended_at IS NULL",
)


class Screens:
    """All screens, and when each was given the first frame of each press."""

    def __init__(self, system: System, token: str, organizations: Iterable[str]) -> None:
        self._system, self._token, self._organizations = system, token, list(organizations)
        self.shown: dict[str, list[float]] = defaultdict(list)
        self.open = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Screens":
        gate = asyncio.Semaphore(20)
        self._tasks = [asyncio.create_task(self._screen(one, gate)) for one in self._organizations]
        while self.open < len(self._organizations):
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _screen(self, organization_id: str, gate: asyncio.Semaphore) -> None:
        seen: set[str] = set()
        async with AsyncExitStack() as opened:
            async with gate:
                address = live_address(self._system.url, organization_id)
                options: dict[str, Any] = {"max_size": None, "compression": None, "open_timeout": 60}
                socket = await opened.enter_async_context(connect(address, **options))
                await socket.send(json.dumps({"type": "hello", "token": self._token, "after": 0}))
                await socket.recv()
                self.open += 1
            async for text in socket:
                at = time.perf_counter()
                frame = json.loads(text)
                if frame["type"] == "alert":
                    event_id = frame["alert"]["event_id"]
                    if event_id not in seen:
                        seen.add(event_id)
                        self.shown[event_id].append(at)
                elif frame["type"] == "heartbeat":
                    await socket.send('{"type":"alive"}')


async def press(
    broker: Broker, devices: Sequence[str], rate: float | None, screens: Screens, phones: Telephones
) -> dict[str, float]:
    """Each device presses once, at a rate or all at once; when each press was published. Returns when all are shown on
    all their screens and told to all their people, or too late."""
    told = phones.count + CAREGIVERS * len(devices)
    pressed: dict[str, float] = {}
    account = {"username": BENCH, "password": broker.passwords[BENCH]}
    async with AsyncExitStack() as connections:
        clients = [
            await connections.enter_async_context(aiomqtt.Client(broker.host, broker.port, **account))
            for _ in range(_SENDERS)
        ]

        async def one(number: int, device_id: str) -> None:
            event = {"event_id": device_id, "type": "sos", "ts": datetime.now(UTC).isoformat(), "seq": number}
            pressed[device_id] = time.perf_counter()
            await clients[number % _SENDERS].publish(f"anhu/v1/{device_id}/up/events", json.dumps(event), qos=1)

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number, device_id in enumerate(devices):
                if rate is not None:
                    await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
                tasks.create_task(one(number, device_id))
        deadline = time.perf_counter() + LOST_AFTER_SECONDS
        while time.perf_counter() < deadline and (
            phones.count < told or any(len(screens.shown[name]) < SCREENS_OF_AN_ALERT for name in pressed)
        ):
            await asyncio.sleep(0.05)
    return pressed


async def measure(
    system: System,
    broker: Broker,
    postgres: PostgresServer,
    phones: Telephones,
    subscriptions: Sequence[dict[str, Any]],
    arguments: argparse.Namespace,
    rates: list[float],
    directory: Path,
) -> dict[str, Any]:
    by_tier = defaultdict(list)
    for one in system.seeded.organizations:
        by_tier[one["tier"]].append(str(one["id"]))
    devices = iter(f"rescue-{number}" for number in range(1, 10**9))
    family = Family(system, postgres, phones)

    def take(count: int) -> list[str]:
        return [next(devices) for _ in range(count)]

    async def stretch(count: int, rate: float | None) -> dict[str, Any]:
        for statement in _SETTLE:
            system.sql(statement)
        screens.shown.clear()
        before, begun = family.processor(), time.perf_counter()
        pressed = await press(broker, take(count), rate, screens, phones)
        seconds = time.perf_counter() - begun
        cores = {name: round((used - before[name]) / seconds, 2) for name, used in family.processor().items()}
        events = {one.hex: name for one, name in system.sql("SELECT id, event_id FROM alerts")}
        pushes = judged_pushes(pressed, phones.take(), events) | judged_parts(system.sql(PARTS, list(pressed)))
        return judged(pressed, screens.shown) | {"pushes": pushes, "cores": cores}

    token = system.sign_in().tokens["access_token"]
    watched = [*by_tier["community"], *by_tier["community"], *by_tier["street"]]
    async with Screens(system, token, watched) as screens, opening(system.database_url):
        fsync = fsync_milliseconds(directory)
        idle = family.memory()
        used = family.processor()["telephones"]
        floor = await alone(subscriptions[: CAREGIVERS * arguments.burst])
        floor["telephones_cpu_ms"] = round((family.processor()["telephones"] - used) / floor["pushes"] * 1000, 2)
        phones.take()
        steady = await stretch(int(arguments.rate * arguments.seconds), arguments.rate)
        burst = await stretch(arguments.burst, None)
        steps = []
        for rate in rates:
            steps.append({"rate": rate} | await stretch(int(rate * STEP_SECONDS), rate))
            if not any(kept_up(steps[-1])):
                break
        busy = family.memory()
    best = [max((one["rate"] for one in steps if kept_up(one)[place]), default=None) for place in range(2)]
    return {
        "bench": "rescue",
        "stations": arguments.stations,
        "screens": len(watched),
        "screens_of_an_alert": SCREENS_OF_AN_ALERT,
        "subscriptions_of_an_alert": CAREGIVERS,
        "steady": {"rate": arguments.rate, "seconds": arguments.seconds} | steady,
        "burst": burst,
        "steps": steps,
        "kept_up_with_per_second": {"screens": best[0], "pushes": best[1]},
        "push_service_alone": floor,
        "wrong_at_the_push_service": phones.wrong()[:3],
        "memory_mb": {"before": idle, "after": busy},
        "fsync_ms": percentiles(fsync),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=500)
    parser.add_argument("--rate", type=float, default=20.0, help="presses a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--burst", type=int, default=500, help="presses at once")
    parser.add_argument("--rates", default="40,80,160,320", help=f"tried for {STEP_SECONDS} s each; empty: none")
    arguments = parser.parse_args()
    rates = [float(one) for one in arguments.rates.split(",") if one]
    presses = int(arguments.rate * arguments.seconds) + arguments.burst + int(sum(rates) * STEP_SECONDS)
    before = machine()
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="anhu-bench-")))
        phones = opened.enter_context(telephones())
        subscriptions = phones.subscribe(CAREGIVERS * presses)
        postgres = PostgresServer(directory / "postgres", {"max_connections": "100"})
        opened.callback(postgres.stop)
        postgres.start()
        broker = Broker(directory / "broker", bench_rights=("write anhu/v1/+/up/#", "read anhu/v1/+/down/#"))
        opened.callback(broker.stop)
        broker.start()
        make_template(postgres.url())
        url = postgres.url(TEMPLATE)
        system = System(directory / "system", url, broker, people(url, arguments, presses, subscriptions))
        # Links as in production; the telephones are on this machine.
        system.environment |= {"ANHU_PUBLIC_URL": system.url, "ANHU_CHANNELS_MAY_BE_LOCAL": "true"}
        opened.callback(system.stop)
        system.start()
        system.wait_until_ready()
        line = asyncio.run(measure(system, broker, postgres, phones, subscriptions, arguments, rates, directory))
        report(line | {"durability": durability(url)} | before)


if __name__ == "__main__":
    main()
