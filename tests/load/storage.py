"""`make bench BENCH=storage`: a year of readings, and how fast one device's are found in it.

Wristbands report each minute for a year; how many there are follows from `--rows`. The load itself is made inside the
server, a day at a time, in the order of time; what a gateway's COPY carries is measured apart, in its batches. Then
the days are rolled up by the code of `anhu upkeep`, compressed where the server can, and two questions are put to a
real `anhu api`: a day of raw readings, and a year of hours, of a random device each time. `--url` names another
server to run on, for TimescaleDB.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from services.storage import rolling, telling
from services.storage.late import note_late
from services.storage.migrate import migrate
from services.storage.upkeep import prepare
from tests.load.measuring import durability, machine, percentiles, report
from tests.parts.broker import Broker
from tests.parts.postgres import PostgresServer, fresh_database
from tests.parts.system import System, seed_database
from tests.parts.waiting import until

DAYS, A_DAY, MINUTE = 366, timedelta(days=1), timedelta(minutes=1)
COPY_BATCH, COPY_BATCHES = 500, 400
#: More than PostgreSQL's 128 MB, as anybody would give it who has 100 million rows.
SERVER = {"max_connections": "50", "shared_buffers": "1GB", "max_wal_size": "4GB"}
# A pulse that wanders over the day, with noise: neither a constant nor white noise, which would compress too well or
# too badly to say anything. A temperature each ten minutes.
_FILL = """
INSERT INTO readings (device_key, ts, seq, received_at, heart_rate, spo2, body_temperature, steps, worn, battery, rssi)
SELECT d, %(day)s + m * interval '1 minute', m, %(day)s + m * interval '1 minute' + random() * interval '2 s',
       round(72 + 12 * sin(m / 229.0 + d) + 8 * random()), round(94 + 5 * random()),
       CASE WHEN m %% 10 = 0 THEN (round(362 + 8 * random()) / 10)::real END,
       (m * 5 * random())::int, random() > 0.02, round(100 - (m / 30.0)), round(-60 - 30 * random())
FROM generate_series(0, 1439) m, unnest(%(keys)s::int[]) d ORDER BY m
"""
_COPY = "COPY readings (device_key, ts, seq, received_at, heart_rate, spo2, worn) FROM STDIN (FORMAT BINARY)"
_COPY_TYPES = ["int4", "timestamptz", "int8", "timestamptz", "float4", "float4", "bool"]
_SIZE = """
SELECT sum(pg_table_size(relid))::bigint, sum(pg_indexes_size(relid))::bigint
FROM (SELECT relid FROM pg_partition_tree(%(name)s::regclass) UNION SELECT %(name)s::regclass) AS tables
"""
_HYPERTABLE = """
SELECT (sum(table_bytes) + sum(coalesce(toast_bytes, 0)))::bigint, sum(index_bytes)::bigint
FROM hypertable_detailed_size(%(name)s)
"""
_MATERIALIZED = """
SELECT format('%%I.%%I', materialization_hypertable_schema, materialization_hypertable_name)
FROM timescaledb_information.continuous_aggregates WHERE view_name = %s
"""


class Bench:
    def __init__(self, connection: psycopg.Connection[Any], keys: list[int], today: datetime) -> None:
        self.connection, self.keys, self.today = connection, keys, today
        self.first = today - DAYS * A_DAY
        row = connection.execute("SELECT kept_as FROM readings_rollup").fetchone()
        assert row is not None
        self.compressed = row[0] == "aggregates"

    def load(self) -> float:
        """Fills every day; rows a second."""
        # As if the system had been at work since the first day.
        self.connection.execute(
            "UPDATE readings_rollup SET closed_until = %(first)s, rolled_until = %(first)s, told_from = %(first)s,"
            " told_until = %(first)s, hours_from = %(first)s",
            {"first": self.first},
        )
        if not self.compressed:
            days = (self.first.date(), self.today.date() + A_DAY)
            self.connection.execute("SELECT readings_make_partitions(%s, %s)", days)
        begun = time.perf_counter()
        for number in range(DAYS):
            self.connection.execute(_FILL, {"day": self.first + number * A_DAY, "keys": self.keys})
        return DAYS * 1440 * len(self.keys) / (time.perf_counter() - begun)

    def copy(self) -> float:
        """A gateway's batches, each a transaction with a look for what is late; rows a second."""
        batches = []
        for number in range(COPY_BATCHES):
            at = self.today + number * timedelta(seconds=1)
            batches.append([(self.keys[n % len(self.keys)], at, n, at, 71.0, 97.0, True) for n in range(COPY_BATCH)])
        begun = time.perf_counter()
        for rows in batches:
            with self.connection.transaction(), self.connection.cursor() as cursor:
                with cursor.copy(_COPY) as copy:
                    copy.set_types(_COPY_TYPES)
                    for row in rows:
                        copy.write_row(row)
                note_late(cursor, rows)
        return COPY_BATCH * COPY_BATCHES / (time.perf_counter() - begun)

    def roll(self) -> float:
        """Rolls every day up; seconds."""
        begun = time.perf_counter()
        rolling.close_days(self.connection, self.today + rolling.CLOSE_AFTER)
        while self._rolled_until() < self.today:
            if not rolling.roll_next_day(self.connection):
                time.sleep(0.1)
        return time.perf_counter() - begun

    def tell(self) -> float:
        """Keeps every day of hours as JSON; seconds."""
        begun = time.perf_counter()
        while telling.tell_next_day(self.connection, None):
            pass
        return time.perf_counter() - begun

    def compress(self) -> float:
        """Compresses all days that are over; seconds."""
        begun = time.perf_counter()
        for name in ("readings", "readings_1m", "readings_1h"):
            chunks = self.connection.execute(
                "SELECT show_chunks(%s, older_than => %s)::text", (name, self.today)
            ).fetchall()
            for (chunk,) in chunks:
                self.connection.execute("SELECT compress_chunk(%s::regclass, true)", (chunk,))
        return time.perf_counter() - begun

    def bytes_of(self, name: str) -> dict[str, int]:
        """Bytes in the table and in its indexes."""
        query = _SIZE
        if self.compressed:
            query = _HYPERTABLE
            found = self.connection.execute(_MATERIALIZED, (name,)).fetchone()
            name = found[0] if found else name
        row = self.connection.execute(query, {"name": name}).fetchone()
        assert row is not None
        return {"table": row[0], "indexes": row[1]}

    def _rolled_until(self) -> datetime:
        return rolling.state(self.connection)[2]


def ask(http: httpx.Client, devices: list[str], query: Callable[[], dict[str, Any]], times: int) -> dict[str, Any]:
    """How long answers take, in milliseconds, and how much is in one."""
    chosen = [random.choice(devices) for _ in range(times)]
    taken, items, size = [], 0, 0
    for device in [*chosen[:5], *chosen]:  # five to open connections and load code, not counted
        parameters = query()
        begun = time.perf_counter()
        answer = http.get(f"/devices/{device}/readings", params=parameters)
        taken.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, answer.text
        items, size = len(answer.json()["items"]), len(answer.content)
    return percentiles(taken[5:]) | {"items": items, "bytes": size}


def measure(url: str, system: System, arguments: argparse.Namespace) -> dict[str, Any]:
    random.seed(1)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    devices = [str(one["device_id"]) for one in system.seeded.devices if one["kind"] == "wristband"]
    rows = system.sql("SELECT key FROM devices WHERE device_id = ANY(%s)", devices)
    with psycopg.connect(url, autocommit=True) as connection:
        prepare(connection)
        bench = Bench(connection, [key for (key,) in rows], today)
        total = DAYS * 1440 * len(devices)
        line: dict[str, Any] = {"bench": "storage", "rows": total, "devices": len(devices), "days": DAYS}
        line["load_rows_per_second"] = round(bench.load())
        tell(line)
        line["copy_rows_per_second"] = round(bench.copy())
        raw = bench.bytes_of("readings")
        line["bytes_per_reading"] = {name: round(size / total, 1) for name, size in raw.items()}
        line["roll_up_seconds"] = round(bench.roll(), 1)
        line["tell_seconds"] = round(bench.tell(), 1)
        tell(line)
        if bench.compressed:
            line["compress_seconds"] = round(bench.compress(), 1)
            small = bench.bytes_of("readings")
            line["bytes_per_reading_compressed"] = {name: round(size / total, 1) for name, size in small.items()}
            line["compression"] = round(sum(raw.values()) / sum(small.values()), 1)
        line["roll_up_bytes_per_reading"] = {
            name: round(sum(bench.bytes_of(f"readings_{name}").values()) / total, 2) for name in ("1m", "1h", "1d")
        }
        size = connection.execute("SELECT pg_total_relation_size('readings_1h_told')").fetchone()
        assert size is not None
        line["told_bytes_per_reading"] = round(size[0] / total, 2)
        connection.execute("VACUUM ANALYZE")
    system.start("api")
    until(lambda: answers(system.url), "the api answers", limit=60, every=0.2)
    token = system.sign_in("admin").tokens["access_token"]
    with httpx.Client(
        base_url=f"{system.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as http:

        def a_day() -> dict[str, Any]:
            start = today - random.randrange(2, DAYS) * A_DAY
            return {"from": start.isoformat(), "to": (start + A_DAY).isoformat(), "limit": 10_000}

        year = {"bucket": "1h", "from": (today - 365 * A_DAY).isoformat(), "to": today.isoformat(), "limit": 10_000}
        line["day_of_raw_minutes_ms"] = ask(http, devices, a_day, arguments.questions)
        line["year_of_hours_ms"] = ask(http, devices, lambda: year, arguments.questions)
        line["day_of_minutes_ms"] = ask(http, devices, lambda: a_day() | {"bucket": "1m"}, arguments.questions)
        line["first_2000_of_a_year_of_hours_ms"] = ask(
            http, devices, lambda: year | {"limit": 2000}, arguments.questions
        )
        line["year_of_days_ms"] = ask(http, devices, lambda: year | {"bucket": "1d"}, arguments.questions)
    return line


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def tell(line: dict[str, Any]) -> None:
    """How far it is, for whoever waits."""
    print(f"so far: {line}", file=sys.stderr, flush=True)


def database(arguments: argparse.Namespace, directory: Path, opened: ExitStack) -> str:
    """The URL of an empty database."""
    server_url = arguments.url
    if not server_url:
        server = PostgresServer(directory / "postgres", SERVER)
        server.start()
        opened.callback(server.stop)
        server_url = server.url()
    return opened.enter_context(fresh_database(server_url, template=None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000, help="readings; the default takes some 15 minutes")
    parser.add_argument("--url", help="a server to make the database on, instead of a PostgreSQL of our own")
    parser.add_argument("--questions", type=int, default=200, help="how often each question is put")
    arguments = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name, ExitStack() as opened:
        directory = Path(name)
        url = database(arguments, directory, opened)
        migrate(url)
        broker = Broker(directory / "broker")
        broker.start()
        opened.callback(broker.stop)
        wristbands = max(20, round(arguments.rows / DAYS / 1440))
        system = System(directory / "system", url, broker, seed_database(url, directory / "keys.json", wristbands))
        opened.callback(system.stop)
        report(measure(url, system, arguments) | {"durability": durability(url)} | before)


if __name__ == "__main__":
    main()
