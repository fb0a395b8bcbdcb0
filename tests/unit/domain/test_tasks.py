"""What those who were asked may answer: the table of docs/responders.md and the code say the same."""

import re
from pathlib import Path
from uuid import UUID

import pytest

from alerts.domain.alert import Actor, Change, Refusal, State
from alerts.domain.tasks import Answer, Answered, Task, TaskState, catch_up, decide_answer, to_send
from alerts.domain.transitions import allowed_moves
from tests.unit.domain.making import after, alert

PAGE = (Path(__file__).parents[3] / "docs" / "responders.md").read_text("utf-8")
CHEN = Actor(UUID(int=21), "陈某（虚构）", "10.0.0.9")
OTHERS = (UUID(int=22), UUID(int=23))


def table() -> list[tuple[str, str, str]]:
    block = re.search(r"<!-- answer table.*?-->\n(.*?)<!-- end of answer table -->", PAGE, re.DOTALL)
    assert block is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]
    return [(row[0], answer, cell) for row in rows[2:] for answer, cell in zip(rows[0][1:], row[1:], strict=True)]


def kinds(changes: tuple[Change, ...]) -> list[str]:
    return [entry.kind for change in changes for entry in change.entries]


def answered(state: str, task: Task, answer: str, **more: object) -> Answered:
    decided = decide_answer(alert(state, **more), task, Answer(answer), CHEN, after(9))
    assert isinstance(decided, Answered)
    return decided


def test_the_table_names_every_state_and_every_answer() -> None:
    assert {state for state, _, _ in table()} == {*TaskState, "taken"}
    assert {answer for _, answer, _ in table()} == set(Answer)


@pytest.mark.parametrize(("state", "answer", "cell"), table())
def test_an_answer_does_what_the_table_says(state: str, answer: str, cell: str) -> None:
    """`taken`: somebody else goes. Of an alert that was acknowledged and, where this one goes, dispatched."""
    taken = state == "taken"
    task = Task(TaskState.ASKED if taken else TaskState(state), "李某（虚构）" if taken else None, OTHERS)
    there = {"accepted": "dispatched", "arrived": "arrived", "done": "arrived", "taken": "dispatched"}
    before = alert(there.get(state, "acknowledged"))
    decided = decide_answer(before, task, Answer(answer), CHEN, after(9))
    match cell:
        case "–":
            assert isinstance(decided, Refusal)
            assert decided.detail
        case "same":
            assert decided == Answered()
        case _:
            assert isinstance(decided, Answered)
            assert decided.state == cell.removesuffix(" !")
            assert decided.changes[-1].alert.attention is cell.endswith(" !")
            assert [change.alert.version for change in decided.changes] == [
                before.version + number for number in range(1, len(decided.changes) + 1)
            ]


def test_an_accept_after_somebody_acknowledged_is_the_dispatch_and_the_others_are_told() -> None:
    decided = answered("acknowledged", Task(TaskState.ASKED, None, OTHERS), "accept")
    assert kinds(decided.changes) == ["accepted", "dispatched"]
    said, dispatched = decided.changes
    assert [(one.account_id, one.why) for one in said.tell] == [(other, "update") for other in OTHERS]
    assert (dispatched.alert.state, dispatched.responder) == (State.DISPATCHED, CHEN.name)
    assert dispatched.entries[0].actor == CHEN


@pytest.mark.parametrize("answer", ["accept", "arrive", "help", "done"])
def test_before_anybody_acknowledged_no_answer_moves_the_alert_or_stops_its_alarm(answer: str) -> None:
    state = TaskState.ASKED if answer == "accept" else TaskState.ACCEPTED
    decided = answered("triggered", Task(state), answer)
    assert decided.changes[-1].alert.state is State.TRIGGERED
    assert allowed_moves(decided.changes[-1].alert) == ["acknowledge"]
    assert all(change.stop == frozenset() for change in decided.changes)


def test_whoever_acknowledges_finds_what_was_done_before() -> None:
    held = alert("acknowledged")
    assert kinds(catch_up(held, TaskState.ACCEPTED, CHEN, after(9))) == ["dispatched"]
    for state in (TaskState.ARRIVED, TaskState.DONE):
        changes = catch_up(held, state, CHEN, after(9))
        assert kinds(changes) == ["dispatched", "arrived"]
        assert [change.alert.version for change in changes] == [2, 3]
    assert catch_up(held, TaskState.DECLINED, CHEN, after(9)) == ()


def test_who_gives_up_sets_the_alarm_off_and_the_others_are_asked_again() -> None:
    decided = answered("dispatched", Task(TaskState.ACCEPTED, None, OTHERS), "decline")
    [change] = decided.changes
    assert (change.entries[0].kind, change.alert.state, change.alert.attention) == ("gave_up", State.DISPATCHED, True)
    assert [(one.account_id, one.why) for one in change.tell] == [(other, "responder") for other in OTHERS]
    again = answered("dispatched", Task(TaskState.ASKED, None, OTHERS[1:]), "accept", attention=True)
    assert again.changes[-1].alert.attention is True, "a press that nobody answered is not answered by a neighbour"


def test_every_call_for_help_sounds() -> None:
    for _ in range(2):
        decided = answered("arrived", Task(TaskState.ARRIVED), "help")
        assert (kinds(decided.changes), decided.changes[0].alert.attention) == (["help_needed"], True)


def test_nobody_is_sent_where_somebody_has_arrived() -> None:
    assert isinstance(decide_answer(alert("arrived"), Task(TaskState.ASKED), Answer.ACCEPT, CHEN, after(9)), Refusal)


def test_whoever_goes_is_offered_first_and_who_said_no_last() -> None:
    near = [UUID(int=number) for number in range(1, 6)]
    said = {
        UUID(int=1): TaskState.DECLINED,
        UUID(int=3): TaskState.ACCEPTED,
        UUID(int=4): TaskState.ASKED,
        UUID(int=9): TaskState.ARRIVED,  # has come from farther away
    }
    assert [one.int for one in to_send(near, said)] == [3, 9, 2, 4, 5, 1]
    assert to_send(near, {}) == near
