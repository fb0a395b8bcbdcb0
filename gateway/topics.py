"""Topic names of the native protocol (the contract, version 1). Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "anhu/v1"
DEVICE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Leaf(StrEnum):
    """The last part of an `up/` topic: what a device publishes."""

    READINGS = "readings"
    EVENTS = "events"
    STATUS = "status"
    RESULTS = "results"


_LEAVES = frozenset(leaf.value for leaf in Leaf)


@dataclass(frozen=True, slots=True)
class UpTopic:
    device_id: str
    leaf: Leaf


def parse_up(topic: str) -> UpTopic | None:
    """`anhu/v1/{device_id}/up/{leaf}`, else None."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[0] != "anhu" or parts[1] != "v1" or parts[3] != "up":
        return None
    if parts[4] not in _LEAVES or not DEVICE_ID.fullmatch(parts[2]):
        return None
    return UpTopic(parts[2], Leaf(parts[4]))


def every_device(leaf: Leaf) -> str:
    """The filter that matches this leaf of every device."""
    return f"{PREFIX}/+/up/{leaf}"


def up(device_id: str, leaf: Leaf) -> str:
    return f"{PREFIX}/{device_id}/up/{leaf}"


def receipts(device_id: str) -> str:
    return f"{PREFIX}/{device_id}/down/receipts"
