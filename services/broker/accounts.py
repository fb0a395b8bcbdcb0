"""Who may sign in to the broker, and what each may say and hear: its password and rights files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

DEVICE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

GATEWAY = "anhu-gateway"
ALERTS = "anhu-alerts"
BENCH = "anhu-bench"

GATEWAY_RIGHTS = ("read anhu/v1/+/up/#", "write anhu/v1/+/down/#", "read $SYS/broker/#")
ALERTS_RIGHTS = ("write anhu/v1/+/down/#",)

# `%u` is the user name, which is the device_id.
DEVICE_RIGHTS = (
    "write anhu/v1/%u/up/readings",
    "write anhu/v1/%u/up/events",
    "write anhu/v1/%u/up/status",
    "write anhu/v1/%u/up/results",
    "read anhu/v1/%u/down/#",
)


@dataclass(frozen=True)
class ServiceAccount:
    """Somebody who is not a device. `rights` are `read|write|readwrite TOPIC`, with MQTT's wildcards."""

    username: str
    credential_hash: str
    rights: tuple[str, ...]


def gateway_account(credential_hash: str) -> ServiceAccount:
    return ServiceAccount(GATEWAY, credential_hash, GATEWAY_RIGHTS)


def alerts_account(credential_hash: str) -> ServiceAccount:
    return ServiceAccount(ALERTS, credential_hash, ALERTS_RIGHTS)


def bench_account(credential_hash: str, device_ids: Iterable[str]) -> ServiceAccount:
    """The benchmark's: it speaks for these devices over few connections, and for no others."""
    rights = (
        f"{right}/{device_id}/{way}"
        for device_id in device_ids
        for right, way in (("write anhu/v1", "up/#"), ("read anhu/v1", "down/#"))
    )
    return ServiceAccount(BENCH, credential_hash, tuple(rights))


def password_text(devices: Iterable[tuple[str, str]], services: Iterable[ServiceAccount]) -> str:
    """Mosquitto's password file: a line each of (device_id, credential_hash), and of each service account.

    Raises ValueError for a name or hash that would break the file, and for a device named as a service
    account, whose rights it would have.
    """
    hashes = {account.username: account.credential_hash for account in services}
    for device_id, credential_hash in devices:
        if not DEVICE_ID.fullmatch(device_id):
            raise ValueError(f"device_id {device_id!r} is not 1 to 64 of A-Z a-z 0-9 . _ -")
        if device_id in hashes:
            raise ValueError(f"device_id {device_id!r} is taken, by a device or a service account")
        hashes[device_id] = credential_hash
    for username, credential_hash in hashes.items():
        if not credential_hash.startswith("$7$") or not credential_hash.isprintable():
            raise ValueError(f"{username}: not a password hash of the form $7$iterations$salt$hash")
    return "".join(f"{username}:{credential_hash}\n" for username, credential_hash in hashes.items())


def rights_text(services: Iterable[ServiceAccount]) -> str:
    """Mosquitto's ACL file. It does not name devices, so a new device changes the password file alone.

    Mosquitto applies `pattern` lines to every user, service accounts too: `anhu-gateway` could publish under
    `anhu/v1/anhu-gateway/up/`, where no device is.

    Mosquitto 2.0 refuses no subscription; it only does not deliver what one may not read. So a device that
    knew the name of the gateways' `$share/NAME/` could join it, and whatever fell to its turn would be lost:
    that name must be as secret as the gateways' client ids.
    """
    lines = ["# Written by services.broker: a change here is lost at the next write.", "", "# Every device:"]
    lines += [f"pattern {right}" for right in DEVICE_RIGHTS]
    for account in services:
        lines += ["", f"user {account.username}", *(f"topic {right}" for right in account.rights)]
    return "\n".join(lines) + "\n"
