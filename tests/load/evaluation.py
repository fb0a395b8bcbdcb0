"""`make bench BENCH=evaluation`: what rules cost beside what a gateway takes, as they run: 10,000 wristbands that say a
reading a minute each, through a broker and a gateway, with `anhu alerts` beside it.

The people are those of `BENCH=day`, at the hour `--at` of their day, while the clock is the real one. What they
measured in the two hours before is filled in, and everybody was looked at once. Then the measuring begins: of each
process, and of each of the server's, what it took of a core, by the system's account. `--statements` says which
statements took most of the server.
"""

import argparse
import asyncio
import heapq
import multiprocessing
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import psutil
import psycopg
from psycopg import AsyncConnection

from alerts.built_in_rules import store_built_in
from alerts.domain.rules.baseline import OWN_LIMIT_FIELDS, baseline
from simulators import payloads
from simulators.day.town import Setting, Townsman
from simulators.day.worn import Worn
from simulators.devices.model import moment
from simulators.devices.seeded import draw
from tests.load.flood import Load, _length, _Link
from tests.load.ingest import Bench
from tests.load.measuring import durability, machine, report
from tests.parts.waiting import until

_NAMES = UUID("a17b0000-0000-4000-8000-0000000eea11")
#: More than the longest window of a built-in rule on measurements.
FILLED = timedelta(minutes=110)
STATIONS = 25
SERVER = {"max_connections": "100", "max_wal_size": "4GB", "shared_buffers": "512MB"}
STATEMENTS = {"log_min_duration_statement": "0", "log_line_prefix": "@@%a@@", "log_duration": "off"}

_SETTLE = (
    "CREATE TEMP TABLE home AS SELECT gen_random_uuid() AS id, n FROM generate_series(0, %(stations)s - 1) n",
    "INSERT INTO organizations (id, parent_id, tier, name)"
    " SELECT h.id, o.id, 'community', 'station ' || h.n FROM home h, organizations o WHERE o.parent_id IS NULL",
    "INSERT INTO elders (id, organization_id, name)"
    " SELECT w.id, h.id, w.name FROM who w JOIN home h ON h.n = w.number %% %(stations)s",
    "INSERT INTO devices (device_id, kind, organization_id, elder_id) SELECT 'bench-' || to_char(w.number, 'FM000000'),"
    " 'wristband', e.organization_id, e.id FROM who w JOIN elders e USING (id) ORDER BY w.number",
    "INSERT INTO elder_baselines (elder_id, field, median, spread, hours, made_at)"
    " SELECT id, field, median, spread, 336, now() FROM usual",
    # As though everybody had been looked at once: that is no part of what goes on.
    "INSERT INTO rule_subjects (elder_id, baselined_at, checked_at, together)"
    " SELECT id, now(), now(), '{body_temperature,heart_rate,spo2}' FROM who",
    "INSERT INTO elder_looks (elder_id, due_at, looked_at) SELECT id, 'infinity', now() FROM who",
    "INSERT INTO device_expectations (device_key, usual, learned_from, learn_at, silent_after, will_wait)"
    " SELECT key, '1 min', 200, now() + random() * interval '1 day', '3 min', '1 min' FROM devices"
    " WHERE elder_id IS NOT NULL",
)
# Around what is usual for each, as normal values; who is ill, walks or has apnoea is so from the beginning on.
_FILL = """
INSERT INTO readings (device_key, ts, seq, received_at, heart_rate, spo2, body_temperature, steps, worn, battery, rssi)
SELECT d.key, at.ts, 0, at.ts, u.heart_rate, u.spo2, 36.5, 0, true, 80, -70
FROM generate_series(now() - %(filled)s, now() - interval '1 second', interval '1 minute') t
CROSS JOIN devices d JOIN LATERAL (
    SELECT round(max(b.median) FILTER (WHERE b.field = 'heart_rate') + 6 * (random() - random())) AS heart_rate,
           round(max(b.median) FILTER (WHERE b.field = 'spo2') + 2.5 * (random() - random())) AS spo2
    FROM elder_baselines b WHERE b.elder_id = d.elder_id AND t.t IS NOT NULL) u ON u.heart_rate IS NOT NULL,
LATERAL (SELECT t.t + (d.key %% 60) * interval '1 second' AS ts) at
ORDER BY t.t
"""
_HEARD = """
INSERT INTO device_states (device_key, last_seen_at, battery) SELECT DISTINCT ON (device_key) device_key, ts, 80
FROM readings ORDER BY device_key, ts DESC
"""
_UNCOMPILED = """
SELECT (SELECT count(*) FROM limits_stale) + (
    SELECT count(*) FROM devices d LEFT JOIN device_limits l ON l.device_key = d.key
    WHERE d.device_id LIKE 'bench-%' AND l.device_key IS NULL)
"""
_WAITING = "SELECT count(*) FROM rule_checks"
# Each who has new limits is looked at.
_LOOKED_AT = "DELETE FROM rule_checks WHERE swept RETURNING 1"
_SERVER = "SELECT pid, coalesce(nullif(application_name, ''), backend_type) FROM pg_stat_activity"
_WORKERS = "SELECT kind, pid, status FROM workers"
_SAID = re.compile(
    r"@@([^@\n]*)@@LOG:  duration: ([0-9.]+) ms  (?:parse|bind|execute) [^:]+: (.*?)(?=@@|\Z)", re.DOTALL
)


def _who(number: int) -> UUID:
    return uuid5(_NAMES, str(number))


def _usual(setting: Setting, number: int) -> list[tuple[UUID, str, float, float]]:
    """From a value an hour of a day; as many hours as the rules want are said to be known."""
    one = Townsman(setting, number)
    if not one.person.wears_it:
        return []
    worn, first = Worn(setting.seed, one.wristband, one.person, setting.interval), moment(setting.on, 0)
    measured = [worn.measure(first + timedelta(hours=hour)) for hour in range(24)]
    found = []
    for field in OWN_LIMIT_FIELDS:
        usual = baseline([float(values[field]) for values in measured if field in values] * 4)
        if usual is not None:
            found.append((_who(number), field, usual.median, usual.spread))
    return found


async def _make_rules(url: str) -> None:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await store_built_in(connection)


class Town(Bench):
    def settle(self, setting: Setting) -> None:
        asyncio.run(_make_rules(self.url))
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            usual = pool.starmap(_usual, ((setting, number) for number in range(setting.elders)), chunksize=200)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DELETE FROM devices WHERE device_id LIKE 'bench-%'")
            connection.execute("CREATE TEMP TABLE who (number int, id uuid, name text)")
            with connection.cursor().copy("COPY who FROM STDIN") as copy:
                for number in range(setting.elders):
                    copy.write_row((number, _who(number), f"invented {number}"))
            connection.execute("CREATE TEMP TABLE usual (id uuid, field text, median float8, spread float8)")
            with connection.cursor().copy("COPY usual FROM STDIN") as copy:
                for row in (row for of_one in usual for row in of_one):
                    copy.write_row(row)
            for statement in _SETTLE:
                connection.execute(statement, {"stations": STATIONS})
            connection.execute("SELECT readings_make_partitions(current_date - 2, current_date + 2)")
            connection.execute(_FILL, {"filled": FILLED})
            connection.execute(_HEARD)
            connection.execute("VACUUM ANALYZE")

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        return self._asking.execute(statement).fetchall()

    def spent(self) -> dict[str, float]:
        """CPU seconds by part: processes of ours, and of the server by what they serve."""
        found: dict[str, float] = {}

        def add(name: str, pid: int) -> None:
            try:
                times = psutil.Process(pid).cpu_times()
            except psutil.NoSuchProcess:
                return
            found[name] = found.get(name, 0.0) + times.user + times.system

        workers = {pid: kind for kind, pid, _ in self.ask(_WORKERS)}
        for name, process in self.system.processes.items():
            parent = psutil.Process(process.pid)
            for one in (parent, *parent.children(recursive=True)):
                add(workers.get(one.pid, f"{name}, beside"), one.pid)
        for pid, name in self.ask(_SERVER):
            add(f"server for {name.removesuffix('-slowly')}", pid)
        add("broker", self.broker.pid)
        return found

    def counted(self) -> dict[str, float]:
        found = {"stored": float(self.stored()), "batches": self.total("counters", "telemetry_batches")}
        for kind, _, status in self.ask(_WORKERS):
            if kind == "rules":
                found |= {name: float(count) for name, count in status["counters"].items()}
            elif kind == "gateway":
                found["marked"] = float(status["limits"]["marked"])
        return found


def say(setting: Setting, load: Load, at_minute: float, ended: Event, said: Any) -> None:
    """In a process of its own: what the wristbands measure, a reading a minute of each, evenly."""
    worn: list[tuple[float, int, Worn]] = []
    for number in range(setting.elders):
        one = Townsman(setting, number)
        spread = draw(setting.seed, one.wristband, "spread").random() * 60
        worn.append((spread, number, Worn(setting.seed, one.wristband, one.person, setting.interval, one.bouts)))
    heapq.heapify(worn)
    link = _Link(load, 0)
    identifiers = 0
    said.value = 1  # it is made
    begun, at = time.perf_counter(), moment(setting.on, at_minute)
    while not ended.is_set():
        passed = time.perf_counter() - begun
        packets = []
        while worn[0][0] <= passed:
            due, number, one = worn[0]
            measured = one.measure(at + timedelta(seconds=due))
            reading = payloads.reading(datetime.now(UTC), int(due // 60) + 1, measured)
            topic, body = f"anhu/v1/bench-{number:06}/up/readings".encode(), payloads.encode(reading)
            identifiers = identifiers % 65535 + 1
            head = b"\x32" + _length(2 + len(topic) + 2 + len(body)) + len(topic).to_bytes(2, "big")
            packets += [head, topic, identifiers.to_bytes(2, "big"), body]
            said.value += 1
            heapq.heapreplace(worn, (due + 60, number, one))
        if packets:
            link._socket.sendall(b"".join(packets))
            link.unacknowledged += len(packets) // 4
        link.take_acknowledgements()
        time.sleep(0.002)


def parts(spent: dict[str, float], readings: float) -> dict[str, Any]:
    """The share that is asked for, and what each part took of a reading, in µs."""

    def of(*names: str) -> float:
        return sum(seconds for name, seconds in spent.items() if name in names)

    gateway = of("gateway", "gateway, beside")
    rules = of("rules")
    gateway_server = of("server for anhu-gateway", "server for anhu-slot")
    rules_server = of("server for anhu-rules")
    return {
        "rules_of_gateway": round(rules / gateway, 3),
        "rules_of_gateway_with_database": round((rules + rules_server) / (gateway + gateway_server), 3),
        "us_a_reading": {name: round(seconds / readings * 1e6, 1) for name, seconds in sorted(spent.items())},
    }


def statements(log: Path, since: int) -> Iterator[dict[str, Any]]:
    """Those that took most of the server, by whom and how often; by the clock, and with the cost of telling it."""
    with log.open("rb") as file:
        file.seek(since)
        told = file.read().decode("utf-8", "replace")
    taken: dict[tuple[str, str], list[float]] = {}
    for who, milliseconds, statement in _SAID.findall(told):
        name = who.removesuffix("-slowly"), " ".join(statement.split())[:110]
        taken.setdefault(name, []).append(float(milliseconds))
    for (who, statement), times in sorted(taken.items(), key=lambda one: -sum(one[1]))[:30]:
        yield {"by": who, "times": len(times), "seconds": round(sum(times) / 1000, 2), "statement": statement}


def run(arguments: argparse.Namespace) -> None:
    setting = Setting(arguments.devices, arguments.on, arguments.seed, timedelta(minutes=1))
    hour, minute = map(int, arguments.at.split(":"))
    before = machine()
    arguments.known, arguments.gateways = 1, 1
    server = SERVER | (STATEMENTS if arguments.statements else {})
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name, Town(Path(name), arguments, 2, server) as town:
        town.settle(setting)
        context = multiprocessing.get_context("spawn")
        ended, said = context.Event(), context.Value("q", 0)
        speaking = context.Process(
            target=say, args=(setting, town.load(), hour * 60 + minute, ended, said), daemon=True
        )
        speaking.start()
        try:
            until(lambda: said.value > 0, "the town is there", limit=300)
            town.start_gateways()
            town.system.start("alerts")
            until(lambda: town.ask(_UNCOMPILED)[0][0] == 0, "limits are compiled", limit=600, every=1.0)
            town.ask(_LOOKED_AT)
            time.sleep(arguments.settling)
            logged = town.postgres.log.stat().st_size
            spent, counted, at = town.spent(), town.counted(), time.perf_counter()
            time.sleep(arguments.seconds)
            after, counts, seconds = town.spent(), town.counted(), time.perf_counter() - at
            waiting = town.ask(_WAITING)[0][0]
        finally:
            ended.set()
            speaking.join(10)
            speaking.kill()
        taken = {part: after[part] - spent.get(part, 0.0) for part in after if after[part] > spent.get(part, 0.0)}
        done = {part: counts[part] - counted.get(part, 0.0) for part in counts}
        line = {"bench": "evaluation", "devices": arguments.devices, "at": arguments.at, "seconds": round(seconds)}
        line |= {"waiting": waiting, "readings_per_second": done["stored"] / seconds}
        report(line | {"counts": done} | parts(taken, done["stored"]) | {"durability": durability(town.url)} | before)
        if arguments.statements:
            for line in statements(town.postgres.log, logged):
                report(line)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--settling", type=float, default=60.0, help="before that, when all were looked at once")
    parser.add_argument("--at", default="10:00", help="the time of the simulated day at which it begins")
    parser.add_argument("--on", type=date.fromisoformat, default=date(2026, 11, 21), help="that day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--statements", action="store_true", help="tell the statements that took most of the server")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(parse())
