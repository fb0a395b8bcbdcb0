"""The moves of people, and what each does: ARCHITECTURE.md's state table in code. Pure."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from alerts.domain.alert import (
    Actor,
    Alert,
    Change,
    Entry,
    Person,
    Refusal,
    State,
    TimerKind,
)

#: What ends with an answer; what the alert waits for next is planned anew.
_ANSWERED = frozenset({TimerKind.WORSEN, TimerKind.ESCALATE})

OUTCOMES = ("assisted", "hospital", "false_alarm", "accidental", "test", "drill")

STATE_WORDS = {
    State.TRIGGERED: "待接警",
    State.ACKNOWLEDGED: "已接警",
    State.DISPATCHED: "已派员",
    State.ARRIVED: "已到场",
    State.RESOLVED: "已处置",
    State.FOLLOWED_UP: "已回访",
    State.CANCELLED: "已由本人取消",
}


@dataclass(frozen=True, slots=True)
class Acknowledge:
    note: str | None = None
    #: how many presses the person saw; fewer than there are leaves `attention` on
    occurrences: int | None = None
    #: the alert's as the person saw it: what asks for an answer without a press (a call for help) came after an older
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Dispatch:
    responder: str
    eta_minutes: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Arrive:
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    outcome: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    note: str


Move = Acknowledge | Dispatch | Arrive | Resolve | FollowUp

#: From where each move is allowed, beside acknowledging an alert that has `attention`.
ALLOWED: dict[str, frozenset[State]] = {
    "acknowledge": frozenset({State.TRIGGERED}),
    "dispatch": frozenset({State.ACKNOWLEDGED, State.DISPATCHED}),
    "arrive": frozenset({State.DISPATCHED}),
    "resolve": frozenset({State.ACKNOWLEDGED, State.DISPATCHED, State.ARRIVED}),
    "follow_up": frozenset({State.RESOLVED, State.FOLLOWED_UP}),
}

#: The timeline's word for each move, which is also the state it leads to.
KINDS = {
    "acknowledge": "acknowledged",
    "dispatch": "dispatched",
    "arrive": "arrived",
    "resolve": "resolved",
    "follow_up": "followed_up",
}


def name_of(move: Move) -> str:
    match move:
        case Acknowledge():
            return "acknowledge"
        case Dispatch():
            return "dispatch"
        case Arrive():
            return "arrive"
        case Resolve():
            return "resolve"
        case FollowUp():
            return "follow_up"
        case _:
            assert_never(move)


def body_of(move: Move) -> dict[str, Any]:
    """What makes a repeat of a move a repeat: its body, where null is the same as absent."""
    return {name: value for name, value in asdict(move).items() if value is not None}


def allowed_moves(alert: Alert) -> list[str]:
    moves = [name for name, states in ALLOWED.items() if alert.state in states]
    if alert.attention and alert.unresolved and "acknowledge" not in moves:
        moves.insert(0, "acknowledge")
    return moves


def decide_move(alert: Alert, move: Move, actor: Actor, now: datetime) -> Change | Refusal:
    """What the move does. That the same move was made before is for the caller to know."""
    if name_of(move) not in allowed_moves(alert):
        return _refusal(alert, move)
    if isinstance(move, Resolve) and move.outcome == "drill" and not alert.drill:
        return Refusal("这不是演练，不能以“演练”结案", alert.state)
    moved = replace(alert, last_move_at=now, version=alert.version + 1)
    entry = Entry(KINDS[name_of(move)], actor, move.note, body_of(move))
    match move:
        case Acknowledge():
            answered = (move.occurrences is None or move.occurrences >= alert.occurrences) and (
                move.version is None or move.version >= alert.version
            )
            moved = replace(
                moved,
                state=State.ACKNOWLEDGED if alert.state is State.TRIGGERED else alert.state,
                holder=Person(actor.id, actor.name),
                attention=alert.attention and not answered,
            )
            return Change(moved, (entry,), replan=True, stop=_ANSWERED)
        case Dispatch():
            moved = replace(moved, state=State.DISPATCHED, attention=False)
            return Change(moved, (entry,), replan=True, stop=_ANSWERED, responder=move.responder)
        case Arrive():
            moved = replace(moved, state=State.ARRIVED, attention=False)
            return Change(moved, (entry,), replan=True, stop=_ANSWERED)
        case Resolve():
            return Change(
                replace(moved, state=State.RESOLVED, attention=False, outcome=move.outcome),
                (entry,),
                stop=frozenset(TimerKind),
            )
        case FollowUp():
            return Change(replace(moved, state=State.FOLLOWED_UP), (entry,))
        case _:
            assert_never(move)


def _refusal(alert: Alert, move: Move) -> Refusal:
    words = STATE_WORDS[alert.state]
    if isinstance(move, Acknowledge) and alert.holder is not None and alert.unresolved:
        return Refusal(f"{alert.holder.name}已经接警，当前状态：{words}", alert.state, alert.holder)
    nexts = {"acknowledge": "接警", "dispatch": "派员", "arrive": "到场", "resolve": "处置完毕", "follow_up": "回访"}
    possible = "、".join(nexts[name] for name in allowed_moves(alert))
    then = f"，现在可以：{possible}" if possible else ""
    return Refusal(f"当前状态是“{words}”，不能{nexts[name_of(move)]}{then}", alert.state, alert.holder)
