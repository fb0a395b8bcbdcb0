"""4G watches that speak IW: `IWAP00` and an IMEI once, then `IWAP…,…#`; with `TRV` instead of `IW` in older ones.

Fields as traccar's TrvProtocolDecoder reads them. The codes of AP10 are those of servers for these watches: 01 is an
SOS, 02 low battery, 03 taken off, 05 and 06 a fall (05 is "tampered" to some), 07 to 21 heart rate, blood pressure,
sitting, fences, switched off. Another code raises as an SOS: a help device called for help, and nobody knows why.

Only AP00 names the watch; `read` is told by whom the rest is said.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, number
from gateway.decoders.model import Flaw, Reason
from gateway.decoders.watch_frames import Answer, Framer, Habits, Kind, Spoken, field, moment, unless_zero

_SHAPE = re.compile(r"(?P<head>IW|TRV)(?P<code>[A-Z]P[0-9A-Z]{2})(?P<rest>.*)", re.DOTALL)
_SPEAKS = re.compile(rb"\s*(?:IW|TRV)[A-Z]P[0-9A-Z]{2}")
_IMEI = re.compile(r"\d{10,20}", re.ASCII)
_SERIAL = re.compile(r"\d{6}", re.ASCII)
_POSITION = re.compile(
    r"(?P<date>\d{6})(?P<valid>[AV])(?P<lat>\d\d)(?P<lat_min>\d\d\.\d+)(?P<ns>[NS])"
    r"(?P<lon>\d{3})(?P<lon_min>\d\d\.\d+)(?P<ew>[EW])\d{3}\.\d(?P<time>\d{6})[\d.]{6}"
    r"\d{3}\d{3}(?P<battery>\d{3})\d[0-9A-Fa-f]{2}\d\d\d{0,5}(?:,|$)",
    re.ASCII,
)
#: gsm signal, satellites, battery, and more
_STATE = re.compile(r"\d{3}\d{3}(?P<battery>\d{3})", re.ASCII)

_POSITIONS = frozenset({"AP01", "AP10", "YP03", "YP14"})
_HEARTBEATS = frozenset({"AP00", "AP03", "CP01"})
#: AP10's alarm code → event; None where there is none for it.
ALARMS = {"00": None, "01": "sos", "02": "low_battery", "03": "worn_off", "05": "fall", "06": "fall"}
_HEALTH_AND_HABITS = frozenset(f"{code:02}" for code in range(7, 22))
#: What a watch waits to have answered. The others are its answers to us, and are not answered in turn.
_ANSWERED = {
    *("AP01", "AP02", "AP03", "AP04", "AP07", "AP10", "AP42", "AP49", "AP50", "AP97"),
    *("APBL", "APFD", "APHD", "APHP", "APHT", "CP01", "YP03", "YP14"),
}


def speaks(topic: str, payload: bytes) -> bool:
    return topic.startswith("tcp") and _SPEAKS.match(payload) is not None


def decode(_topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    """Bytes of a connection, of one frame or several. A capture may have left out the last hash sign."""
    framer = Framer()
    pieces = framer.feed(payload if payload.rstrip().endswith(b"#") else payload + b"#")
    found: list[Decoded] = []
    speaker: str | None = None
    for piece in pieces + framer.flush():
        if piece.kind is Kind.IW:
            spoken = read(piece.data, speaker or "", now, Habits(), whole=piece.whole)
            speaker = spoken.decoded.hardware_id if spoken.signs_in else speaker
            found.append(replace(spoken.decoded, hardware_id=speaker))
        else:
            flaw = Flaw(Reason.WRONG_SHAPE, None, "no frame of a watch: want IWAPxx…#")
            found.append(Decoded(flaws=(flaw,)))
    return found


def read(data: bytes, hardware_id: str, now: datetime, habits: Habits, *, whole: bool = True) -> Spoken:
    """One frame as it stood in the stream, said by `hardware_id`; `whole` is false when it lost its end."""
    shape = _SHAPE.match(data.decode("utf-8", "replace").removesuffix("#"))
    if shape is None:
        return Spoken(Decoded(hardware_id or None, flaws=(Flaw(Reason.WRONG_SHAPE, None, "want IWAPxx…#"),)))
    head, code, rest = shape["head"], shape["code"], shape["rest"]
    if code == "AP00":
        return _sign_in(head, rest, now, habits, whole)
    values = rest.split(",")
    if not whole:
        del values[max(1, len(values) - 1) :]  # the last one may have been longer
    draft = Draft(hardware_id, message_id("watch", f"{hardware_id} {_when(code, rest)}".encode()), now)
    if not whole:
        draft.tell(Reason.WRONG_SHAPE, None, "the frame has no end: it was cut off on its way")
    decoded = _content(draft, code, rest, values, habits)
    serial = field(values, 1)
    if code not in _ANSWERED:
        return Spoken(decoded, confirms=serial if serial and _SERIAL.fullmatch(serial) else None)
    reply = f"{head}{chr(ord(code[0]) + 1)}{code[1:]}#".encode("ascii") if whole else None
    return Spoken(decoded, reply, Answer.AT_ONCE if code in _HEARTBEATS else Answer.WHEN_KEPT)


def _sign_in(head: str, rest: str, now: datetime, habits: Habits, whole: bool) -> Spoken:
    imei = rest.split(",", maxsplit=1)[0].strip()
    if not whole or not _IMEI.fullmatch(imei):
        return Spoken(Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, "imei", f"AP00 brings an IMEI, not {imei[:40]!r}"),)))
    clock = f",{now.astimezone(UTC):%Y%m%d%H%M%S},{habits.zone_hours}" if head == "IW" else ""
    reply = f"{head}BP00{clock}#".encode("ascii")
    return Spoken(Decoded(imei, ignored="signs in"), reply, Answer.AT_ONCE, signs_in=True)


def _when(code: str, rest: str) -> str:
    """What names an event of this frame, the same each time that the watch repeats it."""
    found = _POSITION.match(rest)
    if found:
        return f"{found['date']} {found['time']}"
    # Its battery changes from one to the next; without a time it is known by what it is.
    return "no time" if code == "AP10" else f"{code} {rest[:200]}"


def _content(draft: Draft, code: str, rest: str, values: list[str], habits: Habits) -> Decoded:
    if code in _POSITIONS:
        _position(draft, code, rest, habits)
        unread = ["cells"]
        if code == "AP10":
            unread += _alarm(draft, field(values, 5))
        return draft.done(unread)
    if code in ("AP03", "CP01"):
        state = _STATE.match(field(values, 1) or "")
        if state is None:
            draft.tell(Reason.WRONG_SHAPE, "state", "nine digits and more: signal, satellites, battery")
        else:
            draft.measure("battery", state["battery"])
        draft.measure("steps", field(values, 2))
        return draft.done()
    if code == "AP04":
        draft.happened("low_battery", {"code": code})
        return draft.done()
    if code in ("APFD", "APWR"):
        _body(draft, code, values)
        return draft.done()
    if code == "AP07":
        return Decoded(draft.hardware_id, flaws=tuple(draft.flaws), ignored="a voice message")
    if code == "APJK":
        _health(draft, values, habits)
        return draft.done()
    measures = _MEASURES.get(code)
    if measures is None:
        return draft.done([code])
    for place, name in enumerate(measures, 1):
        if name:
            value = field(values, place)
            draft.measure(name, value if name == "battery" else unless_zero(value))
    done = draft.done()
    return done if done.readings or done.flaws else draft.done([code])


#: Where each frame has what; "" for what we have no place for.
_MEASURES: dict[str, tuple[str, ...]] = {
    "AP49": ("heart_rate",),
    "AP50": ("body_temperature", "battery"),
    "APHT": ("heart_rate", "systolic", "diastolic"),
    "APHP": ("heart_rate", "systolic", "diastolic", "spo2", "", "body_temperature"),
}


def _position(draft: Draft, code: str, rest: str, habits: Habits) -> None:
    """`yymmddA2232.9806N11404.9355E000.1hhmmss323.87` and signal, satellites, battery, then cells."""
    found = _POSITION.match(rest)
    if found is None:
        draft.at(None, rest[:6], "time")
        draft.tell(Reason.WRONG_SHAPE, None, "date, validity, position, speed, time, course and state, then cells")
        return
    instant = moment(found["date"] + found["time"], "%y%m%d%H%M%S", habits)
    draft.at(instant, instant.isoformat() if instant else f"{found['date']} {found['time']}", "time")
    draft.seq(1 if code == "AP10" else 0)
    draft.measure("battery", found["battery"])
    if found["valid"] == "A":
        lat = _degrees(found["lat"], found["lat_min"], found["ns"] == "S")
        lon = _degrees(found["lon"], found["lon_min"], found["ew"] == "W")
        draft.locate(lat, lon, datum=habits.datum)


def _degrees(degrees: str, minutes: str, negative: bool) -> float:
    value = int(degrees) + float(minutes) / 60
    return -value if negative else value


def _alarm(draft: Draft, code: str | None) -> list[str]:
    """Raises what AP10 tells; returns what of it there is no event for."""
    code = (code or "").strip()
    code = code.zfill(2) if code.isdigit() else code
    if code in _HEALTH_AND_HABITS:
        return [f"alarm {code}"]
    kind = ALARMS.get(code, "sos")
    if code not in ALARMS:
        draft.tell(Reason.UNKNOWN_TYPE, "alarm", f"alarm {code[:20]!r} is not known: taken for an SOS")
    if kind == "worn_off":
        draft.measure("worn", False)
    if kind is not None:
        draft.happened(kind, {"code": "AP10", "alarm": code[:20]})
    return []


def _body(draft: Draft, code: str, values: list[str]) -> None:
    """`APFD,imei,time#` is a fall; `APWR,imei,1 or 0,time#` is worn or not; the time in seconds or ms since 1970."""
    at = number(field(values, 2 if code == "APFD" else 3) or "")
    if isinstance(at, int) and 0 < at < 10**14:
        seconds = at / 1000 if at > 10**11 else at
        draft.at(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), at, "time")
    elif code == "APFD":
        draft.at(None, at, "time")
    if code == "APFD":
        draft.happened("fall", {"code": code})
        return
    worn = field(values, 2)
    if worn in ("0", "1"):
        draft.measure("worn", worn == "1")
        draft.happened("worn_on" if worn == "1" else "worn_off", {"code": code})
    else:
        draft.tell(Reason.WRONG_TYPE, "worn", f"1 is worn and 0 is not, {str(worn)[:20]!r} is neither")


def _health(draft: Draft, values: list[str], habits: Habits) -> None:
    """`APJK,yyyymmddhhmmss,kind,value#`; blood pressure is two numbers, the lower one first."""
    at, kind, value = (field(values, place) or "" for place in (1, 2, 3))
    instant = moment(at, "%Y%m%d%H%M%S", habits) if len(at) == 14 else None
    draft.at(instant, instant.isoformat() if instant else at, "time")
    measures: dict[str, Callable[[], None]] = {
        "1": lambda: _pressure(draft, value),
        "2": lambda: draft.measure("heart_rate", unless_zero(value)),
        "3": lambda: draft.measure("body_temperature", unless_zero(value)),
        "4": lambda: draft.measure("spo2", unless_zero(value)),
    }
    if kind in measures:
        measures[kind]()
    else:
        draft.tell(Reason.UNKNOWN_TYPE, "kind", f"APJK has kinds 1 to 4, not {kind[:20]!r}")


def _pressure(draft: Draft, value: str) -> None:
    low, _, high = value.partition("|")
    draft.measure("diastolic", unless_zero(low))
    draft.measure("systolic", unless_zero(high))
