"""Writes Mosquitto's password and rights files from the device table, and has a running broker read them.

    ANHU_DATABASE_URL=… ANHU_GATEWAY_PASSWORD=… ANHU_ALERTS_PASSWORD=… \\
        python deploy/mosquitto/write_accounts.py /etc/mosquitto --user mosquitto --pid-file /run/mosquitto.pid

Run it as root whenever devices were enrolled or revoked. Nobody who is connected is disconnected.
"""

import argparse
import os
import pwd
import sys
from pathlib import Path

import psycopg

from services.broker.accounts import alerts_account, gateway_account
from services.broker.mosquitto import BrokerDirectory, reload
from services.broker.passwords import hash_password

DEVICES = (
    "SELECT device_id, credential_hash FROM devices"
    " WHERE credential_hash IS NOT NULL AND revoked_at IS NULL ORDER BY device_id"
)


def main() -> str:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where `passwords` and `rights.acl` are kept")
    parser.add_argument("--user", help="whom the broker runs as: the files are given to that user")
    parser.add_argument("--pid-file", type=Path, help="of the broker that is to read the files again")
    asked = parser.parse_args()

    missing = [
        name for name in ("DATABASE_URL", "GATEWAY_PASSWORD", "ALERTS_PASSWORD") if not os.environ.get(f"ANHU_{name}")
    ]
    if missing:
        parser.error(f"set {', '.join(f'ANHU_{name}' for name in missing)}")
    with psycopg.connect(os.environ["ANHU_DATABASE_URL"]) as connection:
        devices = connection.execute(DEVICES).fetchall()
    owner = pwd.getpwnam(asked.user) if asked.user else None
    directory = BrokerDirectory(asked.directory, (owner.pw_uid, owner.pw_gid) if owner else None)
    directory.write_accounts(
        devices,
        [
            gateway_account(hash_password(os.environ["ANHU_GATEWAY_PASSWORD"])),
            alerts_account(hash_password(os.environ["ANHU_ALERTS_PASSWORD"])),
        ],
    )
    if asked.pid_file:
        reload(int(asked.pid_file.read_text()))
    return f"{len(devices)} devices may sign in."


if __name__ == "__main__":
    sys.stdout.write(f"{main()}\n")
