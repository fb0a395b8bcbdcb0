"""Whom `make bench BENCH=rescue` has: stations, elders with a button and four caregivers each, and what these do."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from alerts.channels.targets import read_target
from services.demo.seed import Seeded
from services.registry.passwords import hash_password

PASSWORD = "only of this bench"
CAREGIVERS = 4
STATIONS_OF_A_STREET = 20

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
    AND t.outcome = 'accepted' AND t.started_at > statement_timestamp() - interval '20 seconds'
    AND t.started_at < statement_timestamp() - interval '10 seconds' RETURNING n.id
)
SELECT pg_notify('anhu_notices', '') FROM opened LIMIT 1
"""


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


@asynccontextmanager
async def opening(url: str) -> AsyncIterator[None]:
    """While it lasts people open what they were sent."""

    async def run() -> None:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute("SET enable_seqscan = off")  # or most of the processor would be spent here
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
