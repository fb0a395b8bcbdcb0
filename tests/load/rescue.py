"""`make bench BENCH=rescue`: from the press to three screens, with every station watched by two.

    make bench BENCH=rescue             # 500 stations, 20 presses a second for 60 s, 500 at once
    make bench BENCH=rescue ARGS="--stations 20 --seconds 5 --burst 40 --rates 40,80"

Each alert is on the two screens of its station and on one of the street above, with which every alert is shared here
(by a trigger of this bench, where a policy would). First presses come at a steady rate, then as many as the burst has
all at once, then at each of the higher rates, until screens no longer keep up: there it saturates. The clock runs from
the publish of a press to the frame of its alert, and the last of the three screens counts. Prints one line of JSON.

Screens and presses are made by this process, on the same cores: what it takes itself is told as well.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import psutil
import psycopg
from websockets.asyncio.client import connect

from services.broker.accounts import BENCH
from services.demo.seed import Seeded
from services.registry.passwords import hash_password
from tests.load.measuring import durability, fsync_milliseconds, machine, percentiles, report
from tests.parts.broker import Broker
from tests.parts.postgres import TEMPLATE, PostgresServer, make_template
from tests.parts.system import System, live_address

PASSWORD = "only of this bench"
SCREENS_OF_AN_ALERT = 3
STATIONS_OF_A_STREET = 20
STEP_SECONDS = 10
LOST_AFTER_SECONDS = 60
#: A rate is kept up when the last screen has 99 in 100 within so long.
KEPT_UP_MS = 1000
_SENDERS = 4

_MAKE = (
    "INSERT INTO organizations (id, tier, name) VALUES (gen_random_uuid(), 'city', 'city')",
    "INSERT INTO organizations (id, parent_id, tier, name) SELECT gen_random_uuid(), id, 'street', 'street ' || n"
    " FROM organizations, generate_series(1, %(streets)s) n",
    "INSERT INTO organizations (id, parent_id, tier, name) SELECT gen_random_uuid(), o.id, 'community', 'station ' || n"
    " FROM generate_series(1, %(stations)s) n JOIN organizations o ON o.name = 'street ' || 1 + n %% %(streets)s",
    "CREATE TEMP TABLE home AS SELECT id, row_number() OVER () - 1 AS n FROM organizations WHERE tier = 'community'",
    "INSERT INTO elders (id, organization_id, name, address) SELECT gen_random_uuid(), h.id, 'invented', 'nowhere'"
    " FROM generate_series(1, %(presses)s) d JOIN home h ON h.n = d %% %(stations)s",
    "INSERT INTO devices (device_id, kind, organization_id, elder_id)"
    " SELECT 'rescue-' || row_number() OVER (), 'emergency_button', organization_id, id FROM elders",
    "INSERT INTO accounts (id, username, password_hash, name, role)"
    " VALUES (gen_random_uuid(), 'bench', %(hash)s, 'bench', 'operator')",
    "INSERT INTO account_organizations SELECT a.id, o.id FROM accounts a, organizations o WHERE o.tier = 'city'",
    # What a policy would do: the street has it too, in the same commit.
    "CREATE FUNCTION bench_share() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO alert_routes SELECT NEW.alert_id, parent_id, 'shared', NEW.since"
    " FROM organizations WHERE id = NEW.organization_id; RETURN NULL; END $$",
    "CREATE TRIGGER bench_share AFTER INSERT ON alert_routes FOR EACH ROW WHEN (NEW.reason = 'home')"
    " EXECUTE FUNCTION bench_share()",
    "ANALYZE",
)
#: Between two stretches: nothing of the one before rings or climbs in the next.
_SETTLE = ("DELETE FROM alert_timers", "UPDATE alerts SET state = 'cancelled' WHERE state = 'triggered'")


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


async def press(broker: Broker, devices: Sequence[str], rate: float | None, screens: Screens) -> dict[str, float]:
    """Each device presses once, at a rate or all at once; when each press was published. Returns when all are shown on
    all their screens, or too late."""
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
        while time.perf_counter() < deadline and any(
            len(screens.shown[name]) < SCREENS_OF_AN_ALERT for name in pressed
        ):
            await asyncio.sleep(0.05)
    return pressed


def judged(pressed: dict[str, float], screens: Screens) -> dict[str, Any]:
    """To the first and to the last of its three screens, and how fast they were served."""
    complete = {name: at for name, at in pressed.items() if len(screens.shown[name]) >= SCREENS_OF_AN_ALERT}
    result: dict[str, Any] = {"presses": len(pressed), "not_on_all_screens": len(pressed) - len(complete)}
    if not complete:
        return result
    first = [(min(screens.shown[name]) - at) * 1000 for name, at in complete.items()]
    last = [(max(screens.shown[name][:SCREENS_OF_AN_ALERT]) - at) * 1000 for name, at in complete.items()]
    span = max(max(screens.shown[name]) for name in complete) - min(complete.values())
    return result | {
        "to_the_first_screen_ms": percentiles(first),
        "to_the_third_screen_ms": percentiles(last),
        "served_per_second": round(len(complete) / span, 1),
    }


def memory(system: System) -> dict[str, int]:
    """Resident megabytes of each kind of process, with its children, and of this one."""
    found = {}
    for name, process in system.processes.items():
        family = psutil.Process(process.pid)
        members = [family, *family.children(recursive=True)]
        found[name] = round(sum(one.memory_info().rss for one in members) / 2**20)
    return found | {"this_bench": round(psutil.Process().memory_info().rss / 2**20)}


def people(url: str, arguments: argparse.Namespace, presses: int) -> Seeded:
    streets = max(1, arguments.stations // STATIONS_OF_A_STREET)
    values = {
        "streets": streets,
        "stations": arguments.stations,
        "presses": presses,
        "hash": hash_password(PASSWORD),
    }
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _MAKE:
            connection.execute(statement, values)
        rows = connection.execute("SELECT id::text, name, tier, parent_id::text FROM organizations").fetchall()
    organizations = [dict(zip(("id", "name", "tier", "parent_id"), row, strict=True)) for row in rows]
    account = {"username": "bench", "password": PASSWORD, "role": "operator", "organization_id": organizations[0]["id"]}
    return Seeded(organizations[0]["id"], account, organizations, [account], [])


async def measure(
    system: System, broker: Broker, arguments: argparse.Namespace, rates: list[float], directory: Path
) -> dict[str, Any]:
    by_tier = defaultdict(list)
    for one in system.seeded.organizations:
        by_tier[one["tier"]].append(str(one["id"]))
    devices = iter(f"rescue-{number}" for number in range(1, 10**9))

    def take(count: int) -> list[str]:
        return [next(devices) for _ in range(count)]

    async def stretch(count: int, rate: float | None) -> dict[str, Any]:
        for statement in _SETTLE:
            system.sql(statement)
        screens.shown.clear()
        return judged(await press(broker, take(count), rate, screens), screens)

    token = system.sign_in().tokens["access_token"]
    watched = [*by_tier["community"], *by_tier["community"], *by_tier["street"]]
    async with Screens(system, token, watched) as screens:
        fsync = fsync_milliseconds(directory)
        idle = memory(system)
        cpu = time.process_time()
        begun = time.perf_counter()
        steady = await stretch(int(arguments.rate * arguments.seconds), arguments.rate)
        own = (time.process_time() - cpu) / (time.perf_counter() - begun)
        burst = await stretch(arguments.burst, None)
        steps = []
        for rate in rates:
            step = {"rate": rate} | await stretch(int(rate * STEP_SECONDS), rate)
            steps.append(step)
            if step["not_on_all_screens"] or step["to_the_third_screen_ms"]["p99"] > KEPT_UP_MS:
                break
        busy = memory(system)
    kept_up = [
        one["rate"]
        for one in steps
        if not one["not_on_all_screens"] and one["to_the_third_screen_ms"]["p99"] <= KEPT_UP_MS
    ]
    return {
        "bench": "rescue",
        "stations": arguments.stations,
        "screens": len(watched),
        "screens_of_an_alert": SCREENS_OF_AN_ALERT,
        "steady": {"rate": arguments.rate, "seconds": arguments.seconds} | steady,
        "burst": burst,
        "steps": steps,
        "kept_up_with_per_second": max(kept_up, default=None),
        "memory_mb": {"before": idle, "after": busy},
        "cores_of_this_bench": round(own, 2),
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
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name:
        directory = Path(name)
        postgres = PostgresServer(directory / "postgres", {"max_connections": "100"})
        broker = Broker(directory / "broker", bench_rights=("write anhu/v1/+/up/#", "read anhu/v1/+/down/#"))
        postgres.start()
        broker.start()
        try:
            make_template(postgres.url())
            url = postgres.url(TEMPLATE)
            system = System(directory / "system", url, broker, people(url, arguments, presses))
            system.start()
            try:
                system.wait_until_ready()
                line = asyncio.run(measure(system, broker, arguments, rates, directory))
            finally:
                system.stop()
            report(line | {"durability": durability(url)} | before)
        finally:
            broker.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
