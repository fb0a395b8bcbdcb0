"""Captured messages of real devices, tests/data/captures: a file a family, a line a message; see test_captures.py."""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "data" / "captures"


@cache
def captures(family: str) -> list[dict[str, Any]]:
    """All of a family; none where it has no file."""
    file = FOLDER / f"{family}.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def wire(capture: dict[str, Any]) -> bytes:
    """The message's bytes."""
    payload = capture["payload"]
    match capture.get("encoding"):
        case "hex":
            return bytes.fromhex(payload)
        case "base64":
            return base64.b64decode(payload)
        case _:
            return payload.encode() if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False).encode()
