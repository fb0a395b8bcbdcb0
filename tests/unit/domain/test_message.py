"""What lies on a locked screen says neither who, nor where, nor what ails them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from alerts.domain.alert import Change, Refusal, Severity
from alerts.domain.message import Message, render
from alerts.domain.transitions import Acknowledge, Arrive, Dispatch, FollowUp, Move, Resolve, decide_move
from alerts.domain.updates import worth_telling
from tests.unit.domain.making import WANG, after, alert

AT = datetime(2026, 11, 30, 12, 5, tzinfo=UTC)


def message(why: str = "caregiver", severity: Severity = Severity.RED, **fields: Any) -> Message:
    values: dict[str, Any] = {"notice_id": UUID(int=1), "alert_id": UUID(int=2), "about": None, "drill": False}
    values |= {"happened_at": AT, "at": AT, "url": "https://anhu.example/n/x"}
    return render(why=why, severity=severity, **(values | fields))


def test_the_words() -> None:
    told = message()
    assert (told.title, told.body) == ("紧急救援", "您关注的老人需要帮助，点开查看（20:05）")
    assert message(severity=Severity.YELLOW).title == "请今日处理"
    assert message("update", about="on_the_way").body == "已有人出发前往（20:05）"
    assert message("update", about="taken").title == "不用去了", "the neighbours who need not go any more"
    assert message("of another kind").body.startswith("有紧急救援需要您")


def test_whoever_is_told_when_it_is_closed_is_not_called_to_help() -> None:
    told = message(closed="resolved")
    assert (told.title, told.body) == ("已处置", "本次告警已处置完毕（20:05）")
    assert message("duty", closed="cancelled").title == "已取消"
    assert message("responder", closed="resolved").title == "已结束"
    assert message("update", about="arrived", closed="resolved").title == "已到场"


def test_a_bed_is_said_to_whoever_is_in_the_house_and_to_nobody_else() -> None:
    bed = "康乐楼 301室 2床"
    assert message("duty", bed=bed).body == "有紧急救援等待接警：康乐楼 301室 2床，点开查看（20:05）"
    assert all(bed not in message(why, bed=bed).body for why in ("caregiver", "responder", "tier", "update"))
    assert len(message("duty", bed="长" * 90).body) < 60


@pytest.mark.parametrize("why", ["caregiver", "responder", "duty", "named", "tier", "update", "test", "else"])
@pytest.mark.parametrize("severity", Severity)
def test_they_are_short_and_a_drill_says_so_twice(why: str, severity: Severity) -> None:
    for about in (None, "on_the_way", "arrived", "resolved", "cancelled", "taken", "over"):
        told = message(why, severity, about=about)
        assert len(told.title) + len(told.body) + len(told.url) <= 70 + len(told.url), "one SMS, and the link"
        drill = message(why, severity, about=about, drill=True)
        assert drill.title.startswith("【演练】")
        assert drill.body.startswith("演练")


def test_the_tag_is_the_alert_and_the_key_the_notice() -> None:
    assert message().tag == UUID(int=2).hex == message(notice_id=UUID(int=3)).tag
    assert len(message().tag) == 32, "a Topic of Web Push"
    assert message().key != message(notice_id=UUID(int=3)).key


@pytest.mark.parametrize(
    ("state", "move", "told"),
    [
        ("triggered", Acknowledge(), None),
        ("acknowledged", Dispatch("赵某"), "on_the_way"),
        ("dispatched", Dispatch("钱某"), "on_the_way"),
        ("dispatched", Arrive(), "arrived"),
        ("arrived", Resolve("assisted"), "resolved"),
        ("resolved", FollowUp("很好"), None),
    ],
)
def test_which_moves_are_told_on(state: str, move: Move, told: str | None) -> None:
    before = alert(state)
    decided = decide_move(before, move, WANG, after(1))
    assert not isinstance(decided, Refusal)
    assert worth_telling(before, decided) == told


def test_what_is_no_move_is_not_told_on() -> None:
    assert worth_telling(None, Change(alert(), ())) is None
    assert worth_telling(alert("dispatched"), Change(alert("dispatched", version=2, occurrences=2), ())) is None
