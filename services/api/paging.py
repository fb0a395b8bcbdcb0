"""Pages: `limit` and an opaque `cursor` in, `items` and `next` out."""

import base64
import json
from typing import Annotated, Any

from fastapi import Query

from services.api.problems import ProblemError

Limit = Annotated[int, Query(ge=1, le=500, description="how many items at most")]
Cursor = Annotated[str | None, Query(description="the `next` of the page before")]


def encode(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position, default=str).encode()).decode()


def decode(cursor: str | None, *kinds: Any) -> list[Any] | None:
    """The position behind a cursor, each part made by its kind. Raises a 422 problem for one that is not ours."""
    if not cursor:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        if not isinstance(position, list) or len(position) != len(kinds):
            raise ValueError
        if any(isinstance(part, str) and "\x00" in part for part in position):
            raise ValueError
        return [kind(part) for kind, part in zip(kinds, position, strict=True)]
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise ProblemError(422, "cursor 无效：请使用上一页返回的 next", title="Invalid cursor") from None


def page(rows: list[dict[str, Any]], limit: int, *by: str) -> tuple[list[dict[str, Any]], str | None]:
    """One row more than the limit was asked for: whether there is a next page."""
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, encode(*(rows[-1][name] for name in by))
