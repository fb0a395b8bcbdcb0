"""How long each kind of data is kept, in words: the table `retention`, which `anhu upkeep` enforces, and beside it what
has no end."""

from typing import Any, Final

from services.storage.pool import Connection

WORDS: Final = {
    "readings": "逐条体征和位置读数",
    "readings_1m": "每分钟汇总",
    "readings_1h": "每小时汇总",
    "readings_1d": "每日汇总",
    "station_feed": "值守屏断线补发的内容",
    "quarantine": "无法识别的设备数据原文",
    "command_results": "设备命令的结果",
    "access_log": "谁看过（查阅记录）",
    "changes": "档案、机构、设备、账号的变更记录",
    "openings": "紧急查看及其理由",
    "sign_in_failures": "登录失败的次数",
    "sessions": "已结束的登录",
    "rule_episodes": "规则判断及其依据",
    "covers": "静默、维护、住院和外出",
    "held_alerts": "没有单独告警的提示",
    "device_conditions": "设备离线、低电量等状态",
    "rule_trials": "规则试运行的结果",
    "handover_links": "交接单链接",
    "audit_findings": "系统自检的发现",
    "notices": "发给人的通知及送达情况",
    "device_told": "设备收到的回执",
    "service_requests": "服务请求及经过（办结后）",
}
#: For as long as there is an account to give: statistics and liability rest on them. What says who it was goes with the
#: person (erase_person.py).
_ENDLESS: Final = {
    "alerts": "告警及处置经过",
    "events": "设备上报的事件",
    "elders": "老人档案（删除个人信息后只留编号）",
}
_ROWS = "SELECT name, (extract(epoch FROM keep) / 86400)::float AS days FROM retention ORDER BY name"


async def kept(connection: Connection) -> list[dict[str, Any]]:
    rows = await (await connection.execute(_ROWS)).fetchall()
    told = [{"name": name, "words": WORDS.get(name, name), "days": days} for name, days in rows]
    return told + [{"name": name, "words": words, "days": None} for name, words in _ENDLESS.items()]
