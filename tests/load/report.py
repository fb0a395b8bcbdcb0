"""How long a response report of a week takes, and the ledger beside it.

    make bench BENCH=report                              # 30,000 alerts of a district of 100 stations
    make bench BENCH=report ARGS="--alerts 5000"

A PostgreSQL of its own, filled inside the server: a week of alerts with their whole timeline, and as many again in the
weeks before, which the report must not pay for. Prints one line of JSON.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from alerts.domain.response import BEIJING
from alerts.press_ledger import reconcile
from alerts.response_report import beijing_midnight, response_report
from services.api.report_files import as_csv, as_xlsx
from services.storage.migrate import migrate
from tests.load.measuring import machine, report
from tests.parts.postgres import PostgresServer, fresh_database

STATIONS = 100
TIMES = 5
_MAKE = (
    "INSERT INTO organizations (id, tier, name) VALUES (gen_random_uuid(), 'city', 'city')",
    "INSERT INTO organizations (id, parent_id, tier, name)"
    " SELECT gen_random_uuid(), id, 'district', 'district' FROM organizations",
    "INSERT INTO organizations (id, parent_id, tier, name) SELECT gen_random_uuid(), o.id, 'community', 'station ' || n"
    f" FROM organizations o, generate_series(1, {STATIONS}) n WHERE o.tier = 'district'",
    "INSERT INTO elders (id, organization_id, name) SELECT gen_random_uuid(), id, 'invented'"
    " FROM organizations WHERE tier = 'community'",
    "INSERT INTO devices (device_id, kind, organization_id, elder_id)"
    " SELECT 'd' || row_number() OVER (), 'wristband', organization_id, id FROM elders",
    # Of ten alerts six are red, one of them a drill's; four in five are closed, most as false alarms.
    "CREATE TABLE made AS SELECT gen_random_uuid() AS id, n, d.device_id, d.elder_id, d.organization_id,"
    " %(since)s + random() * interval '7 days' - (n %% 2) * interval '14 days' AS at, random() AS luck"
    f" FROM generate_series(1, 2 * %(alerts)s) n JOIN devices d ON d.key = 1 + n %% {STATIONS}",
    "INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at, last_received_at, seq, raw,"
    " elder_id, organization_id) SELECT device_id, 'e' || n, CASE WHEN n %% 10 < 6 THEN 'sos' ELSE 'fall' END, n::text,"
    " at, at, at, row_number() OVER (PARTITION BY device_id ORDER BY at), '', elder_id, organization_id FROM made",
    "INSERT INTO alerts (id, type, severity, title, state, elder_id, device_id, organization_id, event_id, occurred_at,"
    " received_at, raised_at, last_move_at, drill, outcome)"
    " SELECT id, CASE WHEN n %% 10 < 6 THEN 'sos' ELSE 'fall' END, CASE WHEN n %% 10 < 6 THEN 'red' ELSE 'orange' END,"
    " '紧急救援', CASE WHEN luck < 0.8 THEN 'resolved' WHEN luck < 0.99 THEN 'cancelled' ELSE 'triggered' END,"
    " elder_id, device_id, organization_id, 'e' || n, at, at, at, at, n %% 10 = 0,"
    " CASE WHEN luck < 0.2 THEN 'assisted' WHEN luck < 0.8 THEN 'false_alarm' END FROM made",
    "INSERT INTO alert_events (event, alert_id, receipt) SELECT e.id, m.id, '{}' FROM made m"
    " JOIN events e ON e.device_id = m.device_id AND e.event_id = 'e' || m.n",
    "INSERT INTO alert_routes SELECT id, organization_id, 'home', at FROM made",
    "INSERT INTO alert_routes SELECT m.id, o.parent_id, 'escalated', at FROM made m"
    " JOIN organizations o ON o.id = m.organization_id WHERE m.luck BETWEEN 0.1 AND 0.2",
    "INSERT INTO alert_timeline (alert_id, at, kind, version) SELECT id, at + k.seconds * (0.2 + luck), k.kind,"
    " k.version FROM made, (VALUES ('raised', interval '0', 1), ('seen', interval '3 s', 1),"
    " ('acknowledged', interval '9 s', 2),"
    " ('dispatched', interval '110 s', 3), ('arrived', interval '700 s', 4), ('resolved', interval '1500 s', 5))"
    " AS k (kind, seconds, version) WHERE luck < 0.2 OR k.version < 3 AND luck < 0.8 OR k.version < 2"
    " OR k.version = 5 AND luck < 0.8",
)


def fill(url: str, alerts: int, since: datetime) -> UUID:
    """The district's id."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _MAKE:
            connection.execute(statement, {"alerts": alerts, "since": since})
        connection.execute("VACUUM ANALYZE")
        row = connection.execute("SELECT id FROM organizations WHERE tier = 'district'").fetchone()
        assert row is not None
        district: UUID = row[0]
        return district


async def _timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    taken, result = [], None
    for _ in range(TIMES):
        begun = time.perf_counter()
        result = await work()
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[TIMES // 2], result


async def measure(url: str, district: UUID, first: datetime) -> dict[str, Any]:
    day = (first + BEIJING).date()
    last = day + timedelta(days=6)
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        seconds, made = await _timed(lambda: response_report(connection, district, day, last))
        ledger, reconciled = await _timed(lambda: reconcile(connection, first, first + timedelta(days=7), district))
    begun = time.perf_counter()
    book = as_xlsx(made)
    xlsx = time.perf_counter() - begun
    begun = time.perf_counter()
    as_csv(made)
    return {
        "alerts": made["real"]["alerts"] + made["drills"]["alerts"],
        "report_seconds": round(seconds, 3),
        "ledger_seconds": round(ledger, 3),
        "xlsx_seconds": round(xlsx, 3),
        "xlsx_bytes": len(book),
        "csv_seconds": round(time.perf_counter() - begun, 3),
        "answered_in_10": made["real"]["measures"][0]["share"],
        "unaccounted": reconciled["unaccounted"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=30_000)
    options = parser.parse_args()
    before = machine()
    first = beijing_midnight((datetime.now(UTC) + BEIJING).date() - timedelta(days=7))
    with tempfile.TemporaryDirectory(prefix="anhu-bench-") as folder:
        server = PostgresServer(Path(folder) / "postgres")
        Path(folder).chmod(0o755)
        server.start()
        try:
            with fresh_database(server.url(), template=None) as url:
                migrate(url)
                district = fill(url, options.alerts, first)
                report({"benchmark": "report"} | asyncio.run(measure(url, district, first)) | before)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
