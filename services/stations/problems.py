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


def warnings_of(rows: list[dict[str, Any]]) -> list[Problem]:
    """What holds no press up, and so neither makes a system unready nor concerns a station's screen. Pure."""
    return [*_of_accounts(rows), *_of_rules(rows), *_of_upkeep(rows), *_of_escalation(rows)]


def _of_escalation(rows: list[dict[str, Any]]) -> list[Problem]:
    """Alerts are raised and shown all the same; who else is to be told is told late, or nobody looks who watches."""
    found = []
    alerts = [row["status"] for row in rows if row["kind"] == "alerts" and not row["silent"]]
    overdue = max((one.get("timers", {}).get("overdue", 0) for one in alerts), default=0)
    if overdue:
        detail = f"{overdue} timers of alerts are more than 10 s overdue: who is to be told is told late"
        found.append(Problem("escalation_behind", "告警升级和通知处理不过来，请留意电话", detail))
    failing = [one["stations"] for one in alerts if one.get("stations", "looked after") != "looked after"]
    if failing:
        message = "无法检查各站点是否有人值守"
        found.append(Problem("stations", message, f"whose screens are watched cannot be looked at: {failing[0]}"))
    return found


def _of_upkeep(rows: list[dict[str, Any]]) -> list[Problem]:
    heard = [row for row in rows if not row["silent"]]
    upkeep = [row["status"] for row in heard if row["kind"] == "upkeep"]
    if any(one.get("ok") for one in upkeep) or not any(row["kind"] == "gateway" for row in heard):
        return []
    message = "数据整理服务没有运行或有错误：汇总、个人基线和到期清理已停止，磁盘可能会满"
    detail = f"says {upkeep[0]}" if upkeep else "has not beaten for 5 s"
    return [Problem("upkeep", message, f"anhu upkeep {detail}: no roll-ups, baselines, partitions or retention")]


def _of_rules(rows: list[dict[str, Any]]) -> list[Problem]:
    found = []
    heard = [row for row in rows if not row["silent"]]
    # Asked of those that say it: others have not been updated yet, and mark nobody.
    unmarked = [row["status"].get("limits", {}) for row in heard if row["kind"] == "gateway"]
    errors = [one.get("error", "does not mark readings yet") for one in unmarked if not one.get("ok")]
    if errors:
        message = "体征筛查条件没有加载，体征异常可能要晚几分钟才告警"
        found.append(Problem("rules_unmarked", message, f"a gateway cannot mark readings for rules: {errors[0]}"))
    rules = [row for row in heard if row["kind"] == "rules"]
    faults = [row["status"] for row in rules if not row["status"].get("ok")]
    silent = not rules and any(row["kind"] == "alerts" for row in heard)
    if faults or silent:
        message = "体征规则处理不过来或有错误，体征告警可能延迟"
        detail = f"say {faults[0]}" if faults else "have not beaten for 5 s"
        found.append(Problem("rules_behind", message, f"the rules on readings {detail}"))
    return found


def _of_accounts(rows: list[dict[str, Any]]) -> list[Problem]:
    followers = [row for row in rows if row["kind"] == "broker"]
    if not followers or any(row["status"].get("ok") and not row["silent"] for row in followers):
        return []
    message = "设备账号同步已停止：新登记的设备暂时不能接入，已停用的设备可能仍能接入"
    heard = [row["status"] for row in followers if not row["silent"]]
    detail = f"says {heard[0]}" if heard else "has not beaten for 5 s"
    return [Problem("broker_accounts", message, f"anhu broker {detail}: enrolments and revocations do not arrive")]
