"""The words a device is told at each stage: a voice wristband may speak them. Pure."""

from datetime import datetime
from typing import Any, assert_never

from alerts.domain.alert import Stage


def receipt(
    event_id: str, stage: Stage, at: datetime, responder: str | None = None, *, drill: bool = False
) -> dict[str, Any]:
    """The contract's receipt, as JSON. The elder is told as well that it is a drill."""
    return {
        "event_id": event_id,
        "stage": stage.value,
        "at": at.isoformat(timespec="milliseconds"),
        "message": f"{'演练：' if drill else ''}{_message(stage, responder)}",
    }


def _message(stage: Stage, responder: str | None) -> str:
    match stage:
        case Stage.STORED:
            return "已收到"
        case Stage.RAISED:
            return "已通知服务站"
        case Stage.SEEN:
            return "值班员已看到"
        case Stage.ACKNOWLEDGED:
            return "已接警"
        case Stage.DISPATCHED:
            return f"{responder or '救援人员'}正在路上"
        case Stage.ARRIVED:
            return "已到达"
        case Stage.RESOLVED:
            return "已处置完毕"
        case Stage.CANCELLED:
            return "已取消"
        case _:
            assert_never(stage)
