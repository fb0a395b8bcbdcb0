"""How long it takes to try a rule on stored history, beside the least that looking at the same readings can take.

    make bench BENCH=backtest                       # a day of 10,000 devices: 14.4 million readings
    make bench BENCH=backtest ARGS="--days 7"       # a week; 14 GB

A PostgreSQL of its own, filled inside the server in the order of time; a reading a minute of each device. Some people
have an hour of a fast heart now and then, all have moments of one. Prints one line of JSON for each rule that is tried:
a limit that is set lower than the one in force, and a score.
"""

import argparse
import asyncio
import os
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import AsyncConnection

from alerts.backtest import Trial, backtest
from alerts.built_in_rules import store_built_in
from alerts.domain.rules.built_in import BUILT_IN
from alerts.domain.rules.model import Limit, Rule, Score
from alerts.domain.rules.trying import TRIED_ID, TRIED_VERSION, Period
from services.storage.migrate import migrate
from tests.load.measuring import durability, machine, report
from tests.parts.postgres import PostgresServer, fresh_database

A_DAY = timedelta(days=1)
STATIONS = 100
SERVER = {"max_connections": "50", "shared_buffers": "1GB", "max_wal_size": "8GB"}
_MAKE = (
    "INSERT INTO organizations (id, tier, name) VALUES (gen_random_uuid(), 'city', 'city')",
    "INSERT INTO organizations (id, parent_id, tier, name) SELECT gen_random_uuid(), o.id, 'community', 'station ' || n"
    f" FROM organizations o, generate_series(1, {STATIONS}) n",
    "CREATE TEMP TABLE home AS SELECT id, row_number() OVER () - 1 AS n FROM organizations WHERE tier = 'community'",
    "INSERT INTO elders (id, organization_id, name) SELECT gen_random_uuid(), h.id, 'invented ' || d"
    f" FROM generate_series(0, %(devices)s - 1) d JOIN home h ON h.n = d %% {STATIONS}",
    "INSERT INTO devices (device_id, kind, organization_id, elder_id)"
    " SELECT 'd' || row_number() OVER (), 'wristband', organization_id, id FROM elders",
)
# A pulse that wanders over the day, with noise. One hour in 400 is an ill one: for a tenth of all people at least once
# in two days.
_FILL = """
INSERT INTO readings (device_key, ts, seq, received_at, heart_rate, spo2, body_temperature, respiratory_rate, steps,
                      worn, battery, rssi)
SELECT d.key, %(day)s + m * interval '1 minute', m, %(day)s + m * interval '1 minute' + random() * interval '2 s',
       round(70 + 12 * sin(m / 229.0 + d.key) + 8 * random() + CASE WHEN random() < 0.003 THEN 60 ELSE 0 END
             + CASE WHEN hashint4(d.key * 1000 + m / 60 + %(number)s * 24) %% 400 = 0 THEN 55 ELSE 0 END),
       round(94 + 5 * random()), CASE WHEN m %% 10 = 0 THEN (round(362 + 8 * random()) / 10)::real END,
       round(13 + 8 * random()), (m * 5 * random())::int, random() > 0.02, round(100 - (m / 30.0)),
       round(-60 - 30 * random())
FROM generate_series(0, 1439) m, devices d ORDER BY m
"""
# The least: one pass over the same readings, by as many processes of the server as it likes.
_FLOOR = "SELECT count(*) FROM readings WHERE ts >= %s AND ts < %s AND heart_rate > 110"


def fill(url: str, devices: int, days: int, today: datetime) -> float:
    """Rows a second."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _MAKE:
            connection.execute(statement, {"devices": devices})
        first = today - days * A_DAY
        connection.execute("SELECT readings_make_partitions(%s, %s)", (first.date(), today.date()))
        begun = time.perf_counter()
        for number in range(days):
            connection.execute(_FILL, {"day": first + number * A_DAY, "number": number})
        taken = time.perf_counter() - begun
        connection.execute("VACUUM ANALYZE")
        return devices * days * 1440 / taken


def floor(url: str, period: Period) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        begun = time.perf_counter()
        connection.execute(_FLOOR, (period.start, period.end))
        return time.perf_counter() - begun


def tried_rules() -> dict[str, Rule]:
    by_key = {rule.key: rule for rule in BUILT_IN}
    lower, score = by_key["heart_rate_high"], by_key["news2_medium"]
    assert isinstance(lower.condition, Limit)
    assert isinstance(score.condition, Score)
    changed = {
        "heart_rate_high, 115 in place of 120": replace(lower, condition=replace(lower.condition, value=115)),
        "news2_medium, 4 points in place of 5": replace(score, condition=replace(score.condition, total=4)),
    }
    return {name: replace(rule, id=TRIED_ID, version=TRIED_VERSION) for name, rule in changed.items()}


async def prepare(url: str) -> list[Any]:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await store_built_in(connection)
        rows = await (await connection.execute("SELECT id FROM organizations WHERE parent_id IS NULL")).fetchall()
        return [organization_id for (organization_id,) in rows]


def cpu(server: psutil.Process | None) -> dict[str, float]:
    """Seconds that we and those that we started have taken, and the server with all that it started."""
    times, found = os.times(), {}
    found["ours"] = times.user + times.system + times.children_user + times.children_system
    if server is not None:
        spent = server.cpu_times()
        found["server"] = spent.children_user + spent.children_system
        for backend in server.children():
            with suppress(psutil.NoSuchProcess):
                of_backend = backend.cpu_times()
                found["server"] += of_backend.user + of_backend.system
    return found


def measure(
    url: str, organizations: list[Any], rule: Rule, period: Period, processes: int, server: psutil.Process | None
) -> dict[str, Any]:
    begun, before = time.perf_counter(), cpu(server)
    found_after: list[tuple[float, dict[str, float]]] = []

    def tell(share: float) -> None:
        if share <= 0.5:
            found_after[:] = [(time.perf_counter() - begun, cpu(server))]

    trial = Trial(rule, organizations, period)
    result = asyncio.run(backtest(url, trial, processes=processes, server_processes=processes, tell=tell))
    taken, after = time.perf_counter() - begun, cpu(server)
    preselected, then = found_after[0]
    return {
        "seconds": round(taken, 1),
        "preselected_after": round(preselected, 1),
        "cpu_seconds": {name: round(after[name] - before[name], 1) for name in after},
        "cpu_seconds_until_preselected": {name: round(then[name] - before[name], 1) for name in after},
        "readings": result["readings"],
        "readings_per_second": round(result["readings"] / taken),
        "alerts": result["tried"]["alerts"],
        "alerts_in_force": result["in_force"]["alerts"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="that read and play, here and of the server")
    parser.add_argument("--url", help="a server to make the database on, instead of a PostgreSQL of our own")
    arguments = parser.parse_args()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    period = Period(today - arguments.days * A_DAY, today)
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name, ExitStack() as opened:
        server_url, process = arguments.url, None
        if not server_url:
            server = PostgresServer(Path(name) / "postgres", SERVER)
            server.start()
            opened.callback(server.stop)
            server_url, process = server.url(), psutil.Process(server.pid)
        url = opened.enter_context(fresh_database(server_url, template=None))
        migrate(url)
        loaded = fill(url, arguments.devices, arguments.days, today)
        organizations = asyncio.run(prepare(url))
        same = {"bench": "backtest", "devices": arguments.devices, "days": arguments.days}
        for tried, rule in tried_rules().items():
            before = machine()
            least = round(floor(url, period), 1)
            line = measure(url, organizations, rule, period, arguments.processes, process)
            report(
                same
                | {"rule": tried, **line, "floor_count_seconds": least, "load_rows_per_second": round(loaded)}
                | {"durability": durability(url)}
                | before
            )


if __name__ == "__main__":
    main()
