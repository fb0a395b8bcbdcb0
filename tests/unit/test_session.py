"""A live screen's session, without a socket and without a clock."""

import json
from typing import Any
from uuid import UUID

import pytest

from services.stations.session import (
    MOST_UNSENT,
    NO_TOKEN,
    OUT_OF_REACH,
    TOO_SLOW,
    CheckEvery,
    Close,
    Judge,
    MarkSeen,
    Phase,
    Session,
)


def say(session: Session, now: float = 1.0, **frame: Any) -> list[Any]:
    return session.receive(json.dumps(frame), now)


def codes(actions: list[Any]) -> list[int]:
    return [action.code for action in actions if isinstance(action, Close)]


def frames(session: Session) -> list[dict[str, Any]]:
    taken = []
    while (frame := session.next_frame(1.0)) is not None:
        session.sent()
        taken.append(frame)
    return taken


def live(seq: int = 0, **start: Any) -> Session:
    session = Session(0.0)
    say(session, type="hello", token="t")
    session.admitted(**{"seq": seq, "open_alerts": [], "missed": None, "now": 1.0} | start)
    return session


@pytest.mark.parametrize(
    ("after", "taken"), [(None, 0), (0, 0), (-4, 0), (7, 7), ("7", 0), (7.0, 0), (True, 0), ([], 0)]
)
def test_hello_is_judged_with_a_sane_after(after: Any, taken: int) -> None:
    assert say(Session(0.0), type="hello", token="t", after=after) == [Judge("t", taken)]


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"type":"hello"}', '{"type":"hello","token":5}', '{"type":"alive"}', "[" * 9999]
)
def test_anything_but_hello_first_is_4401(text: str) -> None:
    session = Session(0.0)
    assert codes(session.receive(text, 1.0)) == [NO_TOKEN]
    assert session.phase is Phase.CLOSED


def test_no_hello_within_ten_seconds_is_4401() -> None:
    session = Session(100.0)
    assert session.tick(109.9) == []
    assert codes(session.tick(110.0)) == [NO_TOKEN]


@pytest.mark.parametrize(("known", "code"), [(False, NO_TOKEN), (True, OUT_OF_REACH)])
def test_who_may_not_see_is_refused(known: bool, code: int) -> None:
    session = Session(0.0)
    say(session, type="hello", token="t")
    assert codes(session.refused(known=known)) == [code]
    assert session.next_frame(1.0) is None


def test_a_new_screen_gets_all_that_is_open_and_a_resumed_one_what_it_missed() -> None:
    assert frames(live(5, open_alerts=[{"id": "a"}])) == [
        {"type": "welcome", "seq": 5, "open": [{"id": "a"}], "resumed": False}
    ]
    assert frames(live(5, missed=[(6, {"v": 1}), (7, {"v": 2})])) == [
        {"type": "welcome", "seq": 5, "open": [], "resumed": True},
        {"type": "alert", "seq": 6, "alert": {"v": 1}},
        {"type": "alert", "seq": 7, "alert": {"v": 2}},
    ]


def test_what_changes_while_the_token_is_judged_is_neither_lost_nor_twice() -> None:
    session = Session(0.0)
    say(session, type="hello", token="t", after=3)
    for seq in (3, 4, 5, 4, 5, 6):
        session.changed(seq, {"v": seq})
    session.admitted(seq=3, open_alerts=[], missed=[(4, {"v": 4})], now=1.0)
    session.changed(6, {"v": 6})
    session.changed(7, {"v": 7})
    assert [frame["seq"] for frame in frames(session)] == [3, 4, 5, 6, 7]


def test_a_gap_ends_the_session_rather_than_hide_an_alert() -> None:
    session = live(5)
    assert codes(session.changed(7, {})) == [TOO_SLOW]


def test_a_screen_that_leaves_too_much_unread_is_4408() -> None:
    session = live()
    ended = [codes(session.changed(seq, {})) for seq in range(1, MOST_UNSENT + 1)]
    assert ended[-1] == [TOO_SLOW]
    assert not any(ended[:-1])


def test_a_screen_that_takes_nothing_for_ten_seconds_is_4408() -> None:
    session = live()
    assert session.next_frame(50.0) is not None
    assert session.tick(59.9) == []
    assert codes(session.tick(60.0)) == [TOO_SLOW]


def test_heartbeats_come_every_ten_seconds_and_say_what_is_wrong() -> None:
    session = live()
    frames(session)
    assert session.heartbeat_due(1.1), "the first at once"
    assert not session.heartbeat_due(11.0)
    assert session.heartbeat_due(11.2)
    session.heartbeat("now", [{"code": "x", "message": "坏了"}])
    assert frames(session) == [{"type": "heartbeat", "at": "now", "problems": [{"code": "x", "message": "坏了"}]}]


def test_seen_and_alive() -> None:
    session = live()
    frames(session)
    seen = UUID(int=4)
    assert say(session, type="seen", alert_id=str(seen)) == [MarkSeen(seen)]
    assert say(session, now=7.0, type="alive") == []
    assert session.alive_at == 7.0
    assert say(session, type="seen", alert_id="nonsense") == []
    assert say(session, type="dance") == []
    assert [frame["type"] for frame in frames(session)] == ["error", "error"]


def test_signing_out_ends_the_stream_once() -> None:
    session = live()
    assert codes(session.signed_out()) == [NO_TOKEN]
    assert session.signed_out() == []
    assert session.changed(1, {}) == []
    assert session.receive("{}", 2.0) == []


# Who watches ------------------------------------------------------------------------------------------

ALERT = UUID("0193a0b2-7c00-7000-8000-000000000001")


def test_a_screen_that_never_says_so_is_watched_while_it_answers() -> None:
    session = live()
    assert session.watched(20.0)
    assert not session.watched(27.0), "admitted at 1, and no word since"
    say(session, now=30.0, type="alive")
    assert session.watched(55.0)


def test_a_hidden_page_watches_nothing_and_has_shown_nothing_until_it_is_in_front() -> None:
    session = live()
    assert say(session, now=2.0, type="watching", visible=False) == []
    assert not session.watched(2.0)
    assert say(session, now=3.0, type="seen", alert_id=str(ALERT)) == []
    assert say(session, now=9.0, type="watching", visible=True) == [MarkSeen(ALERT)]
    assert say(session, now=9.5, type="watching", visible=True) == [], "once"
    say(session, now=10.0, type="watching", visible="yes")
    assert [frame["type"] for frame in frames(session)] == ["welcome", "error"]


def test_whoever_does_not_say_that_they_are_there_is_not() -> None:
    session, check = live(), CheckEvery(every=60.0, answer_within=20.0)
    for second in range(1, 101):
        say(session, now=float(second), type="alive")
        session.check_presence(check, float(second))
    asked = [frame for frame in frames(session) if frame["type"] == "presence_check"]
    assert asked == [{"type": "presence_check", "answer_within_seconds": 20}], "asked once, not each second"
    assert session.watched(61.0), "there is time to answer"
    assert not session.watched(100.0)
    assert say(session, now=100.0, type="seen", alert_id=str(ALERT)) == []
    assert say(session, now=101.0, type="present") == [MarkSeen(ALERT)]
    assert session.watched(101.0)
    session.check_presence(check, 160.0)
    assert frames(session) == [], "the next one in its time"
    session.check_presence(check, 161.0)
    assert [frame["type"] for frame in frames(session)] == ["presence_check"]


def test_outside_the_hours_nobody_is_asked() -> None:
    session, check = live(), CheckEvery(every=60.0, answer_within=20.0)
    session.check_presence(check, 1.0)
    session.check_presence(check, 61.0)
    for second in (62.0, 90.0):
        session.check_presence(None, second)
        say(session, now=second, type="alive")
    assert session.watched(100.0), "the question of before is over with the hours"
    session.check_presence(check, 120.0)
    frames(session)
    session.check_presence(check, 179.0)
    assert frames(session) == []


def test_a_prober_sees_synthetic_presses_and_nothing_of_any_alert() -> None:
    session = Session(0)
    [action] = session.receive(json.dumps({"type": "hello", "token": "t", "probe": True}), 0)
    assert action == Judge("t", 0, probing=True)
    session.admitted(seq=4, open_alerts=[{"id": "1"}], missed=None, now=0)
    assert session.next_frame(0) == {"type": "welcome", "seq": 4, "open": [], "resumed": False}
    assert session.changed(5, {"id": "1"}) == []
    session.probed("p1")
    session.probed("p1")  # found again at the next look
    assert session.next_frame(0) == {"type": "probe", "probe": "p1"}
    assert session.next_frame(0) is None
    assert session.receive(json.dumps({"type": "seen", "alert_id": str(UUID(int=1))}), 0) == [], "nobody saw anything"


def test_a_screen_sees_no_synthetic_press() -> None:
    session = Session(0)
    session.receive(json.dumps({"type": "hello", "token": "t"}), 0)
    session.admitted(seq=4, open_alerts=[], missed=None, now=0)
    session.next_frame(0)
    session.probed("p1")
    assert session.next_frame(0) is None
