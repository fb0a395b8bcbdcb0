"""Which bridges there are: a gateway notes what they say of themselves (`gateway/bridge_notes.py`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.rows import class_row

from alerts.domain.rules.fence import BEIJING
from services.stations.problems import Problem
from services.storage.pool import Connection

#: Three beats that did not come.
SILENT_SECONDS = 30

_BRIDGES = f"""
SELECT name, kind, state, since, heard_at,
       heard_at < clock_timestamp() - interval '{SILENT_SECONDS} seconds' AS silent
FROM bridges ORDER BY name
"""
_CARRIED = {"watch": "4G 手表", "cloud": "云平台设备"}


@dataclass(frozen=True, slots=True)
class Bridge:
    name: str
    kind: str
    state: Literal["online", "lost", "stopped"]
    since: datetime  # it is in its state
    heard_at: datetime
    silent: bool

    def is_gone(self, *, listening: bool) -> bool:
        """Lost, by the broker's word; or silent, while somebody listened."""
        return self.state == "lost" or (self.state == "online" and self.silent and listening)

    @property
    def gone_since(self) -> datetime:
        return self.since if self.state == "lost" else self.heard_at


async def bridges(connection: Connection) -> list[Bridge]:
    async with connection.cursor(row_factory=class_row(Bridge)) as cursor:
        await cursor.execute(_BRIDGES)
        return await cursor.fetchall()


def is_listening(rows: list[dict[str, Any]]) -> bool:
    """Whether a gateway would have heard a bridge. Pure."""
    return any(
        row["status"].get("bridges", {}).get("listening")
        for row in rows
        if row["kind"] == "gateway" and not row["silent"]
    )


def states_of(found: list[Bridge], *, listening: bool) -> list[dict[str, Any]]:
    """As /readyz tells them. Pure."""
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "state": "gone" if gone else one.state,
            "since": one.gone_since if gone else one.since,
        }
        for one in found
        for gone in [one.is_gone(listening=listening)]
    ]


def gone_of(found: list[Bridge], *, listening: bool) -> list[tuple[Problem, bool]]:
    """A problem for each bridge that is gone, and whether it is left to nobody: then presses of its devices may not
    come in, and every screen is told. One that was stopped is nobody's problem. Pure."""
    there = {one.kind for one in found if one.state == "online" and not one.is_gone(listening=listening)}
    problems = []
    for one in found:
        if not one.is_gone(listening=listening):
            continue
        since, carried = one.gone_since, _CARRIED.get(one.kind, "部分设备")
        at = f"{since.astimezone(BEIJING):%m月%d日 %H:%M}"
        message = f"{carried}的接入服务自{at}起没有响应，这些设备的呼救可能收不到，请通知技术人员"
        detail = (
            f"the bridge {one.name} ({one.kind}) is gone since {since.isoformat(timespec='seconds')}: start it again,"
            f" or say `anhu bridge forget {one.name}` when it is not to come back"
        )
        problems.append((Problem("bridge_gone", message, detail), one.kind not in there))
    return problems
