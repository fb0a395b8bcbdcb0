"""Looking after many devices: how long a turn takes when all is well, when a street is lost, and after our own restart.

    make bench BENCH=devices

100,000 devices in 200 stations on a PostgreSQL of its own, each with six readings. Prints one line of JSON.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from alerts.devices import Rounds, Turn, look_after_devices
from services.storage.migrate import migrate
from tests.load.measuring import durability, machine, percentiles, report
from tests.parts.postgres import PostgresServer, fresh_database

STATIONS = 200

_MAKE = (
    "INSERT INTO organizations (id, tier, name) VALUES (gen_random_uuid(), 'city', 'city')",
    "INSERT INTO organizations (id, parent_id, tier, name) SELECT gen_random_uuid(), o.id, 'street', 'street ' || n"
    f" FROM organizations o, generate_series(1, {STATIONS // 10}) n",
    "INSERT INTO organizations (id, parent_id, tier, name) SELECT gen_random_uuid(), o.id, 'community', o.name || n"
    " FROM organizations o, generate_series(1, 10) n WHERE tier = 'street'",
    "CREATE TEMP TABLE home AS SELECT id, row_number() OVER () - 1 AS n FROM organizations WHERE tier = 'community'",
    "INSERT INTO elders (id, organization_id, name) SELECT gen_random_uuid(), h.id, 'invented ' || n"
    f" FROM generate_series(0, %(devices)s - 1) d JOIN home h ON h.n = d %% {STATIONS}",
    "INSERT INTO devices (device_id, kind, organization_id, elder_id)"
    " SELECT 'd' || row_number() OVER (), 'wristband', organization_id, id FROM elders",
    "SELECT readings_make_partitions((now() - interval '2 days')::date, (now() + interval '2 days')::date)",
    "INSERT INTO readings (device_key, ts, seq, received_at, heart_rate, worn)"
    " SELECT key, at, 0, at, 70, true FROM devices,"
    " generate_series(now() - interval '6 minutes', now() - interval '1 minute', interval '1 minute') at",
    "INSERT INTO device_states (device_key, last_seen_at, battery) SELECT key, now(), 80 FROM devices",
    "INSERT INTO gateway_slots (slot, client_id, heard_at) VALUES (1, 'bench', 'infinity')",
)
_HABITS = """
UPDATE device_expectations SET usual = '1 minute', learned_from = 19, silent_after = '3 minutes', will_wait = '1 minute'
"""


async def turn(connection: AsyncConnection[Any], rounds: Rounds) -> tuple[float, Turn]:
    """Milliseconds, and what it did."""
    begun = time.perf_counter()
    done = await look_after_devices(connection, rounds)
    assert isinstance(done, Turn), done
    return (time.perf_counter() - begun) * 1000, done


async def measure(url: str, devices: int, turns: int) -> dict[str, Any]:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        for statement in _MAKE:
            await connection.execute(statement, {"devices": devices})
        rounds = Rounds()
        first, _ = await turn(connection, rounds)
        while rounds.more_are_new:
            await turn(connection, rounds)
        await connection.execute(_HABITS)
        await connection.execute(
            "UPDATE hearing_gaps SET began_at = began_at - interval '1 day', ended_at = ended_at - interval '1 day'"
        )
        await connection.execute("ANALYZE")
        well = []
        for _ in range(turns):
            await connection.execute("UPDATE device_states SET last_seen_at = clock_timestamp()")
            well.append((await turn(connection, rounds))[0])

        # Three stations of a street lose their power.
        lost = (
            "(SELECT d.key FROM devices d JOIN organizations o ON o.id = d.organization_id"
            " WHERE o.name IN ('street 11', 'street 12', 'street 13'))"
        )
        back = timedelta(minutes=10)
        await connection.execute("DELETE FROM readings")
        await connection.execute(
            f"UPDATE device_states SET last_seen_at = last_seen_at - %s WHERE device_key IN {lost}", (back,)
        )
        street = []
        for _ in range(10):
            await connection.execute(
                f"UPDATE device_states SET last_seen_at = clock_timestamp() WHERE device_key NOT IN {lost}"
            )
            street.append(await turn(connection, rounds))
            await connection.execute("UPDATE device_conditions SET noted_at = noted_at - interval '1 minute'")
        covered = await (
            await connection.execute(
                "SELECT count(*) FILTER (WHERE state = 'covered'), count(*) FROM device_conditions"
            )
        ).fetchone()
        incidents = await (
            await connection.execute("SELECT count(*) FROM alerts WHERE type = 'area.outage'")
        ).fetchone()

        # We were away for an hour, and nobody has reported since.
        await connection.execute("UPDATE device_states SET last_seen_at = clock_timestamp() - interval '1 hour'")
        await connection.execute("UPDATE hearing SET looked_at = looked_at - interval '1 hour'")
        restart = [await turn(connection, rounds) for _ in range(5)]
        assert covered
        assert incidents
        return {
            "devices": devices,
            "first_turn_ms": round(first),
            "all_well_ms": percentiles(well),
            "street_lost_ms": percentiles([taken for taken, _ in street]),
            "street_noted": sum(done.noted for _, done in street),
            "street_covered": covered[0],
            "street_conditions": covered[1],
            "street_incidents": incidents[0],
            "after_restart_ms": percentiles([taken for taken, _ in restart]),
            "after_restart_noted": sum(done.noted for _, done in restart),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=20, help="when all is well")
    arguments = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as name, ExitStack() as opened:
        server = PostgresServer(Path(name) / "postgres", {"max_connections": "20"})
        server.start()
        opened.callback(server.stop)
        url = opened.enter_context(fresh_database(server.url(), template=None))
        migrate(url)
        measured = asyncio.run(measure(url, arguments.devices, arguments.turns))
        report({"bench": "devices"} | measured | {"durability": durability(url)} | before)


if __name__ == "__main__":
    main()
