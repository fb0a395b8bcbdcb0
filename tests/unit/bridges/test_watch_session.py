"""What a watch's connection does with its bytes: no socket, no clock."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bridges.watch_session import (
    MOST_NAMELESS,
    MOST_NAMES,
    MOST_RAW,
    UNIDENTIFIED,
    Act,
    Asked,
    Close,
    NotUnderstood,
    Outcome,
    Said,
    Session,
    SignedIn,
)
from gateway.decoders.watch_frames import Answer, Habits

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
ID, IMEI = "1000000001", "100000000000001"


def session(**habits: object) -> Session:
    return Session(Habits(**habits), 4096)  # type: ignore[arg-type]


def hear(one: Session, text: str | bytes) -> list[Act]:
    return list(one.receive(text.encode() if isinstance(text, str) else text, NOW))


def said(acts: list[Act]) -> Said:
    (found,) = [act for act in acts if isinstance(act, Said)]
    return found


def position(command: str = "AL", status: str = "00010000", battery: int = 80, time: str = "221126,035900") -> str:
    fields = f"{command},{time},A,29.5630,N,106.5516,E,0,0,0,9,60,{battery},1200,0,{status},0,0,12.5"
    return f"[3G*{ID}*{len(fields):04X}*{fields}]"


@pytest.mark.parametrize(
    ("sent", "reply", "answer"),
    [
        (f"[3G*{ID}*0002*LK]", f"[3G*{ID}*0002*LK]", Answer.AT_ONCE),
        (f"[SG*{ID}*000D*LK,50,100,99]", f"[SG*{ID}*0002*LK]", Answer.AT_ONCE),
        (f"[ZJ*{ID}*0034*0009*LK,0,0,19]", f"[ZJ*{ID}*0034*0002*LK]", Answer.AT_ONCE),
        (f"[ZJ*{ID}*0001*0004*INIT]", f"[ZJ*{ID}*0001*0006*INIT,1]", Answer.AT_ONCE),
        (f"[3G*{ID}*0003*TKQ]", f"[3G*{ID}*0003*TKQ]", Answer.AT_ONCE),
        (f"[3G*{ID}*0010*CONFIG,TY:G75]", f"[3G*{ID}*0008*CONFIG,1]", Answer.AT_ONCE),
        (position(), f"[3G*{ID}*0002*AL]", Answer.WHEN_KEPT),
        (position("AL_LTE"), f"[3G*{ID}*0002*AL]", Answer.WHEN_KEPT),
        (position("UD"), None, Answer.WHEN_KEPT),
        (f"[3G*{ID}*0013*bphrt,120,79,73,,,,]", f"[3G*{ID}*0005*bphrt]", Answer.WHEN_KEPT),
        (f"[3G*{ID}*000B*oxygen,0,98]", f"[3G*{ID}*0008*oxygen,1]", Answer.WHEN_KEPT),
        (f"[3G*{ID}*000B*TK,#!AMRxxx]", f"[3G*{ID}*0004*TK,0]", Answer.WHEN_KEPT),
        (f"[3G*{ID}*0002*CR]", None, Answer.WHEN_KEPT),
    ],
)
def test_a_bracket_watch_is_answered_as_it_expects(sent: str, reply: str | None, answer: Answer) -> None:
    act = said(hear(session(), sent))
    assert (act.reply, act.answer, act.hardware_id) == (reply.encode() if reply else None, answer, ID)


@pytest.mark.parametrize(
    ("sent", "reply", "answer"),
    [
        ("IWAP03,06000908000102,5555,30#", "IWBP03#", Answer.AT_ONCE),
        ("TRVCP01,06000908000102#", "TRVDP01#", Answer.AT_ONCE),
        ("IWAP49,68#", "IWBP49#", Answer.WHEN_KEPT),
        (
            "IWAP10261122A2933.7800N10633.0960E000.1035900323.8706000908000102,460,0,9520,3671,01,zh-cn,00,#",
            "IWBP10#",
            Answer.WHEN_KEPT,
        ),
        ("IWAPXL,000001#", None, Answer.WHEN_KEPT),
        ("IWAP14,000001,#", None, Answer.WHEN_KEPT),
    ],
)
def test_an_iw_watch_is_answered_as_it_expects(sent: str, reply: str | None, answer: Answer) -> None:
    one = session()
    (signed_in, welcome) = hear(one, f"IWAP00{IMEI},89860000000000000000,460000000000000#")
    assert signed_in == SignedIn(IMEI, None)
    assert isinstance(welcome, Said)
    assert (welcome.reply, welcome.answer) == (b"IWBP00,20261122040000,8#", Answer.AT_ONCE)
    act = said(hear(one, sent))
    assert (act.reply, act.answer, act.hardware_id) == (reply.encode() if reply else None, answer, IMEI)


def test_the_same_alarm_is_the_same_event_whatever_else_has_changed() -> None:
    one = session()
    (first,) = said(hear(one, position(battery=80))).decoded.events
    (again,) = said(hear(one, position(battery=79))).decoded.events
    (later,) = said(hear(one, position(time="221126,035930"))).decoded.events
    assert (first.event_id, first.ts_key) == (again.event_id, again.ts_key)
    assert first.event_id != later.event_id
    assert first.type == "sos"
    assert first.occurred_at == datetime(2026, 11, 22, 3, 59, tzinfo=UTC)
    assert first.location is not None
    assert (first.location.lat, first.location.accuracy) == (29.563, 12.5)


def test_a_clock_in_local_time_raises_all_the_same_and_may_be_set_right() -> None:
    local = position(time="221126,115900")
    (event,) = said(hear(session(), local)).decoded.events
    assert (event.clock_suspect, event.occurred_at) == (True, NOW)
    (event,) = said(hear(session(clock_ahead=timedelta(hours=8)), local)).decoded.events
    assert (event.clock_suspect, event.occurred_at) == (False, datetime(2026, 11, 22, 3, 59, tzinfo=UTC))


def test_positions_of_the_chinese_datum_are_moved() -> None:
    (event,) = said(hear(session(datum="gcj02"), position())).decoded.events
    assert event.location is not None
    assert 0.001 < abs(event.location.lat - 29.563) < 0.01


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        ("00010000", {"sos"}),
        ("00030001", {"sos", "low_battery"}),
        ("00200010", {"fall"}),
        ("00400000", {"fall"}),
        ("00100008", {"worn_off"}),
        ("00040000", set()),
        ("0001", {"low_battery"}),
        ("00000000", {"sos"}),
        ("00000018", {"sos"}),
        ("01000000", {"sos"}),
        ("what", {"sos"}),
    ],
)
def test_what_the_bits_of_an_alarm_mean(status: str, kinds: set[str]) -> None:
    assert {event.type for event in said(hear(session(), position(status=status))).decoded.events} == kinds


def test_a_report_raises_what_its_alarm_bits_say_and_nothing_for_how_it_stands() -> None:
    assert not said(hear(session(), position("UD", "0000001F"))).decoded.events
    assert [event.type for event in said(hear(session(), position("UD", "00010000"))).decoded.events] == ["sos"]


def test_half_an_alarm_raises_when_no_more_comes() -> None:
    one = session()
    whole = position()
    assert hear(one, whole[:60]) == []
    assert one.half
    acts = list(one.end_frame(NOW))
    (event,) = said(acts).decoded.events
    assert event.type == "sos"
    assert event.event_id == said(hear(session(), whole)).decoded.events[0].event_id, "and is the one that comes again"
    assert said(acts).reply is None, "so the watch is not answered"
    assert NotUnderstood(ID, whole[:60].encode()) in acts


def test_who_calls_for_help_without_a_name_is_heard() -> None:
    one = session()
    alarm = "IWAP10261122V0000.0000N00000.0000E000.0035900000.0006000908000102,460,0,9520,3671,01,zh-cn,00,#"
    act = said(hear(one, alarm))
    assert act.hardware_id == UNIDENTIFIED
    assert [event.type for event in act.decoded.events] == ["sos"]
    assert hear(one, "IWAP49,68#") == [NotUnderstood(UNIDENTIFIED, b"IWAP49,68#")], "anything else is not taken"
    acts = hear(one, "IWAP49,68#" * MOST_NAMELESS)
    assert isinstance(acts[-1], Close)


def test_a_watch_that_changes_its_id_is_followed_and_a_scanner_is_not() -> None:
    one = session()
    acts = hear(one, "[3G*1000000001*0002*LK][3G*1000000002*0002*LK]")
    assert [act for act in acts if isinstance(act, SignedIn)] == [
        SignedIn("1000000001", None),
        SignedIn("1000000002", "1000000001"),
    ]
    acts = hear(one, "".join(f"[3G*{2000000000 + count}*0002*LK]" for count in range(MOST_NAMES)))
    assert isinstance(acts[-1], Close)


def test_garbage_is_kept_but_not_without_end() -> None:
    one = session()
    acts = hear(one, "GET / HTTP/1.1\r\n" + f"[3G*{ID}*0002*LK]")
    assert acts[0] == NotUnderstood(UNIDENTIFIED, b"GET / HTTP/1.1")
    acts = hear(one, f"?[3G*{ID}*0002*LK]" * 2 * MOST_RAW)
    assert sum(isinstance(act, NotUnderstood) for act in acts) == MOST_RAW - 1
    acts = [act for _ in range(20) for act in hear(one, b"\xff" * 4096)]
    assert isinstance(acts[-1], Close)


def command(name: str, command_id: str = "c-1") -> bytes:
    return json.dumps({"command": name, "command_id": command_id}).encode()


@pytest.mark.parametrize(
    ("name", "sent", "confirmed_by"),
    [
        ("locate", [f"[SG*{ID}*0002*CR]"], f"[SG*{ID}*0002*CR]"),
        ("locate", [f"[SG*{ID}*0002*CR]"], position("UD")),
        ("ring", [f"[SG*{ID}*0004*FIND]"], f"[SG*{ID}*0004*FIND]"),
        ("measure", [f"[SG*{ID}*000A*hrtstart,1]", f"[SG*{ID}*0009*bodytemp2]"], f"[SG*{ID}*0008*heart,71]"),
    ],
)
def test_commands_in_the_watchs_own_words(name: str, sent: list[str], confirmed_by: str) -> None:
    one = session()
    hear(one, f"[SG*{ID}*0002*LK]")
    frames, asked = one.command(command(name))
    assert [frame.decode() for frame in frames] == sent
    assert isinstance(asked, Asked)
    assert not any(isinstance(act, Outcome) for act in hear(one, f"[SG*{ID}*0002*LK]"))
    assert hear(one, confirmed_by)[-1] == Outcome(ID, {"command": name, "command_id": "c-1"}, "done")
    assert one.give_up(asked) is None


def test_commands_to_an_iw_watch_are_known_by_their_serial_number() -> None:
    one = session()
    hear(one, f"IWAP00{IMEI}#")
    frames, asked = one.command(command("locate"))
    assert frames == [f"IWBP16,{IMEI},000001#".encode()]
    assert isinstance(asked, Asked)
    assert not any(isinstance(act, Outcome) for act in hear(one, "IWAP16,000002#"))
    assert hear(one, "IWAP16,000001#")[-1] == Outcome(IMEI, {"command": "locate", "command_id": "c-1"}, "done")
    frames, _ = one.command(command("measure"))
    assert [frame[:6] for frame in frames] == [b"IWBPXL", b"IWBPXY", b"IWBPXZ", b"IWBPXT"]


def test_what_a_watch_cannot_do_or_does_not_confirm_is_told() -> None:
    one = session()
    hear(one, f"[3G*{ID}*0002*LK]")
    assert one.command(command("configure")) == (
        [],
        Outcome(ID, {"command": "configure", "command_id": "c-1"}, "unsupported"),
    )
    _, asked = one.command(command("ring"))
    assert isinstance(asked, Asked)
    assert one.give_up(asked) == Outcome(ID, {"command": "ring", "command_id": "c-1"}, "unanswered")
    for nonsense in (b"", b"[]", b"{}", b'{"command": 5}', b"\xff", b"[" * 5000):
        assert one.command(nonsense) == ([], None)


@given(st.lists(st.binary(max_size=60) | st.sampled_from([position().encode(), b"IWAP00100000000000001#", b"[3G*1*"])))
def test_no_bytes_raise_and_answers_go_to_who_spoke(chunks: list[bytes]) -> None:
    one = session()
    acts = [act for chunk in chunks for act in one.receive(chunk, NOW)] + list(one.end_frame(NOW))
    for act in acts:
        if isinstance(act, Said) and act.reply is not None and act.reply.startswith(b"["):
            assert f"*{act.hardware_id}*".encode() in act.reply
