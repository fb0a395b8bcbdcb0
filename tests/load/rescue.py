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
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import psutil
import psycopg
from psycopg import AsyncConnection
from uuid_utils.compat import uuid7
from websockets.asyncio.client import connect

from alerts.channels.targets import read_target
from services.broker.accounts import BENCH
from services.demo.seed import Seeded
from services.registry.passwords import hash_password
from tests.load.measuring import durability, fsync_milliseconds, machine, percentiles, report
from tests.load.telephones import Push, Telephones, alone, telephones
from tests.parts.broker import Broker
from tests.parts.postgres import TEMPLATE, PostgresServer, make_template
from tests.parts.system import System, live_address

PASSWORD = "only of this bench"
SCREENS_OF_AN_ALERT = 3
CAREGIVERS = 4
STATIONS_OF_A_STREET = 20
STEP_SECONDS = 10
LOST_AFTER_SECONDS = 60
#: A rate is kept up when the last screen, or the push service, has 99 in 100 within so long.
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
    "INSERT INTO accounts (id, username, password_hash, name, role)"
    " SELECT gen_random_uuid(), 'family ' || n, '', 'invented', 'caregiver'"
    " FROM generate_series(1, %(presses)s * %(caregivers)s) n",
    "INSERT INTO account_elders SELECT a.id, e.id"
    " FROM (SELECT id, row_number() OVER () - 1 AS n FROM accounts WHERE role = 'caregiver') a"
    " JOIN (SELECT id, row_number() OVER () - 1 AS n FROM elders) e ON e.n = a.n / %(caregivers)s",
    "INSERT INTO consents (elder_id, purpose, text, recorded_by)"
    " SELECT id, 'family_alerts', 'invented', 'bench' FROM elders",
    # What a policy would do: the street has it too, in the same commit.
    "CREATE FUNCTION bench_share() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO alert_routes SELECT NEW.alert_id, parent_id, 'shared', NEW.since"
    " FROM organizations WHERE id = NEW.organization_id; RETURN NULL; END $$",
    "CREATE TRIGGER bench_share AFTER INSERT ON alert_routes FOR EACH ROW WHEN (NEW.reason = 'home')"
    " EXECUTE FUNCTION bench_share()",
    "ANALYZE",
)
_CHANNEL = "COPY channels (id, account_id, kind, label, position, target, service, fingerprint) FROM STDIN"
#: As links do that are opened (alerts/open_notice.py), of all that was handed over ten seconds ago.
_OPEN = """
WITH opened AS (
    UPDATE notices n SET opened_at = clock_timestamp(), next_at = least(next_at, clock_timestamp())
    FROM delivery_attempts t WHERE t.notice_id = n.id AND n.ended_at IS NULL AND n.opened_at IS NULL
    AND t.outcome = 'accepted' AND t.started_at > clock_timestamp() - interval '60 seconds'
    AND t.ended_at < clock_timestamp() - interval '10 seconds' RETURNING n.id
)
SELECT pg_notify('anhu_notices', '') FROM opened LIMIT 1
"""
#: Where the time of a push goes, by what the database was told.
_PARTS = """
SELECT extract(epoch FROM a.raised_at - a.received_at)::float * 1000,
       extract(epoch FROM n.asked_at - a.raised_at)::float * 1000,
       extract(epoch FROM t.started_at - n.asked_at)::float * 1000,
       extract(epoch FROM t.ended_at - t.started_at)::float * 1000
FROM alerts a JOIN notices n ON n.alert_id = a.id JOIN delivery_attempts t ON t.notice_id = n.id
WHERE a.event_id = ANY(%s) AND n.why = 'caregiver' AND t.ended_at IS NOT NULL
"""
_PART_NAMES = ("stored_to_raised_ms", "raised_to_asked_ms", "asked_to_claimed_ms", "claimed_to_recorded_ms")
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


def judged_pushes(pressed: dict[str, float], pushes: Sequence[Push], events: Mapping[str, str]) -> dict[str, Any]:
    """To each push, and to the last of a press. `events`: the press of each alert, by the alert's id in hex."""
    first: dict[str, Push] = {}
    for one in pushes:
        first.setdefault(one.key, one)
    ours = [(events[one.tag], one.at) for one in first.values() if events.get(one.tag) in pressed]
    expected = CAREGIVERS * len(pressed)
    result: dict[str, Any] = {"pushes": expected, "lost": expected - len(ours), "doubled": len(pushes) - len(first)}
    if not ours:
        return result
    times: dict[str, list[float]] = defaultdict(list)
    for name, at in ours:
        times[name].append((at - pressed[name]) * 1000)
    span = max(at for _, at in ours) - min(pressed.values())
    return result | {
        "to_a_push_ms": percentiles([one for taken in times.values() for one in taken]),
        "to_the_fourth_push_ms": percentiles([max(one) for one in times.values() if len(one) >= CAREGIVERS] or [0.0]),
        "handed_over_per_second": round(len(ours) / span, 1),
    }


def kept_up(step: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the screens did, and whether the pushes did."""
    pushes = step["pushes"]
    return (
        not step["not_on_all_screens"] and step["to_the_third_screen_ms"]["p99"] <= KEPT_UP_MS,
        not pushes["lost"] and pushes["to_the_fourth_push_ms"]["p99"] <= KEPT_UP_MS,
    )


class Family:
    """Our processes by what they are, with the bench's own: what each takes."""

    def __init__(self, system: System, postgres: PostgresServer, people: Telephones) -> None:
        rows = system.sql("SELECT kind, pid FROM workers")
        started = {name: process.pid for name, process in system.processes.items()}
        self._pids = started | dict(rows) | {"telephones": people.pid, "this_bench": psutil.Process().pid}
        self._database = psutil.Process(postgres.pid)

    def memory(self) -> dict[str, int]:
        """Resident megabytes; forks of one process share the pages of what it had imported."""
        return {name: round(psutil.Process(pid).memory_info().rss / 2**20) for name, pid in self._pids.items()}

    def processor(self) -> dict[str, float]:
        """Seconds since each began."""
        found = {name: psutil.Process(pid).cpu_times()[:2] for name, pid in self._pids.items()}
        database = [self._database, *self._database.children(recursive=True)]
        return {name: sum(one) for name, one in found.items()} | {
            "database": sum(sum(one.cpu_times()[:2]) for one in database)
        }


@asynccontextmanager
async def opening(url: str) -> AsyncIterator[None]:
    """While it lasts people open what they were sent."""

    async def run() -> None:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                await connection.execute(_OPEN)
                await asyncio.sleep(1)

    task = asyncio.create_task(run())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def people(url: str, arguments: argparse.Namespace, presses: int, subscriptions: Sequence[dict[str, Any]]) -> Seeded:
    streets = max(1, arguments.stations // STATIONS_OF_A_STREET)
    values = {
        "streets": streets,
        "stations": arguments.stations,
        "presses": presses,
        "caregivers": CAREGIVERS,
        "hash": hash_password(PASSWORD),
    }
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _MAKE:
            connection.execute(statement, values)
        caregivers = connection.execute("SELECT id FROM accounts WHERE role = 'caregiver'").fetchall()
        with connection.cursor().copy(_CHANNEL) as copy:
            for (account,), given in zip(caregivers, subscriptions, strict=True):
                target = read_target("web_push", given, local=True)
                shown = (json.dumps(dict(target.value)), target.service, target.fingerprint)
                copy.write_row((uuid7(), account, "web_push", "bench", 0, *shown))
        connection.execute("ANALYZE channels")
        rows = connection.execute("SELECT id::text, name, tier, parent_id::text FROM organizations").fetchall()
    organizations = [dict(zip(("id", "name", "tier", "parent_id"), row, strict=True)) for row in rows]
    account = {"username": "bench", "password": PASSWORD, "role": "operator", "organization_id": organizations[0]["id"]}
    return Seeded(organizations[0]["id"], account, organizations, [account], [])


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
        names = list(pressed)
        events = {one.hex: name for one, name in system.sql("SELECT id, event_id FROM alerts")}
        parts = system.sql(_PARTS, names)
        pushes = judged_pushes(pressed, phones.take(), events)
        if parts:
            pushes["parts"] = {
                name: percentiles([row[place] for row in parts]) for place, name in enumerate(_PART_NAMES)
            }
        return judged(pressed, screens) | {"pushes": pushes, "cores": cores}

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
