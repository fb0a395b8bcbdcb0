"""deploy/mosquitto/write_accounts.py, before a real broker and a real device table."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from services.broker.passwords import hash_password
from tests.parts.broker import Broker
from tests.parts.waiting import until

SCRIPT = Path(__file__).parents[2] / "deploy" / "mosquitto" / "write_accounts.py"


def write_accounts(directory: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, directory, *options],
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_running_broker_follows_the_device_table(database_url: str, broker: Broker, server_folder: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO organizations (id, tier, name) VALUES (gen_random_uuid(), 'community', 'a station')"
        )
        connection.execute(
            "INSERT INTO devices (device_id, kind, organization_id, credential_hash, revoked_at)"
            " SELECT device_id, 'wristband', id, %s, revoked_at::timestamptz FROM organizations,"
            " (VALUES ('enrolled', NULL), ('revoked', '2026-01-01')) AS d (device_id, revoked_at)",
            [hash_password("secret")],
        )
    pid_file = server_folder / "mosquitto.pid"
    pid_file.write_text(str(broker.pid))
    directory = server_folder / "broker"
    owner = ["--user", directory.owner()] if os.geteuid() == 0 else []
    done = write_accounts(
        directory,
        "--pid-file",
        str(pid_file),
        *owner,
        ANHU_DATABASE_URL=database_url,
        ANHU_GATEWAY_PASSWORD="one",
        ANHU_ALERTS_PASSWORD="two",
    )
    assert (done.stdout, done.stderr) == ("1 devices may sign in.\n", "")
    until(lambda: broker.lets_in("enrolled", "secret"), "the enrolled device signs in")
    assert broker.lets_in("anhu-gateway", "one")
    assert broker.lets_in("anhu-alerts", "two")
    assert not broker.lets_in("revoked", "secret")


def test_names_the_settings_that_are_missing(tmp_path: Path) -> None:
    done = write_accounts(tmp_path, ANHU_DATABASE_URL="", ANHU_GATEWAY_PASSWORD="one", ANHU_ALERTS_PASSWORD="")
    assert done.returncode == 2
    assert "set ANHU_DATABASE_URL, ANHU_ALERTS_PASSWORD" in done.stderr
