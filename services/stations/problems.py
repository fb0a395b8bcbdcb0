"""What is wrong with the system itself, in the words of a station's screen and of /readyz."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from services.runtime.beats import WORKERS
from services.storage.pool import Connection


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    message: str  # for operators, in Chinese
    detail: str  # for engineers
    organization_id: UUID | None = None  # whose screens are told; None: all


_WORDS = {
    "gateway": "设备消息网关没有响应，新的呼救可能收不到，请电话值守并通知技术人员",
    "alerts": "告警服务没有响应，新的呼救可能不会显示，请电话值守并通知技术人员",
}


_OWN = tuple(f"{kind}_" for kind in _WORDS)
#: A finding that the audit has not confirmed for so long is of an audit that has ended: that is another warning.
_FINDINGS = """
SELECT code, grave, message, detail, organization_id FROM audit_findings
WHERE ended_at IS NULL AND last_seen_at > clock_timestamp() - interval '1 minute'
ORDER BY grave DESC, first_seen_at, id LIMIT 100
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What `anhu watch` found. `grave`: a press might not reach a person."""

    problem: Problem
    grave: bool


async def findings(connection: Connection) -> list[Finding]:
    """What the audit says is wrong now, the gravest first: without what each api sees by itself, and sooner."""
    rows = await (await connection.execute(_FINDINGS)).fetchall()
    return [
        Finding(Problem(code, message, detail, station), grave)
        for code, grave, message, detail, station in rows
        if not code.startswith(_OWN)
    ]


def told(problems: list[Problem], found: list[Finding]) -> list[Problem]:
    """What screens are told: the problems that each api sees by itself, and what is grave of the audit's. Pure."""
    return [*problems, *(one.problem for one in found if one.grave)]


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
    looks = (
        _of_accounts,
        _of_rules,
        _of_escalation,
        _of_nearby,
        _of_delivery,
        _of_care,
        _of_webhooks,
        _of_upkeep,
        _of_the_watch,
        _of_bridges,
    )
    return [problem for look in looks for problem in look(rows)]


def _of_nearby(rows: list[dict[str, Any]]) -> list[Problem]:
    errors = [
        row["status"]["nearby"]["error"]
        for row in rows
        if row["kind"] == "alerts" and not row["silent"] and row["status"].get("nearby")
    ]
    if not errors:
        return []
    message = "外出老人所在地的站点可能没有收到共享告警，响应者可能没有收到结束通知"
    return [Problem("nearby", message, f"what follows an alert nearby fails and is tried again: {errors[0]}")]


def _of_delivery(rows: list[dict[str, Any]]) -> list[Problem]:
    heard = [row for row in rows if not row["silent"]]
    delivery = [row["status"] for row in heard if row["kind"] == "delivery"]
    if not delivery:
        if not any(row["kind"] == "alerts" for row in heard):
            return []
        message = "通知服务没有响应，家属和值班人员收不到手机通知"
        return [Problem("delivery", message, "nobody delivers notices: no delivery process has beaten for 5 s")]
    found = []
    unreached = max(one.get("unreached_last_hour", 0) for one in delivery)
    if unreached:
        message = f"最近一小时有 {unreached} 人次没能通知到，请看告警经过并打电话"
        found.append(Problem("unreached", message, f"{unreached} notices of the last hour reached nobody"))
    if not any(one.get("links") for one in delivery):
        message = "通知里没有链接，无法知道是否有人打开"
        detail = "ANHU_SECRET_KEY is not set for `anhu alerts`: messages carry no link, nobody is known to open one"
        found.append(Problem("delivery_links", message, detail))
    if not any(_delivers(one) for one in delivery):
        message = "手机通知可能延迟或发不出去"
        found.append(Problem("delivery_behind", message, f"the delivery of notices says {delivery[0]}"))
    return found


def _delivers(status: dict[str, Any]) -> bool:
    behind = status.get("oldest_seconds", 0) >= 15
    return status.get("database") == "connected" and not behind and not status.get("stuck") and not status.get("fault")


def _of_care(rows: list[dict[str, Any]]) -> list[Problem]:
    """Visits, medicines and commands: presses and alerts go on without them."""
    heard = [row for row in rows if not row["silent"]]
    care = [row["status"] for row in heard if row["kind"] == "care"]
    if any(one.get("ok") for one in care) or not any(row["kind"] == "alerts" for row in heard):
        return []
    message = "用药提醒、巡访提醒和设备命令可能延迟"
    detail = f"says {care[0]}" if care else "has not beaten for 5 s"
    return [Problem("care", message, f"visits, medicines and commands: the care process {detail}")]


def _of_webhooks(rows: list[dict[str, Any]]) -> list[Problem]:
    """Other systems that are told of changes, and do not answer."""
    told = [row["status"].get("webhooks") or {} for row in rows if row["kind"] == "care" and not row["silent"]]
    stopped, failing = (max((one.get(name, 0) for one in told), default=0) for name in ("stopped", "failing"))
    if not stopped and not failing:
        return []
    message = "有对外推送发不出去或已暂停，请在“对外推送”里查看"
    gone = f"{stopped} are paused because they failed for a day or said 410"
    detail = f"webhooks for changes: {gone}, {failing} have failed for longer than a quarter of an hour"
    return [Problem("webhooks", message, detail)]


def _of_the_watch(rows: list[dict[str, Any]]) -> list[Problem]:
    """Who watches the watch: it has been there, and is not now. One that was never started is nobody's fault."""
    watches = [row for row in rows if row["kind"] == "watch"]
    if not watches or any(row["status"].get("ok") and not row["silent"] for row in watches):
        return []
    message = "系统自检已停止：自检呼叫和值守检查没有进行，请通知技术人员"
    heard = [row["status"] for row in watches if not row["silent"]]
    detail = f"says {heard[0]}" if heard else "has not beaten for 5 s"
    return [Problem("watch", message, f"anhu watch {detail}: no synthetic presses, no audit")]


def _of_bridges(rows: list[dict[str, Any]]) -> list[Problem]:
    """Whether bridges are noted; and `anhu homeassistant`, which beats itself: it has been there, and is not."""
    errors = [
        row["status"]["bridges"]["error"]
        for row in rows
        if row["kind"] == "gateway" and not row["silent"] and row["status"].get("bridges", {}).get("error")
    ]
    found = []
    if errors:
        message = "无法得知手表和云平台的接入服务是否在运行"
        found.append(
            Problem("bridges_unnoted", message, f"a gateway does not note which bridges are there: {errors[0]}")
        )
    homes = [row for row in rows if row["kind"] == "homeassistant"]
    if homes and not any(row["status"].get("ok") and not row["silent"] for row in homes):
        heard = [row["status"] for row in homes if not row["silent"]]
        detail = f"says {heard[0]}" if heard else "has not beaten for 5 s"
        message = "Home Assistant 接入没有响应，家中面板上的设备和告警状态不再更新"
        found.append(Problem("homeassistant", message, f"anhu homeassistant {detail}: its entities are unavailable"))
    return found


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
