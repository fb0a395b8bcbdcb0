"""Where the channels of people lead, at rest: an address, a number, a browser's keys, the secret of a webhook.

A row of `channels` has its target plain (`target`, from before there were keys) or sealed (`target_sealed`). Whoever
reads accepts both; `rotate_keys.py` seals what is plain and turns what is sealed. The same target given again is known
by its fingerprint, which is a keyed hash where there are keys: a number would else be found by trying them all.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from services.registry.sealing import Keys

#: Of this kind a number or an address is all of the target, and its ends are shown.
GATEWAY: Final = "gateway"
UNREADABLE: Final = "打不开，请联系技术人员"


def sealed(keys: Keys, value: Mapping[str, Any]) -> tuple[str | None, bytes | None]:
    """`target` and `target_sealed`; without keys it is plain."""
    text = json.dumps(dict(value))
    return (None, keys.seal(text)) if keys else (text, None)


def opened(keys: Keys, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises KeysError when the key is not among ours; another ValueError for what is no target at all."""
    if row["target_sealed"] is None:
        plain: Mapping[str, Any] = row["target"]
        return plain
    value = json.loads(keys.open(bytes(row["target_sealed"])))
    if not isinstance(value, dict):
        raise ValueError("a sealed target of a channel is none")
    return value


def fingerprints(keys: Keys, kind: str, value: Mapping[str, Any]) -> list[bytes]:
    """What a row of this target may have: by the key in use, by those before it, and from before there were keys."""
    text = f"{kind} {_address(value)}"
    return [*keys.hashes(f"channel {text}"), hashlib.sha256(text.encode()).digest()]


def fingerprint_of_row(keys: Keys, kind: str, value: Mapping[str, Any], row_id: UUID) -> bytes:
    """Of a row whose target another row of the same person has as well."""
    return keys.hash(f"channel {row_id} {kind} {_address(value)}")


def service_at_rest(keys: Keys, kind: str, value: Mapping[str, Any], service: str) -> str:
    """The ends of a number leave too few to try."""
    return str(value["gateway"]) if keys and kind == GATEWAY else service


def service_shown(keys: Keys, row: Mapping[str, Any]) -> str:
    """What its person may see of it."""
    if row["kind"] != GATEWAY or row["target_sealed"] is None:
        return str(row["service"])
    try:
        return ends_of(str(opened(keys, row)["to"]))
    except (ValueError, KeyError):
        return UNREADABLE


def ends_of(to: str) -> str:
    """Enough to know which of one's own it is."""
    at = to.find("@")
    return f"{to[:2]}…{to[at:]}" if at > 0 else f"{to[:3]}…{to[-4:]}"


def _address(value: Mapping[str, Any]) -> str:
    return str(value.get("endpoint") or value.get("url") or f"{value.get('gateway')} {value.get('to')}")
