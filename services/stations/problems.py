"""What is wrong with the system itself, in the words of a station's screen and of /readyz."""

from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from services.runtime.beats import WORKERS
from services.storage.pool import Connection


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    message: str  # for operators, in Chinese
    detail: str  # for engineers


_WORDS = {
    "gateway": "设备消息网关没有响应，新的呼救可能收不到，请电话值守并通知技术人员",
    "alerts": "告警服务没有响应，新的呼救可能不会显示，请电话值守并通知技术人员",
}


async def workers(connection: Connection) -> list[dict[str, Any]]:
    """The processes that have beaten within the last hour."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(WORKERS)
        return await cursor.fetchall()


def problems_of(rows: list[dict[str, Any]]) -> list[Problem]:
    """One problem for each kind of worker of which none does its work. Pure."""
    found = []
    for kind, message in _WORDS.items():
        heard = [row for row in rows if row["kind"] == kind and not row["silent"]]
        if any(row["status"].get("ok") for row in heard):
            continue
        if not heard:
            found.append(Problem(f"{kind}_silent", message, f"no {kind} process has beaten for 5 s"))
            continue
        status = heard[0]["status"]
        if status.get("mqtt") == "disconnected":
            words = "设备消息服务器（MQTT）连接中断，新的呼救可能收不到，请电话值守并通知技术人员"
            found.append(Problem(f"{kind}_mqtt", words, f"{kind} has no connection to the MQTT broker"))
        elif status.get("stuck"):
            found.append(Problem(f"{kind}_stuck", message, f"{kind} is stuck: {status}"))
        else:
            found.append(Problem(f"{kind}_database", message, f"{kind} has no connection to the database"))
    return found
