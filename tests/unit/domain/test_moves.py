"""What the table does not show: who has it, attention, outcomes, timers."""

import pytest

from alerts.domain.alert import Change, Refusal, TimerKind
from alerts.domain.transitions import Acknowledge, Dispatch, Resolve, body_of, decide_move
from tests.unit.domain.making import LI, WANG, after, alert


def changed(decided: Change | Refusal) -> Change:
    assert isinstance(decided, Change)
    return decided


def test_another_persons_acknowledge_is_told_who_has_it() -> None:
    decided = decide_move(alert("acknowledged"), Acknowledge(), LI, after(1))
    assert isinstance(decided, Refusal)
    assert decided.holder is not None
    assert (decided.holder.id, decided.detail) == (WANG.id, "王芳已经接警，当前状态：已接警")


def test_acknowledging_stops_what_would_climb_or_worsen() -> None:
    decided = changed(decide_move(alert(), Acknowledge(), WANG, after(1)))
    assert decided.stop == {TimerKind.WORSEN, TimerKind.ESCALATE}


@pytest.mark.parametrize(("answered", "attention"), [(None, False), (3, False), (4, False), (2, True)], ids=str)
def test_an_answer_to_fewer_presses_than_there_are_leaves_attention_on(answered: int | None, attention: bool) -> None:
    asking = alert("dispatched", attention=True, occurrences=3)
    decided = changed(decide_move(asking, Acknowledge(occurrences=answered), WANG, after(1)))
    assert (decided.alert.state, decided.alert.attention) == ("dispatched", attention)


def test_doing_something_answers_a_press_as_well() -> None:
    decided = changed(decide_move(alert("acknowledged", attention=True), Dispatch("赵某"), WANG, after(1)))
    assert (decided.alert.attention, decided.responder) == (False, "赵某")


def test_only_a_drill_ends_as_a_drill() -> None:
    assert isinstance(decide_move(alert("arrived"), Resolve("drill"), WANG, after(1)), Refusal)
    decided = changed(decide_move(alert("arrived", drill=True), Resolve("drill"), WANG, after(1)))
    assert (decided.alert.state, decided.alert.outcome) == ("resolved", "drill")


def test_null_in_a_body_is_the_same_as_absent() -> None:
    assert body_of(Dispatch("赵某", None, None)) == {"responder": "赵某"}
