"""Who may sign in to the broker, and what each may say and hear: its password and rights files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

DEVICE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HASH = re.compile(r"\$7\$[1-9][0-9]{0,8}\$[A-Za-z0-9+/]+={0,2}\$[A-Za-z0-9+/]+={0,2}")

GATEWAY = "anhu-gateway"
ALERTS = "anhu-alerts"
BRIDGE = "anhu-bridge"
BENCH = "anhu-bench"
HOME_ASSISTANT = "anhu-homeassistant"
PROBE = "anhu-probe"
#: Names of our own processes, taken whether or not they have an account already.
RESERVED = frozenset({GATEWAY, ALERTS, BRIDGE, BENCH, HOME_ASSISTANT, PROBE})

GATEWAY_RIGHTS = (
    *("read anhu/v1/+/up/#", "write anhu/v1/+/down/#", "read $SYS/broker/#"),
    "read anhu/v1/bridge/+/status",
)
ALERTS_RIGHTS = ("write anhu/v1/+/down/#",)
#: The synthetic press of `anhu watch`: its own events out, and what became of them back.
PROBE_RIGHTS = (f"write anhu/v1/{PROBE}/up/events", f"read anhu/v1/{PROBE}/down/receipts")
#: The last: that a bridge is there, which only bridges say.
BRIDGE_RIGHTS = ("write anhu/v1/+/up/#", "read anhu/v1/+/down/#", "write anhu/v1/bridge/+/status")


def home_assistant_rights(prefix: str) -> tuple[str, ...]:
    """What `anhu homeassistant` needs for a discovery prefix: it writes what it announces, and reads what it wrote."""
    return (
        f"write {prefix}/device/+/config",
        f"write anhu/ha/{prefix}/#",
        f"read {prefix}/device/+/config",
        f"read {prefix}/status",
        f"read anhu/ha/{prefix}/#",
    )


def home_assistant_reader_rights(prefix: str) -> tuple[str, ...]:
    """What a Home Assistant of that prefix needs to show what we announce; others' devices are its owner's matter."""
    return (f"read {prefix}/#", f"write {prefix}/status", f"read anhu/ha/{prefix}/#")


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


def gateway_account(credential_hash: str, source_filters: Iterable[str] = ()) -> ServiceAccount:
    """`source_filters`: the topics of other makers' devices, as in the sources file."""
    return ServiceAccount(GATEWAY, credential_hash, (*GATEWAY_RIGHTS, *(f"read {name}" for name in source_filters)))


def alerts_account(credential_hash: str) -> ServiceAccount:
    return ServiceAccount(ALERTS, credential_hash, ALERTS_RIGHTS)


def bridge_account(credential_hash: str) -> ServiceAccount:
    """The bridges': they speak native v1 for hardware that cannot, any of it, and hear what it is told.

    It is trusted with every device because a bridge learns only from a watch or a cloud whose device it speaks for,
    which may be enrolled while it runs. Whoever has its password can raise alarms, answer commands and hear receipts
    in any device's name; it cannot read readings or events, nor tell a device anything, so a press is safe from it.
    """
    return ServiceAccount(BRIDGE, credential_hash, BRIDGE_RIGHTS)


def probe_account(credential_hash: str) -> ServiceAccount:
    return ServiceAccount(PROBE, credential_hash, PROBE_RIGHTS)


def home_assistant_account(credential_hash: str, prefix: str = "homeassistant") -> ServiceAccount:
    return ServiceAccount(HOME_ASSISTANT, credential_hash, home_assistant_rights(prefix))


def home_assistant_reader(username: str, credential_hash: str, prefix: str = "homeassistant") -> ServiceAccount:
    """The account of a Home Assistant itself: what it may read of ours is of its own prefix alone."""
    return ServiceAccount(username, credential_hash, home_assistant_reader_rights(prefix))


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
        if not HASH.fullmatch(credential_hash):
            raise ValueError(f"{username}: not a password hash of the form $7$iterations$salt$hash")
    return "".join(f"{username}:{credential_hash}\n" for username, credential_hash in hashes.items())


def fit_for_file(
    devices: Iterable[tuple[str, str]], services: Iterable[ServiceAccount]
) -> tuple[list[tuple[str, str]], list[ServiceAccount], list[str]]:
    """Those that password_text takes, and the names of the others: one bad row must not shut everybody out."""
    fit = [one for one in services if DEVICE_ID.fullmatch(one.username) and HASH.fullmatch(one.credential_hash)]
    left_out = [one.username for one in services if one not in fit]
    taken = {one.username for one in services}
    kept = []
    for device_id, credential_hash in devices:
        if device_id not in taken and DEVICE_ID.fullmatch(device_id) and HASH.fullmatch(credential_hash):
            kept.append((device_id, credential_hash))
        else:
            left_out.append(device_id)
    return kept, fit, left_out


def rights_text(services: Iterable[ServiceAccount], revoked: Iterable[str] = ()) -> str:
    """Mosquitto's ACL file. It does not name devices, so a new device changes the password file alone.

    But `revoked` devices: one that signs in by a certificate needs no line in the password file, so it can still
    connect; here it may neither speak nor hear.

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
    for device_id in revoked:
        lines += ["", f"user {device_id}", f"topic deny anhu/v1/{device_id}/#"]
    return "\n".join(lines) + "\n"
