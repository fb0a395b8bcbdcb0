"""Frames out of a stream: the same whatever the chunks, and nothing that a watch or a stranger sends raises."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.decoders import watch, watch_iw
from gateway.decoders.native import check_reading
from gateway.decoders.watch_frames import KEPT_GARBAGE, Framer, Habits, Kind, Piece, unescape
from tests.parts.examples import examples
from tests.unit.decoders.test_captures import measured

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LK, LK2 = b"[3G*1000000001*0002*LK]", b"[SG*1000000002*0002*LK]"


def pieces(*chunks: bytes, max_frame: int = 4096) -> list[tuple[Kind, bytes, bool]]:
    framer = Framer(max_frame)
    found: list[Piece] = []
    for chunk in chunks:
        found += framer.feed(chunk)
    return [(one.kind, one.data, one.whole) for one in found + framer.flush()]


def bracket(data: bytes, whole: bool = True) -> tuple[Kind, bytes, bool]:
    return Kind.BRACKET, data, whole


@pytest.mark.parametrize("declared", [b"0002", b"0000", b"FFFF"])
def test_a_frame_ends_at_its_bracket_whatever_length_it_declares(declared: bytes) -> None:
    frame = b"[3G*1000000001*" + declared + b"*LK]"
    assert pieces(frame + LK2) == [bracket(frame), bracket(LK2)]


def test_brackets_in_a_networks_name_belong_to_the_frame() -> None:
    frame = b"[3G*1000000001*0009*UD,1,[LG A/C]e7,2]"
    assert pieces(frame + LK) == [bracket(frame), bracket(LK)]


def test_a_bracket_that_never_closes_costs_no_other_frame() -> None:
    frame = b"[3G*1000000001*0009*UD,1,cafe[,2]"
    assert pieces(frame + LK) == [bracket(frame, False), bracket(LK)]
    assert pieces(frame) == [bracket(frame)], "and is whole when nothing follows"
    right_length = b"[3G*1000000001*000D*UD,1,caf\xc3\xa9[,2]"
    assert pieces(right_length + b"\r\n" + LK)[0] == bracket(right_length), "or when the length is right"


def test_a_frame_that_broke_off_does_not_swallow_the_next() -> None:
    assert pieces(b"[3G*1000000001*00CD*AL,1809" + LK) == [bracket(b"[3G*1000000001*00CD*AL,1809", False), bracket(LK)]
    assert pieces(b"IWAP10080524IWAP03,1#") == [(Kind.IW, b"IWAP10080524", False), (Kind.IW, b"IWAP03,1#", True)]


def test_sound_may_hold_hash_signs() -> None:
    voice = b"IWAP07,20260101000000,1,1,6,a#b#cd#"
    assert pieces(voice + b"IWAP03,1#") == [(Kind.IW, voice, True), (Kind.IW, b"IWAP03,1#", True)]
    assert unescape(b"TK,\x7d\x01\x7d\x02\x7d\x03\x7d\x04\x7d\x05") == b"TK,}[],*"


def test_a_giant_frame_is_cut_and_the_next_one_is_read() -> None:
    giant = b"[3G*1000000001*0002*img," + b"x" * 300_000
    found = pieces(giant, LK, max_frame=1000)
    assert found[0] == bracket(giant[:1000], False)
    assert found[1] == (Kind.GARBAGE, b"x" * KEPT_GARBAGE, False), "of what follows the beginning is kept"
    assert found[2:] == [bracket(LK)]


def test_garbage_between_frames_is_told_once() -> None:
    assert pieces(b"GET / HTTP/1.1\r\n\r\n" + LK) == [(Kind.GARBAGE, b"GET / HTTP/1.1", True), bracket(LK)]
    assert pieces(b"\r\n" + LK + b"\r\n\0" + LK2) == [bracket(LK), bracket(LK2)]


_PARTS = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [
                *(LK, LK2, b"IWAP00100000000000001#", b"IWAP03,06000908000102,5,3#", b"IWAP07,1,1,1,9,"),
                *(b"[3G*1", b"IWAP", b"TRV", b"[", b"]", b"#", b"x" * 40, b"[3G*1000000001*00FF*AL,220126,010203,V"),
            ]
        ),
    ),
    max_size=8,
).map(b"".join)


@examples(60)
@given(_PARTS, st.lists(st.integers(0, 200), max_size=8), st.sampled_from([40, 64, 4096]))
def test_the_same_bytes_are_the_same_pieces_however_they_come(data: bytes, cuts: list[int], max_frame: int) -> None:
    places = sorted({min(cut, len(data)) for cut in cuts})
    chunks = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    at_once = pieces(data, max_frame=max_frame)
    assert pieces(*chunks, max_frame=max_frame) == at_once
    assert pieces(*(data[place : place + 1] for place in range(len(data))), max_frame=max_frame) == at_once


_VALUES = st.one_of(
    st.sampled_from(["", "0", "1", "A", "V", "01", "99", "220126", "010203", "00010000"]), st.text(max_size=9)
)


@examples(60)
@given(
    st.sampled_from(["AL", "UD", "LK", "bphrt", "oxygen", "btemp2", "TK", ""]),
    st.lists(_VALUES, max_size=19),
    st.sampled_from(["AP10", "AP01", "AP03", "APHP", "APFD", "APWR", "APJK", "AP00", "AP49"]),
    st.booleans(),
)
@example("LK", ["", "", ""], "AP10", True)
def test_nothing_in_a_frame_raises_and_no_alarm_is_nothing(
    command: str, values: list[str], code: str, whole: bool
) -> None:
    said = ",".join([command, *values]).replace("]", "").encode("utf-8", "replace")
    one = watch.read(b"[3G*1000000001*0000*" + said + (b"]" if whole else b""), NOW, Habits(), whole=whole)
    text = f"IW{code}{','.join(values)}".replace("#", "")
    other = watch_iw.read(text.encode("utf-8", "replace") + b"#", "100000000000001", NOW, Habits(), whole=whole)
    for spoken in (one, other):
        decoded = spoken.decoded
        assert decoded.readings or decoded.events or decoded.flaws or decoded.unread or decoded.ignored
        for reading in decoded.readings:
            for name, value in measured(reading).items():
                if name not in ("lat", "lon", "accuracy"):
                    assert check_reading(name, value) == (value, None)
    if command == "AL":
        fences = {"left_fence", "entered_fence"} & set(one.decoded.unread)
        assert one.decoded.events or fences
