"""The life of a service request: docs/services.md's table in code. Pure. Never louder than an alert."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from alerts.domain.alert import Actor

#: What is offered where somebody chooses; a device names its own.
SERVICES = ("家政预约", "物品代购", "费用代缴", "远程医疗", "服务转介", "咨询", "其他")


class RequestState(StrEnum):
    OPEN = "open"  # 待受理
    ACCEPTED = "accepted"  # 已受理
    ASSIGNED = "assigned"  # 已派单
    DONE = "done"  # 已办结
    WITHDRAWN = "withdrawn"  # 已撤销


REQUEST_WORDS = {
    RequestState.OPEN: "待受理",
    RequestState.ACCEPTED: "已受理",
    RequestState.ASSIGNED: "已派单",
    RequestState.DONE: "已办结",
    RequestState.WITHDRAWN: "已撤销",
}


class Step(StrEnum):
    ACCEPT = "accept"
    ASSIGN = "assign"
    DONE = "done"
    WITHDRAW = "withdraw"
    RATE = "rate"


#: From where each step is allowed.
_ALLOWED = {
    Step.ACCEPT: frozenset({RequestState.OPEN}),
    Step.ASSIGN: frozenset({RequestState.OPEN, RequestState.ACCEPTED, RequestState.ASSIGNED}),
    Step.DONE: frozenset({RequestState.ACCEPTED, RequestState.ASSIGNED}),
    Step.WITHDRAW: frozenset({RequestState.OPEN, RequestState.ACCEPTED, RequestState.ASSIGNED}),
    Step.RATE: frozenset({RequestState.DONE}),
}
_WORDS = {Step.ACCEPT: "受理", Step.ASSIGN: "派单", Step.DONE: "办结", Step.WITHDRAW: "撤销", Step.RATE: "评价"}


@dataclass(frozen=True, slots=True)
class Request:
    id: UUID
    state: RequestState
    holder_id: UUID | None
    holder_name: str | None
    assigned_to: str | None
    rating: int | None
    version: int


@dataclass(frozen=True, slots=True)
class Wish:
    """A step with what belongs to it: to whom it is assigned, how it is rated."""

    step: Step
    assigned_to: str | None = None
    rating: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class NotNow:
    """Refused; in Chinese, why."""

    detail: str
    state: RequestState


def allowed_steps(state: RequestState) -> list[Step]:
    return [step for step, states in _ALLOWED.items() if state in states]


def decide_step(request: Request, wish: Wish, who: Actor) -> Request | NotNow:
    """The request as the step leaves it."""
    if request.state not in _ALLOWED[wish.step]:
        by = f"{request.holder_name}" if request.holder_name and wish.step is Step.ACCEPT else ""
        return NotNow(f"{by}{REQUEST_WORDS[request.state]}，不能{_WORDS[wish.step]}", request.state)
    held = replace(request, version=request.version + 1)
    match wish.step:
        case Step.ACCEPT:
            return replace(held, state=RequestState.ACCEPTED, holder_id=who.id, holder_name=who.name)
        case Step.ASSIGN:
            # Whoever sends somebody has it, unless somebody had it before.
            holder = (request.holder_id or who.id, request.holder_name or who.name)
            return replace(
                held,
                state=RequestState.ASSIGNED,
                assigned_to=wish.assigned_to,
                holder_id=holder[0],
                holder_name=holder[1],
            )
        case Step.DONE:
            return replace(held, state=RequestState.DONE)
        case Step.WITHDRAW:
            return replace(held, state=RequestState.WITHDRAWN)
        case Step.RATE:
            return replace(held, rating=wish.rating)
        case _:
            assert_never(wish.step)
