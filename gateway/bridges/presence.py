"""That a bridge is there, as its retained message says it; and how it is read. Pure.

A bridge has no database: what it says stays at the broker, and when it dies, the broker says for it (its will) that it
is lost. It says it again every few seconds, because a broker that was away has no will of whoever died meanwhile.
"""

import json
import re
from dataclasses import dataclass
from typing import Literal, get_args

State = Literal["online", "lost", "stopped"]

#: Two levels below the prefix are no device's: `up` and `down` are no names of bridges.
EVERY = "anhu/v1/bridge/+/status"
BEAT_SECONDS = 10.0
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_NOBODY = frozenset({"up", "down"})
_MOST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Presence:
    """One process of a kind: `watch`, `cloud`. Its name is the same after a restart."""

    name: str
    kind: str

    @property
    def topic(self) -> str:
        return f"anhu/v1/bridge/{self.name}/status"

    def says(self, state: State) -> bytes:
        return json.dumps({"state": state, "kind": self.kind}).encode()


@dataclass(frozen=True, slots=True)
class Heard:
    presence: Presence
    state: State


def presence_of(kind: str, host: str, port: int, name: str = "") -> Presence:
    """Named by where it listens, unless it was given a name."""
    return Presence(name or f"{kind}-{re.sub(r'[^A-Za-z0-9._-]', '-', host)[:40]}-{port}", kind)


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in _NOBODY


def heard(topic: str, payload: bytes | bytearray) -> Heard | None:
    """None for what no bridge says."""
    parts = topic.split("/")
    if len(parts) != 5 or not is_name(parts[3]) or len(payload) > _MOST_BYTES:
        return None
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("state") not in get_args(State):
        return None
    kind = said.get("kind")
    if not isinstance(kind, str) or not _NAME.fullmatch(kind):
        return None
    return Heard(Presence(parts[3], kind), said["state"])
