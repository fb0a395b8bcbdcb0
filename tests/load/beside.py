"""`make bench BENCH=beside`: presses, from their publish to a station's screen, while heavy work goes on.

At rest first. Then while another district moves in: its elders and devices by `anhu import`, and a year of its
wristbands' readings by MQTT, an hour each, in arrays of fifty. Then while a rule is tried on a stored day of wristbands
that report each minute. All on the same cores. A press that is not shown within half a minute is lost.
"""

import argparse
import asyncio
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from tests.load.ingest import Bench
from tests.load.measuring import broker_round_trips, durability, fsync_milliseconds, machine, percentiles, report
from tests.load.overload import presses
from tests.load.setup import write_files
from tests.parts.loops import end_loop
from tests.parts.waiting import until

STREETS, STATIONS = 10, 30
ARRAY = 50
A_YEAR = timedelta(days=365)
SERVER = MappingProxyType({"max_connections": "100", "max_wal_size": "4GB", "shared_buffers": "512MB"})
TRIED = {
    "key": "heart_rate_high",
    "title": "心率过快（试验）",
    "severity": "yellow",
    "condition": {"kind": "limit", "field": "heart_rate", "direction": "above", "value": 115, "clear": 110},
    "source": "made up for the bench",
}
_ORGANIZATIONS = """
INSERT INTO organizations (id, parent_id, tier, name, division_code)
SELECT gen_random_uuid(), (SELECT id FROM organizations WHERE parent_id IS NULL), 'community', '某社区' || code, code
FROM unnest(%s::text[]) code
"""
_HISTORY = """
INSERT INTO readings (device_key, ts, seq, received_at, heart_rate, spo2, steps, worn, battery)
SELECT d.key, %(day)s + m * interval '1 minute', m, %(day)s + m * interval '1 minute',
       round(70 + 12 * sin(m / 229.0 + d.key) + 8 * random() + CASE WHEN random() < 0.003 THEN 60 ELSE 0 END
             + CASE WHEN hashint4(d.key * 1000 + m / 60) %% 400 = 0 THEN 55 ELSE 0 END),
       round(94 + 5 * random()), (m * 5 * random())::int, random() > 0.02, round(100 - (m / 30.0))
FROM generate_series(0, 1439) m, devices d WHERE d.device_id LIKE 'wb-%%' ORDER BY m
"""


class Beside:
    """One system for all: presses are each of another elder."""

    def __init__(self, bench: Bench, directory: Path) -> None:
        self.bench, self.directory = bench, directory
        self.unpressed = [str(one["device_id"]) for one in bench.system.seeded.devices if one["kind"] == "wristband"]

    def press(self, seconds: float, rate: float) -> dict[str, Any]:
        count = int(seconds * rate)
        chosen, self.unpressed = self.unpressed[:count], self.unpressed[count:]
        taken = asyncio.run(presses(self.bench, chosen, rate))
        return {"presses": len(chosen), "lost": len(chosen) - len(taken), "press_to_screen_ms": percentiles(taken)}

    def while_running(self, work: Callable[[], dict[str, Any]], most: float, rate: float) -> dict[str, Any]:
        """Presses from the beginning of the work to its end, but for `most` seconds at most."""
        lines = []
        with ThreadPoolExecutor(1) as pool:
            begun = time.perf_counter()
            working = pool.submit(work)
            while not working.done() and time.perf_counter() - begun < most:
                lines.append(self._some(rate))
            pressed_for = time.perf_counter() - begun
            done = working.result() | {"seconds": round(time.perf_counter() - begun, 1)}
        taken = [one for line in lines for one in line[1]]
        count = sum(line[0] for line in lines)
        return {
            "work": done,
            "pressed_for_seconds": round(pressed_for, 1),
            "presses": count,
            "lost": count - len(taken),
            "press_to_screen_ms": percentiles(taken),
        }

    def _some(self, rate: float) -> tuple[int, list[float]]:
        count = int(10 * rate)
        chosen, self.unpressed = self.unpressed[:count], self.unpressed[count:]
        assert chosen, "there are no more wristbands to press: give --elders"
        return count, asyncio.run(presses(self.bench, chosen, rate))

    # The work ---------------------------------------------------------------------------------------

    def move_in(self, elders: int, devices: int, reporting: int) -> dict[str, Any]:
        """Another district: its files, and a year of readings of some of its wristbands."""
        folder = self.directory / "district"
        folder.mkdir()
        write_files(folder, STREETS, STATIONS, elders, devices)
        with psycopg.connect(self.bench.url) as connection:
            codes = [f"500199{place % STREETS + 1:03d}{place // STREETS + 1:03d}" for place in range(STATIONS)]
            connection.execute(_ORGANIZATIONS, (codes,))
        taken = {}
        with self._a_year_of(reporting) as sent:
            for words in (["elders", "elders.csv"], ["devices", "devices.csv", "--secrets", "secrets.csv"]):
                begun = time.perf_counter()
                told = subprocess.run(
                    [sys.executable, "-m", "services.cli", "import", *words],
                    cwd=folder, env=self.bench.system.environment, check=False, capture_output=True, text=True,
                )  # fmt: skip
                assert told.returncode == 0, told.stderr
                taken[words[0]] = round(time.perf_counter() - begun, 1)
        return {"elders": elders, "devices": devices, "late_readings": sent[0], "import_seconds": taken}

    @contextmanager
    def _a_year_of(self, devices: int) -> Iterator[list[int]]:
        """A year of hours of so many devices, by MQTT; sent to its end."""
        broker, names = self.bench.broker, [f"bench-{number:06}" for number in range(devices)]
        context = multiprocessing.get_context("spawn")
        sending = context.Process(
            target=send_a_year, args=(broker.host, broker.port, broker.passwords["anhu-bench"], names)
        )
        before = self._readings()
        sending.start()
        sent = [0]
        yield sent
        sending.join()
        assert sending.exitcode == 0, "the year could not be sent"
        sent[0] = devices * int(A_YEAR / timedelta(hours=1))
        until(lambda: self._readings() - before >= sent[0], "a year of readings is stored", limit=300, every=1.0)

    def _readings(self) -> int:
        return int(self.bench.system.sql("SELECT count(*) FROM readings WHERE ts < now() - interval '1 minute'")[0][0])

    def fill_a_day(self) -> int:
        """For the trial: yesterday of each wristband that moved in. Returns how many readings."""
        day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        with psycopg.connect(self.bench.url, autocommit=True) as connection:
            connection.execute("SELECT readings_make_partitions(%s, %s)", (day.date(), day.date()))
            return connection.execute(_HISTORY, {"day": day}).rowcount

    def try_a_rule(self) -> dict[str, Any]:
        """By the API, as somebody on the page of rules does; run by `anhu alerts`."""
        administrator = self.bench.system.sign_in("admin")
        day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        period = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}
        asked = administrator.http.post("/rules/trials", json={"rule": TRIED, **period})
        assert asked.status_code == 202, asked.text
        path = f"/rules/trials/{asked.json()['id']}"

        def ended() -> dict[str, Any]:
            trial: dict[str, Any] = administrator.get(path)
            return trial if trial["state"] not in ("waiting", "running") else {}

        done = until(ended, "the trial is done", limit=600, every=1.0)
        assert done["state"] == "done", done
        return {"readings": done["result"]["readings"], "alerts": done["result"]["tried"]["alerts"]}


def send_a_year(host: str, port: int, password: str, names: list[str]) -> None:
    """In a process of its own: what a gateway of another platform says that hands over its history."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="history")
    client.username_pw_set("anhu-bench", password)
    client.max_inflight_messages_set(200)
    client.connect(host, port)
    client.loop_start()
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - A_YEAR
    hours = int(A_YEAR / timedelta(hours=1))
    told = []
    for first in range(0, hours, ARRAY):
        body = json.dumps(
            [
                {"ts": (begin + timedelta(hours=hour)).isoformat(), "heart_rate": 60 + hour % 40, "spo2": 97}
                for hour in range(first, min(hours, first + ARRAY))
            ]
        )
        told += [client.publish(f"anhu/v1/{name}/up/readings", body, qos=1) for name in names]
    for one in told:
        one.wait_for_publish(300)
    client.disconnect()
    end_loop(client)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="anhu-bench-") as name,
        Bench(Path(name), arguments, elders=arguments.pressing, server=SERVER) as bench,
    ):
        bench.start_gateways()
        bench.system.start("alerts", "api")
        bench.system.wait_until_ready()
        beside = Beside(bench, Path(name))
        fsync = fsync_milliseconds(Path(name))
        round_trips = asyncio.run(broker_round_trips(bench.broker, beside.unpressed[0], 100, 50))
        line: dict[str, Any] = {
            "bench": "beside",
            "floor": {"fsync_ms": percentiles(fsync), "broker_round_trip_ms": percentiles(round_trips)},
            "at_rest": beside.press(30, arguments.rate),
        }
        line["moving_in"] = beside.while_running(
            lambda: beside.move_in(arguments.elders, arguments.devices, arguments.reporting), 600, arguments.rate
        )
        line["stored_for_the_trial"] = beside.fill_a_day()
        line["trial"] = beside.while_running(beside.try_a_rule, 600, arguments.rate)
        return line | {"durability": durability(bench.url)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elders", type=int, default=50_000, help="who move in")
    parser.add_argument("--devices", type=int, default=5_000, help="that move in; the trial is about them")
    parser.add_argument("--reporting", type=int, default=100, help="wristbands that hand over a year of hours")
    parser.add_argument("--rate", type=float, default=2.0, help="presses a second")
    parser.add_argument("--pressing", type=int, default=1_500, help="elders who may press, once each")
    parser.add_argument("--gateways", type=int, default=1)
    arguments = parser.parse_args()
    arguments.known = arguments.reporting
    before = machine()
    report(run(arguments) | before)


if __name__ == "__main__":
    main()
