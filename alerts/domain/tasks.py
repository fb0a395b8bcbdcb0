"""What somebody who was asked to go may answer, and what follows: docs/responders.md's table in code. Pure.

The first to accept goes. While nobody at a station has acknowledged, an answer moves nothing: the alarm goes on
sounding and climbing, and whoever acknowledges finds somebody on the way, dispatched in the same commit (ADR 18).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from alerts.domain.alert import Actor, Alert, Change, Entry, Refusal, State, Tell
from alerts.domain.transitions import Arrive, Dispatch, Move, decide_move


class Answer(StrEnum):
    ACCEPT = "accept"  # 接受
    DECLINE = "decline"  # 去不了
    ARRIVE = "arrive"  # 我到了
    HELP = "help"  # 需要支援
    DONE = "done"  # 已处理


class TaskState(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    DONE = "done"
    DECLINED = "declined"


#: Whoever is in one of these is the one who goes.
GOES = frozenset({TaskState.ACCEPTED, TaskState.ARRIVED, TaskState.DONE})


def to_send(near: Sequence[UUID], said: Mapping[UUID, TaskState]) -> list[UUID]:
    """In the order in which a station would send them: who goes already, the nearest who are able, asked or not, and
    last who said no. `said`: by those who were asked."""
    goes = [one for one, state in said.items() if state in GOES]
    able = [one for one in near if one not in goes]
    return goes + sorted(able, key=lambda one: said.get(one) is TaskState.DECLINED)


@dataclass(frozen=True, slots=True)
class Task:
    """One person's part in an alert, and what the others who were asked do."""

    state: TaskState
    #: who goes, when it is somebody else
    taken_by: str | None = None
    #: asked too, and neither declined nor on the way
    others: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """`state` None: the answer was given before, and nothing changes. Changes are saved one after the other."""

    state: TaskState | None = None
    changes: tuple[Change, ...] = ()


def decide_answer(
    alert: Alert, task: Task, answer: Answer, who: Actor, now: datetime, note: str | None = None
) -> Answered | Refusal:
    """Of an unresolved alert; a link to any other one is dead."""
    match answer:
        case Answer.ACCEPT:
            return _accept(alert, task, who, now)
        case Answer.DECLINE:
            return _decline(alert, task, who, note)
        case Answer.ARRIVE:
            if task.state in (TaskState.ARRIVED, TaskState.DONE):
                return Answered()
            if task.state is not TaskState.ACCEPTED:
                return _not_going(alert, task)
            said = _note(alert, "responder_arrived", who)
            moved = _moved(said.alert, Arrive(), who, now) if alert.state is State.DISPATCHED else ()
            return Answered(TaskState.ARRIVED, (said, *moved))
        case Answer.HELP:
            if task.state not in GOES:
                return _not_going(alert, task)
            # Each call for help is one: a second press of it sounds again.
            return Answered(task.state, (_calling(_note(alert, "help_needed", who, note)),))
        case Answer.DONE:
            if task.state is TaskState.DONE:
                return Answered()
            if task.state not in GOES:
                return _not_going(alert, task)
            arrived = task.state is TaskState.ACCEPTED and alert.state is State.DISPATCHED
            said = _note(alert, "responder_done", who, note)
            return Answered(TaskState.DONE, (said, *(_moved(said.alert, Arrive(), who, now) if arrived else ())))
        case _:
            assert_never(answer)


def allowed_answers(alert: Alert, task: Task) -> list[Answer]:
    """What a page offers: what would change something."""
    if task.state in (TaskState.ASKED, TaskState.DECLINED):
        free = task.taken_by is None and alert.state is not State.ARRIVED
        accept = [Answer.ACCEPT] if free else []
        return accept + ([Answer.DECLINE] if free and task.state is TaskState.ASKED else [])
    if task.state is TaskState.ACCEPTED:
        return [Answer.ARRIVE, Answer.HELP, Answer.DONE, Answer.DECLINE]
    return [Answer.HELP] if task.state is TaskState.DONE else [Answer.DONE, Answer.HELP]


def catch_up(alert: Alert, state: TaskState, who: Actor, now: datetime) -> tuple[Change, ...]:
    """What somebody who went before anybody had acknowledged has done by then, as the moves that it now may be."""
    moves: list[Move] = [Dispatch(who.name)]
    if state in (TaskState.ARRIVED, TaskState.DONE):
        moves.append(Arrive())
    changes: list[Change] = []
    for move in moves if state in GOES else ():
        changes += _moved(changes[-1].alert if changes else alert, move, who, now)
    return tuple(changes)


def _accept(alert: Alert, task: Task, who: Actor, now: datetime) -> Answered | Refusal:
    if task.state in GOES:
        return Answered()
    if task.taken_by is not None:
        return Refusal(f"{task.taken_by}已经前往，谢谢您，这次不用去了", alert.state)
    if alert.state is State.ARRIVED:
        return Refusal("已经有人到场，谢谢您，这次不用去了", alert.state)
    said = _note(alert, "accepted", who)
    told = tuple(Tell(one, f"taken {alert.id} {said.alert.version}", "update", "taken") for one in task.others)
    moved = _moved(said.alert, Dispatch(who.name), who, now) if alert.state is not State.TRIGGERED else ()
    return Answered(TaskState.ACCEPTED, (replace(said, tell=told), *moved))


def _decline(alert: Alert, task: Task, who: Actor, note: str | None) -> Answered | Refusal:
    match task.state:
        case TaskState.DECLINED:
            return Answered()
        case TaskState.ASKED:
            return Answered(TaskState.DECLINED, (_note(alert, "declined", who, note),))
        case TaskState.ACCEPTED:
            # Nobody is on the way any more: the screens sound, and the others are asked again.
            change = _calling(_note(alert, "gave_up", who, note))
            again = tuple(Tell(one, f"again {alert.id} {change.alert.version}", "responder") for one in task.others)
            return Answered(TaskState.DECLINED, (replace(change, tell=again),))
        case TaskState.ARRIVED | TaskState.DONE:
            return Refusal("您已经到场：处理完请点“已处理”，需要人手请点“需要支援”", alert.state)
        case _:
            assert_never(task.state)


def _not_going(alert: Alert, task: Task) -> Refusal:
    if task.taken_by is not None:
        return Refusal(f"{task.taken_by}已经前往，谢谢您，这次不用去了", alert.state)
    return Refusal("请先点“我去”", alert.state)


def _note(alert: Alert, kind: str, who: Actor, note: str | None = None) -> Change:
    """A line of the timeline, shown on the screens at once; no move of the alert."""
    return Change(replace(alert, version=alert.version + 1), (Entry(kind, who, note),))


def _calling(change: Change) -> Change:
    """Asks for an answer again; of an alert that nobody answered yet, that is being asked all the time."""
    alert = change.alert
    return change if alert.state is State.TRIGGERED else replace(change, alert=replace(alert, attention=True))


def _moved(alert: Alert, move: Move, who: Actor, now: datetime) -> Sequence[Change]:
    decided = decide_move(alert, move, who, now)
    # The state table decides, here too: what it refuses stays a line of the timeline.
    if isinstance(decided, Refusal):
        return ()
    # Somebody on the way has not answered a further press: whoever sits at the screen has to.
    return (replace(decided, alert=replace(decided.alert, attention=alert.attention)),)
