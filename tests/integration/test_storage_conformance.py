"""One suite for every database: plain PostgreSQL, and TimescaleDB where ANHU_TEST_TIMESCALE_URL names a server."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.storage.migrate import migrate
from tests.parts.broker import Broker
from tests.parts.postgres import PostgresServer, fresh_database
from tests.parts.system import Device, System, seed_database
from tests.parts.waiting import until

TODAY = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module", params=["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def kept(request: pytest.FixtureRequest, postgres: PostgresServer, module_folder: Path) -> Iterator[System]:
    """The whole system on one kind of database, migrated from empty."""
    server = postgres.url()
    if request.param == "timescale":
        server = os.environ.get("ANHU_TEST_TIMESCALE_URL", "")
        if not server:
            pytest.skip("ANHU_TEST_TIMESCALE_URL names no server with TimescaleDB")
    directory = module_folder / f"kept-{request.param}"
    directory.mkdir()
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(server, template=None))
        migrate(url)
        broker = Broker(directory / "broker")
        broker.start()
        stack.callback(broker.stop)
        system = System(directory, url, broker, seed_database(url, directory / "keys.json", elders=20))
        stack.callback(system.stop)
        system.start()
        system.wait_until_ready()
        yield system


@pytest.fixture
def wristband(kept: System, request: pytest.FixtureRequest) -> Iterator[Device]:
    """A wristband for each test: numbered by its place in this file."""
    tests = sorted(name for name in globals() if name.startswith("test_"))
    devices = [one["device_id"] for one in kept.seeded.devices if one["kind"] == "wristband"]
    with Device(kept.broker, str(devices[tests.index(request.function.__name__)])) as device:
        yield device


def stored(kept: System, device: Device, **parameters: Any) -> list[dict[str, Any]]:
    admin = kept.sign_in("admin")
    items = admin.get(f"/devices/{device.device_id}/readings", **parameters)["items"]
    return list(items)


def test_the_table_is_what_the_server_offers(kept: System, wristband: Device) -> None:
    with psycopg.connect(kept.database_url) as connection:
        extension = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
        if extension:
            query = "SELECT count(*) FROM timescaledb_information.hypertables WHERE hypertable_name = 'readings'"
        else:
            query = "SELECT count(*) FROM pg_partitioned_table WHERE partrelid = 'readings'::regclass"
        found = connection.execute(query).fetchone()
    assert found == (1,)


def test_a_reading_is_stored_once_and_a_different_repeat_is_a_conflict(kept: System, wristband: Device) -> None:
    first = {"ts": TODAY.isoformat(), "seq": 4, "heart_rate": 71.5, "body_temperature": 36.6, "worn": True}
    wristband.send(first, "readings")
    wristband.send(first, "readings")
    wristband.send([first, first | {"seq": 5}], "readings")
    wristband.send(first | {"heart_rate": 99}, "readings")
    wristband.send(first | {"seq": 6, "heart_rate": 72}, "readings")
    items = until(lambda: (found := stored(kept, wristband)) and len(found) == 3 and found, "three readings")
    assert [(item["seq"], item["heart_rate"]) for item in items] == [(4, 71.5), (5, 71.5), (6, 72)]
    assert items[0] | {"ts": None} == {
        "ts": None, "seq": 4, "heart_rate": 71.5, "body_temperature": 36.6, "worn": True,
    }  # fmt: skip
    conflicts = kept.sql("SELECT reason FROM quarantine WHERE device_id = %s", wristband.device_id)
    assert conflicts == [("conflict",)]


def test_late_readings_are_taken_whatever_their_age(kept: System, wristband: Device) -> None:
    ages = [TODAY - timedelta(days=days) for days in (0, 1, 3, 40, 800)] + [datetime(2020, 1, 1, tzinfo=UTC)]
    wristband.send([{"ts": at.isoformat(), "spo2": 95} for at in ages], "readings")
    items = until(
        lambda: (found := stored(kept, wristband, **{"from": "2019-12-31T00:00:00Z"})) and len(found) == 6 and found,
        "six readings of six ages",
    )
    assert [datetime.fromisoformat(item["ts"]) for item in items] == sorted(ages)


def test_buckets_count_what_is_in_them_by_beijings_day(kept: System, wristband: Device) -> None:
    midnight = TODAY.replace(hour=16, minute=0, second=0) - timedelta(days=3)  # in Beijing
    samples = [(midnight - timedelta(seconds=1), 60), (midnight, 70), (midnight + timedelta(seconds=59), 90)]
    wristband.send([{"ts": at.isoformat(), "heart_rate": rate} for at, rate in samples], "readings")
    window = {
        "from": (midnight - timedelta(days=2)).isoformat(),
        "to": (midnight + timedelta(days=2)).isoformat(),
    }

    def buckets(width: str) -> list[dict[str, Any]]:
        return stored(kept, wristband, bucket=width, **window)

    by_day = until(lambda: (found := buckets("1d")) and len(found) == 2 and found, "two days")
    assert [item["heart_rate"] for item in by_day] == [
        {"min": 60, "avg": 60, "max": 60, "count": 1},
        {"min": 70, "avg": 80, "max": 90, "count": 2},
    ]
    assert datetime.fromisoformat(by_day[1]["ts"]) == midnight
    assert [item["heart_rate"]["count"] for item in buckets("1m")] == [1, 2]
    assert [item["heart_rate"]["count"] for item in buckets("1h")] == [1, 2]
    assert "spo2" not in by_day[0], "a gap is a gap"


def test_late_readings_are_rolled_up_by_the_upkeep_processes(kept: System, wristband: Device) -> None:
    hour = (TODAY - timedelta(days=50)).replace(minute=0, second=0)
    samples = [{"ts": (hour + timedelta(minutes=n)).isoformat(), "heart_rate": 60 + n} for n in range(50)]
    wristband.send(samples, "readings")
    window = {"from": hour.isoformat(), "to": (hour + timedelta(hours=1)).isoformat()}
    until(lambda: len(stored(kept, wristband, **window)) == 50, "50 readings")
    before = stored(kept, wristband, bucket="1h", **window)
    assert before[0]["heart_rate"] == {"min": 60, "avg": 84.5, "max": 109, "count": 50}
    kept.start("upkeep", "upkeep-2")
    rolled = """SELECT sum(heart_rate_count) FROM readings_{} r JOIN devices d ON d.key = r.device_key
        WHERE d.device_id = %s"""
    for name in ("1m", "1h", "1d"):
        if kept.sql("SELECT kept_as FROM readings_rollup") == [("tables",)]:
            until(lambda name=name: kept.sql(rolled.format(name), wristband.device_id) == [(50,)], name, limit=30)
    beats = "SELECT count(*) FROM workers WHERE kind = 'upkeep' AND (status ->> 'ok')::boolean"
    until(lambda: kept.sql(beats) == [(2,)], "two upkeeps that are well", limit=30)
    assert stored(kept, wristband, bucket="1h", **window) == before


def test_a_press_becomes_an_alert(kept: System, wristband: Device) -> None:
    pressed = wristband.press()
    alert = kept.sign_in("admin").alert_of(pressed["event_id"])
    assert (alert["severity"], alert["state"]) == ("red", "triggered")
    wristband.receipt(pressed["event_id"], "raised")
