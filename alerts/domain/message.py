"""The words that reach a person's telephone: Chinese, short, nothing of health, no name, no address. Pure.

They lie on a locked screen, in a chat of a group, in the log of a gateway. Whoever opens the link sees the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.delivery import TEST, UPDATE
from alerts.domain.rules.fence import BEIJING

_TITLES: Final = {
    Severity.RED: "紧急救援",
    Severity.ORANGE: "请尽快核实",
    Severity.YELLOW: "请今日处理",
    Severity.BLUE: "设备提醒",
}
#: To whom it is said, by why they are told.
_BODIES: Final = {
    "caregiver": ("您关注的老人需要帮助", "您关注的老人有新情况"),
    "responder": ("附近有老人需要帮助，您能去吗", "附近有老人需要看望"),
    "duty": ("有紧急救援等待接警", "有新告警等待接警"),
    "named": ("有紧急救援等待处理", "有新告警等待处理"),
    "visitor": ("有老人需要您上门", "您负责的老人逾期未巡访"),
    "tier": ("有紧急救援无人接警", "有告警无人接警"),
}
#: Whoever is on shift in a care home has to run now: to them a bed is said, which says nothing outside of the house.
_IN_THE_HOUSE: Final = frozenset({"duty", "named"})
_MOST_BED: Final = 20
_ELSE: Final = ("有紧急救援需要您", "有新告警需要您")
_UPDATES: Final = {
    "on_the_way": ("已派人", "已有人出发前往"),
    "arrived": ("已到场", "救援人员已到老人身边"),
    "resolved": ("已处置", "本次告警已处置完毕"),
    "cancelled": ("已取消", "本人已取消，无需处理"),
    # To responders: another one goes, and it is closed while they were on the way.
    "taken": ("不用去了", "已有人前往，这次不用去了，谢谢您"),
    "over": ("已结束", "这次求助已经结束，不用再去，谢谢您"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """`key` names the notice: the same message again has the same. `tag` names the alert for this person: what comes
    later takes the place of what is still shown. `url` may be empty."""

    key: str
    tag: str
    title: str
    body: str
    url: str
    severity: Severity
    drill: bool
    at: datetime


def render(
    *,
    notice_id: UUID,
    alert_id: UUID | None,
    why: str,
    about: str | None,
    severity: Severity,
    drill: bool,
    happened_at: datetime,
    at: datetime,
    url: str,
    bed: str | None = None,
    closed: str | None = None,
) -> Message:
    """`severity` as it is now. `happened_at`: when the alert was raised. `bed`: of an elder in a care home. `closed`:
    resolved or cancelled, when the alert is: whoever is told only then is not called to help."""
    if why == TEST:
        title, body = "安护测试", "这是一条测试消息，收到即表示这个通知方式可用"
    elif closed is not None and why != UPDATE:
        title, body = _UPDATES["over" if why == "responder" else closed]
    elif why == UPDATE:
        title, body = _UPDATES.get(about or "", ("有进展", "您收到的告警有新进展"))
    else:
        red, milder = _BODIES.get(why, _ELSE)
        title = _TITLES[severity]
        where = f"：{bed[:_MOST_BED]}" if bed and why in _IN_THE_HOUSE else ""
        body = f"{red if severity is Severity.RED else milder}{where}，点开查看"
    if why != TEST:
        body = f"{body}（{happened_at.astimezone(BEIJING):%H:%M}）"
    if drill:
        title, body = f"【演练】{title}", f"演练，不是真实告警：{body}"
    return Message(
        key=str(notice_id),
        tag=(alert_id or notice_id).hex,
        title=title,
        body=body,
        url=url,
        severity=severity,
        drill=drill,
        at=at,
    )
