"""`make bench BENCH=day`: a day of ten thousand elders' devices, minute by minute, as fast as it goes.

`simulators/day` makes the day and its truth from a seed, in a process of its own. Each 15 s of the day what the devices
said is stored by the gateway's lanes, with their marks; events are taken in, timers act, operators answer; whoever is
marked is looked at, and devices that fall silent are looked for. All by the code of the system on a real PostgreSQL,
one after the other in one process. The database's clock is the day's (`day_clock.py`), so that durations, timers and
silences are the day's as well; only what gateways do by their own steady clock is the real time's.

The truth is read when the day is over. Prints lines of JSON: what was said, what it cost, what was told, and what of it
was true. `--truth FILE` keeps the truth.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import AsyncConnection

from alerts import compile_limits
from alerts.built_in_rules import store_built_in
from alerts.devices import Rounds, look_after_devices
from alerts.domain.alert import Actor
from alerts.domain.transitions import Acknowledge, Resolve
from alerts.due import mark_due
from alerts.move import move_alert
from alerts.rulebook import RuleBook
from alerts.sift import look_at_some
from alerts.take_in import take_in_next
from alerts.timers import act_on_next_timer, make_next_plan
from gateway.event_lane import EventLane
from gateway.limits import Limits
from gateway.message import Message
from gateway.telemetry_lane import TelemetryLane
from services.storage.migrate import migrate
from simulators.day.town import Setting, Town
from simulators.devices.model import moment
from tests.load.day_clock import OPTIONS, make_clock, set_clock
from tests.load.day_judge import Happened, Raised, judge
from tests.load.day_people import OPERATOR, baselines, settle
from tests.load.measuring import durability, machine, report
from tests.parts.postgres import PostgresServer, fresh_database

STEP = timedelta(seconds=15)
#: s: a step of a large fleet takes some seconds to make at first; whoever died makes none.
GENERATED_WITHIN = 300.0
#: As `anhu alerts` and gateways do it, or as near as the step is: see docs/benchmarks.md.
SWEEP_EVERY = 4
BATCH = TelemetryLane.batch
#: Operators answer after so long, and have done what was to be done so long after that. An outage of an area stays
#: open: closed while it lasts, each of its devices would have an alert of its own.
ANSWERED, DONE = timedelta(seconds=30), timedelta(minutes=15)
#: The hour whose messages are stored again with limits and without; of a shorter day, the last whole one.
PEER_HOUR = 10
#: Nothing of this is about durability: commits are not waited for.
SERVER = {"max_connections": "20", "max_wal_size": "4GB", "fsync": "off", "synchronous_commit": "off"}
_WAITING = """
SELECT id, state, occurrences FROM alerts
WHERE severity <> 'blue' AND type <> 'area.outage'
  AND (state = 'triggered' AND raised_at <= %s OR state = 'acknowledged' AND last_move_at <= %s)
"""
_ALERTS = """
SELECT a.type, a.severity, e.name, o.name, a.raised_at, a.state FROM alerts a
JOIN organizations o ON o.id = a.organization_id LEFT JOIN elders e ON e.id = a.elder_id ORDER BY a.raised_at
"""

Told = tuple[str, str, bytes]


class Nobody:
    def acknowledge(self, messages: Sequence[Message]) -> None: ...


class Meter:
    """CPU seconds of this thread, by what it was doing."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.wall: dict[str, float] = {}
        self._at, self._clock = time.thread_time(), time.perf_counter()

    def spent(self, on: str | None, count: int = 0) -> None:
        """All since the last call."""
        now, clock = time.thread_time(), time.perf_counter()
        if on is not None:
            self.wall[on] = self.wall.get(on, 0.0) + clock - self._clock
            self.seconds[on] = self.seconds.get(on, 0.0) + now - self._at
            self.counts[on] = self.counts.get(on, 0) + count
        self._at, self._clock = now, clock


def tell(setting: Setting, queue: "Queue[tuple[datetime, list[Told]] | None]", truth: Path) -> None:
    """In a process of its own: the day's messages, step by step. The truth goes into a file."""
    town = Town(setting)
    town.write_truth(truth)
    for end, said in town.said(STEP):
        queue.put((end, [(one.device_id, one.leaf, one.payload) for one in said]))
    queue.put(None)


class Day:
    def __init__(self, url: str, setting: Setting, arguments: argparse.Namespace) -> None:
        self.url, self.setting, self.arguments = url, setting, arguments
        self.meter = Meter()
        self.limits = Limits(url)
        self.lane, self.events = TelemetryLane(url, limits=self.limits), EventLane(url)
        self.book, self.rounds = RuleBook(), Rounds()
        self.peer_hour = min(PEER_HOUR, max(0, int(arguments.hours) - 1))
        self.readings = 0
        self.remembered: list[list[Message]] = []

    async def run(self, queue: "Queue[tuple[datetime, list[Told]] | None]") -> None:
        self.begin = moment(self.setting.on, 0)
        async with (
            await AsyncConnection.connect(self.url, autocommit=True, options=OPTIONS) as alerts,
            await AsyncConnection.connect(self.url, autocommit=True, options=OPTIONS) as rules,
            await AsyncConnection.connect(self.url, autocommit=True, options=OPTIONS) as devices,
        ):
            with psycopg.connect(self.url, autocommit=True, options=OPTIONS) as gateway:
                sessions = {"gateway": gateway, "alerts": alerts, "rules": rules, "devices": devices}
                await set_clock(self.begin, [gateway], [alerts, rules, devices])
                self.lane.prepare(gateway)
                await store_built_in(rules)
                await compile_limits.begin(rules)
                self.operator = Actor(OPERATOR, "值班员（虚构）")
                while await compile_limits.compile_next(rules, self.book):
                    pass
                await look_after_devices(devices, self.rounds)
                await devices.execute(_HABITS)
                self.limits.load(gateway)
                before = _cpu_of(sessions)
                self.meter = Meter()
                number = 0
                while (told := await asyncio.to_thread(queue.get, True, GENERATED_WITHIN)) is not None:
                    self.meter.spent(None)
                    end, said = told
                    self._store(gateway, end, said)
                    await set_clock(end, [gateway], [alerts, rules, devices])
                    self.meter.spent(None)
                    await self._answer(alerts, end)
                    await self._rules(rules, number)
                    if number % SWEEP_EVERY == 0:
                        await self._devices(devices)
                    self.limits.load(gateway)
                    self.meter.spent("gateway: loads limits", 1)
                    number += 1
                    if number * STEP >= timedelta(hours=self.arguments.hours):
                        break
                    if self.arguments.progress and number % 240 == 0:
                        report({"hour": number // 240, "readings": self.readings, **self.meter.counts})
                after = _cpu_of(sessions)
                self.server_cpu = {name: round(after[name] - before[name], 1) for name in after}
                self.peers = self._peers(gateway)

    def _store(self, gateway: psycopg.Connection[Any], end: datetime, said: Sequence[Told]) -> None:
        messages = [Message(f"anhu/v1/{name}/{leaf}", body, end, Nobody(), 0, 0) for name, leaf, body in said]
        telemetry = [message for message in messages if message.topic.endswith("readings")]
        events = [message for message in messages if not message.topic.endswith("readings")]
        if (end - self.begin - STEP) // timedelta(hours=1) == self.peer_hour:
            self.remembered.append(telemetry)
        # By the day's clock each of them was heard longer than half a minute ago.
        self.lane._seen_at.clear()
        self.meter.spent(None)
        for batch in _batches(telemetry):
            self.lane.store(gateway, batch)
        self.readings += len(telemetry)
        self.meter.spent("gateway: readings", len(telemetry))
        if events:
            self.events.store(gateway, events)
        self.meter.spent("gateway: events", len(events))

    async def _answer(self, connection: AsyncConnection[Any], now: datetime) -> None:
        taken = acted = moved = 0
        while await _done(take_in_next(connection)):
            taken += 1
        self.meter.spent("alerts: takes in", taken)
        while await _done(act_on_next_timer(connection)) or await _done(make_next_plan(connection)):
            acted += 1
        self.meter.spent("alerts: timers", acted)
        waiting = await (await connection.execute(_WAITING, (now - ANSWERED, now - DONE))).fetchall()
        for alert_id, state, occurrences in waiting:
            move = Acknowledge(occurrences=occurrences) if state == "triggered" else Resolve("assisted")
            await move_alert(connection, alert_id, move, self.operator)
            moved += 1
        self.meter.spent("operators", moved)

    async def _rules(self, connection: AsyncConnection[Any], number: int) -> None:
        while await compile_limits.compile_next(connection, self.book):
            pass
        self.meter.spent("rules: compile limits", 1)
        swept = await compile_limits.sweep(connection) if number % SWEEP_EVERY == 0 else 0
        await mark_due(connection)
        self.meter.spent("rules: sweep", swept)
        looks = 0
        while (looked := await look_at_some(connection, self.book))[0]:
            assert not looked[1], looked
            looks += looked[0]
        self.meter.spent("rules: looks", looks)

    async def _devices(self, connection: AsyncConnection[Any]) -> None:
        # Looked for once a minute, and not each 5 s: that is no time in which nobody looked.
        await connection.execute("UPDATE gateway_slots SET heard_at = clock_timestamp()")
        await connection.execute("UPDATE hearing SET looked_at = clock_timestamp()")
        turn = await look_after_devices(connection, self.rounds)
        self.meter.spent("devices", turn.alerts)

    def _peers(self, gateway: psycopg.Connection[Any]) -> dict[str, Any]:
        """CPU of storing the same hour again, with limits loaded and without, in turns; µs a reading."""
        with_limits, without = self.limits.of, dict[int, Any]()
        readings = sum(map(len, self.remembered))
        taken: dict[str, list[float]] = {"with": [], "without": []}
        for _ in range(self.arguments.peer_rounds):
            for name, limits in (("with", with_limits), ("without", without)):
                gateway.execute("TRUNCATE readings, rule_checks")
                self.limits.of = limits
                gc.collect()
                begun = time.thread_time()
                for messages in self.remembered:
                    self.lane._seen_at.clear()
                    for batch in _batches(messages):
                        self.lane.store(gateway, batch)
                taken[name].append((time.thread_time() - begun) / max(1, readings) * 1e6)
        return {"readings": readings} | {name: [round(one, 2) for one in runs] for name, runs in taken.items()}


_HABITS = """
UPDATE device_expectations e SET usual = h.usual, learned_from = 200, silent_after = 3 * h.usual, will_wait = h.usual
FROM devices d JOIN (VALUES ('wristband', interval '5 minutes'), ('bed_sensor', interval '1 minute')) AS h (kind, usual)
  USING (kind) WHERE d.key = e.device_key
"""


async def _done(doing: Any) -> bool:
    done = await doing
    assert isinstance(done, bool), done
    return done


def _batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    for first in range(0, len(messages), BATCH):
        yield list(messages[first : first + BATCH])


def _cpu_of(sessions: dict[str, Any]) -> dict[str, float]:
    """CPU seconds of each session's server process."""
    found = {}
    for name, connection in sessions.items():
        times = psutil.Process(connection.info.backend_pid).cpu_times()
        found[name] = times.user + times.system
    return found


def evaluation(day: Day) -> dict[str, Any]:
    """CPU of what rules cost, against the gateway's own for the same readings."""
    seconds = day.meter.seconds
    gateway = seconds["gateway: readings"] + seconds["gateway: events"]
    with_limits, without = (statistics.median(day.peers[name]) for name in ("with", "without"))
    looks = sum(seconds[name] for name in seconds if name.startswith("rules: "))
    marking = (with_limits - without) * day.readings / 1e6
    return {
        "gateway_seconds": round(gateway, 1),
        "gateway_without_limits_us": without,
        "gateway_with_limits_us": with_limits,
        "marking_share": round(with_limits / without - 1, 3),
        "looks_share": round(looks / gateway, 3),
        "evaluation_share": round((looks + max(0.0, marking)) / (gateway - max(0.0, marking)), 3),
    }


def run(arguments: argparse.Namespace) -> None:
    setting = Setting(
        arguments.elders, arguments.on, arguments.seed, timedelta(minutes=arguments.minutes),
        breath=arguments.breath, at_station=arguments.at_station,
    )  # fmt: skip
    before = machine()
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name, ExitStack() as opened:
        directory = Path(name)
        truth = arguments.truth or directory / "truth.jsonl"
        server = PostgresServer(directory / "postgres", SERVER)
        server.start()
        opened.callback(server.stop)
        url = opened.enter_context(fresh_database(server.url(), template=None))
        migrate(url)
        make_clock(url)
        usual = baselines(setting) if arguments.baselines else []
        asyncio.run(settle(url, setting, usual))
        context = multiprocessing.get_context("spawn")
        queue: Queue[tuple[datetime, list[Told]] | None] = context.Queue(maxsize=60)
        telling = context.Process(target=tell, args=(setting, queue, truth), daemon=True)
        telling.start()
        day = Day(url, setting, arguments)
        begun = time.perf_counter()
        asyncio.run(day.run(queue))
        seconds = round(time.perf_counter() - begun)
        telling.kill()
        telling.join()
        with psycopg.connect(url) as connection:
            rows = connection.execute(_ALERTS).fetchall()
            left = {
                "quarantined": connection.execute("SELECT count(*) FROM quarantine").fetchone()[0],  # type: ignore[index]
                "late_looks": connection.execute("SELECT count(*) FROM rule_checks").fetchone()[0],  # type: ignore[index]
            }
        said = {"elders": arguments.elders, "hours": arguments.hours, "seed": arguments.seed, "readings": day.readings}
        said |= {"with_own_baselines": len({one[0] for one in usual}), "seconds": seconds}
        report({"bench": "day", "part": "said"} | said | left)
        spent = {
            "cpu_seconds": {name: round(spent, 2) for name, spent in day.meter.seconds.items()},
            "wall_seconds": {name: round(spent, 1) for name, spent in day.meter.wall.items()},
            "counts": day.meter.counts,
            "marked": day.limits.marked,
            "server_cpu_seconds": day.server_cpu,
            "peer_us": day.peers,
        }
        report({"bench": "day", "part": "cost"} | evaluation(day) | spent | {"durability": durability(url)} | before)
        known = [Happened.of(json.loads(line)) for line in truth.read_text("utf-8").splitlines()]
        known = [one for one in known if one.begin < day.begin + timedelta(hours=arguments.hours)]
        raised = [
            Raised(kind, severity, elder, int(station.rsplit("-", 1)[1]) if "-" in station else -1, at, state)
            for kind, severity, elder, station, at, state in rows
        ]
        for part, found in judge(raised, known, day.begin).items():
            report({"bench": "day", "part": part, **found})


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elders", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=5.0, help="from one reading of a wristband to the next")
    parser.add_argument("--breath", action="store_true", help="wristbands tell the respiratory rate")
    parser.add_argument("--hours", type=float, default=24.0, help="of the day, from its midnight")
    parser.add_argument("--at-station", type=int, default=400, help="elders of one community station")
    parser.add_argument("--on", type=date.fromisoformat, default=date(2026, 11, 21), help="the day, in China")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer-rounds", type=int, default=3)
    parser.add_argument("--no-baselines", dest="baselines", action="store_false", help="no usual values are known")
    parser.add_argument("--truth", type=Path, help="where to keep what really happened, as lines of JSON")
    parser.add_argument("--progress", action="store_true", help="a line an hour of the day")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(parse())
