"""4G watches that speak in brackets: `[3G*id*length*command,…]`, by their vendors `3G`, `SG`, `CS`, `ZJ` and others.

Fields and bits as the maker of the SeTracker watches publishes them (4P-Touch, "Beesure GPS SeTracker Server
Protocol", appendix I), and as traccar's WatchProtocolDecoder has found them in the field. Where the two differ:

- bit 22 of the status is a fall to traccar and an abnormal heart rate to 4P-Touch: it raises, as a fall;
- an alarm of a 4G watch, `AL_LTE`, is answered `AL`, as traccar does: 4P-Touch shows no other answer.

A watch repeats an alarm until it is answered. An alarm (`AL…`) that gives no reason raises as an SOS: a help device
called for help, and nobody knows why. Positions count when they are marked `A`; those marked `V` are old, or none.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from gateway.decoders.family import Decoded, Draft, Enrolled, message_id, number
from gateway.decoders.model import Flaw, Reason
from gateway.decoders.watch_frames import (
    Answer,
    Framer,
    Habits,
    Kind,
    Spoken,
    field,
    moment,
    unescape,
    unless_zero,
)

_SHAPE = re.compile(
    rb"\[(?P<vendor>[0-9A-Za-z]{2})\*(?P<id>[0-9A-Za-z]{1,20})\*"
    rb"(?:(?P<index>[0-9A-Fa-f]{4})\*(?=[0-9A-Fa-f]{4}\*))?(?:[0-9A-Fa-f]{0,8}\*)?(?P<content>.*)",
    re.DOTALL,
)
_SPEAKS = re.compile(rb"\s*\[[0-9A-Za-z]{2}\*[0-9A-Za-z]{1,20}\*")
_STATUS = re.compile(r"[0-9A-Fa-f]{1,8}")

#: Bits of the status, counted from the right: those from 16 on are alarms, the others are how it stands.
ALARMS = {16: "sos", 17: "low_battery", 18: "left_fence", 19: "entered_fence", 20: "worn_off", 21: "fall", 22: "fall"}
#: Old firmwares have four digits, and these as alarms.
_OLD_ALARMS = {0: "low_battery", 1: "left_fence", 2: "entered_fence"}
#: Alarms that the contract has no event for.
_FENCES = frozenset({"left_fence", "entered_fence"})

#: What is answered with its own name.
_ECHOED = frozenset({"LK", "TKQ", "TKQ2", "bphrt", "heart", "PULSE", "BLOOD", "btemp2", "TEMP", "ICCID", "RYIMEI"})
#: What is answered otherwise. `TK,0` is "not received": a voice message goes nowhere, and its sender must know.
_ANSWERS = {
    "INIT": "INIT,1",
    "CONFIG": "CONFIG,1",
    "oxygen": "oxygen,1",
    "TK": "TK,0",
    "TK2": "TK2,0",
    "JXTK": "JXTKR,1",
}
_MEDIA = frozenset({"TK", "TK2", "JXTK", "img", "wimg"})
#: What keeps the connection alone is answered whatever becomes of the rest.
_KEEPS_ALIVE = frozenset({"LK", "INIT", "CONFIG", "TKQ", "TKQ2", "ICCID", "RYIMEI"})
#: In a position, what we have no place for.
_POSITION_UNREAD = ("speed", "course", "altitude", "satellites", "signal", "tumbles", "cells")


def speaks(topic: str, payload: bytes) -> bool:
    return topic.startswith("tcp") and _SPEAKS.match(payload) is not None


def decode(_topic: str, payload: bytes, now: datetime, _enrolled: Enrolled) -> Sequence[Decoded]:
    """Bytes of a connection, of one frame or several; the last may have lost its end."""
    framer = Framer()
    pieces = framer.feed(payload)
    pieces += framer.flush()
    return [
        read(piece.data, now, Habits(), whole=piece.whole).decoded
        if piece.kind is Kind.BRACKET
        else Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, None, "no frame of a watch: want [XX*id*length*command]"),))
        for piece in pieces
    ]


def frame(vendor: str, hardware_id: str, content: str, index: str | None = None) -> bytes:
    """What the platform says to a watch. `index` is the watch's own, where its vendor has one."""
    named = f"{index}*" if index is not None else ""
    return f"[{vendor}*{hardware_id}*{named}{len(content):04X}*{content}]".encode("ascii")


def read(data: bytes, now: datetime, habits: Habits, *, whole: bool = True) -> Spoken:
    """One frame as it stood in the stream, with its brackets; `whole` is false when it lost its end."""
    shape = _SHAPE.match(data)
    if shape is None:
        told = "want [XX*id*length*command,…]"
        return Spoken(Decoded(flaws=(Flaw(Reason.WRONG_SHAPE, None, told),)))
    vendor, hardware_id = shape["vendor"].decode("ascii"), shape["id"].decode("ascii")
    index = shape["index"].decode("ascii") if shape["index"] else None
    content = unescape(shape["content"].removesuffix(b"]") if whole else shape["content"])
    values = content.decode("utf-8", "replace").split(",")
    command = values[0]
    if not whole:
        del values[max(1, len(values) - 1) :]  # the last one may have been longer
    when = f"{field(values, 1)} {field(values, 2)}" if _is_position(command) else repr(content[:200])
    draft = Draft(hardware_id, message_id("watch", f"{hardware_id} {when}".encode()), now)
    if not whole:
        draft.tell(Reason.WRONG_SHAPE, None, "the frame has no end: it was cut off on its way")
    decoded = _content(draft, command, values, habits)
    answer = Answer.AT_ONCE if command in _KEEPS_ALIVE else Answer.WHEN_KEPT
    reply = _reply(command) if whole else None
    due = None if reply is None else frame(vendor, hardware_id, reply, index)
    confirms = "ud" if command.startswith("UD") else command.lower()
    return Spoken(decoded, due, answer, confirms=confirms, signs_in=True)


def vendor_of(data: bytes) -> tuple[str, str | None]:
    """The vendor and index of a frame, by which its watch is spoken to; `3G` of what is none."""
    shape = _SHAPE.match(data)
    if shape is None:
        return "3G", None
    return shape["vendor"].decode("ascii"), shape["index"].decode("ascii") if shape["index"] else None


def _is_position(command: str) -> bool:
    return command.startswith(("UD", "AL", "WT"))


def _reply(command: str) -> str | None:
    if command.startswith("AL"):
        return "AL"
    return command if command in _ECHOED else _ANSWERS.get(command)


def _content(draft: Draft, command: str, values: list[str], habits: Habits) -> Decoded:
    if _is_position(command):
        return _position(draft, command, values, habits)
    if command == "LK":
        return _keep_alive(draft, values)
    if command in _MEDIA:
        return Decoded(draft.hardware_id, flaws=tuple(draft.flaws), ignored="a voice message or a picture")
    measure = _MEASURES.get(command.lower())
    if measure is None or len(values) < 2:
        return draft.done([command[:64] or "empty"])
    measure(draft, values)
    done = draft.done()
    # A measurement that failed, said as 0, is a frame of which there is nothing to keep.
    return done if done.readings or done.flaws else draft.done([command])


def _keep_alive(draft: Draft, values: list[str]) -> Decoded:
    """`LK`, or `LK,steps,tumbles,battery`; of two values nobody knows which they are."""
    if len(values) in (2, 3):
        return draft.done(["LK"])
    if len(values) >= 4:
        draft.measure("steps", values[1])
        draft.measure("battery", values[3], "battery")
        done = draft.done()
        if done.readings or done.flaws:
            return done
    return Decoded(draft.hardware_id, flaws=tuple(draft.flaws), ignored="keeps the connection alive")


def _position(draft: Draft, command: str, values: list[str], habits: Habits) -> Decoded:
    """Date, time, A or V, position, speed, course, altitude, satellites, signal, battery, steps, tumbles, status,
    then cells and networks."""
    date, time = field(values, 1), field(values, 2)
    instant = moment(f"{date}{time}", "%d%m%y%H%M%S", habits) if date and time and len(date + time) == 12 else None
    words = instant.isoformat() if instant else " ".join(part for part in (date, time) if part)
    draft.at(instant, words, "time")
    # The alarm and the report of the same second may differ: both are kept.
    draft.seq(1 if command.startswith("AL") else 0)
    if field(values, 3) == "A":
        lat, lon = _degrees(values, 4), _degrees(values, 6)
        draft.locate(lat, lon, _accuracy(values), datum=habits.datum)
    elif field(values, 3) != "V":
        draft.tell(
            Reason.WRONG_TYPE, "valid", f"A or V tells whether the position holds, not {field(values, 3)!r}"[:200]
        )
    if len(values) < 17:
        draft.tell(Reason.WRONG_SHAPE, None, f"a position has 16 fields and more, this one {len(values) - 1}")
    draft.measure("battery", field(values, 13))
    draft.measure("steps", field(values, 14))
    states = _alarms(draft, command, field(values, 16))
    return draft.done([*_POSITION_UNREAD, *states])


def _alarms(draft: Draft, command: str, status: str | None) -> list[str]:
    """Raises what the status tells; returns what of it there is no event for."""
    alarm = command.startswith("AL")
    if status is None or not _STATUS.fullmatch(status):
        draft.tell(Reason.WRONG_TYPE, "status", f"the status has up to 8 hexadecimal digits, not {str(status)[:40]!r}")
        if alarm:
            draft.happened("sos", {"command": command[:32], "alarms": "unknown"})
        return []
    bits = int(status, 16)
    told = [name for bit, name in ALARMS.items() if bits >> bit & 1]
    unknown = [bit for bit in (*range(23, 32),) if bits >> bit & 1]
    if alarm and not bits >> 16:
        told = [name for bit, name in _OLD_ALARMS.items() if bits >> bit & 1]
    if unknown:
        draft.tell(Reason.UNKNOWN_TYPE, "status", f"status {status}: nobody knows what its bits {unknown} are")
    if alarm and not told:
        draft.tell(Reason.UNKNOWN_TYPE, "status", f"an alarm with status {status} gives no reason: taken for an SOS")
        told = ["sos"]
    if "worn_off" in told:
        draft.measure("worn", False)
    told = list(dict.fromkeys(told))
    for name in told:
        if name not in _FENCES:
            draft.happened(name, {"command": command[:32], "status": status, "alarms": told})
    return [name for name in told if name in _FENCES]


def _degrees(values: list[str], place: int) -> object:
    """Degrees north or east. A watch of the south or west may say so by a letter, a sign, or both."""
    degrees, letter = number((field(values, place) or "").strip()), (field(values, place + 1) or "").strip()
    if not isinstance(degrees, int | float):
        return degrees or None
    return -abs(degrees) if letter in ("S", "W") else degrees


def _accuracy(values: list[str]) -> str | None:
    """Metres, the last field of those watches that write it with a point."""
    last = values[-1].strip()
    return unless_zero(last) if len(values) > 17 and re.fullmatch(r"\d{1,5}\.\d{1,9}", last) else None


def _heart(draft: Draft, values: list[str]) -> None:
    draft.measure("heart_rate", unless_zero(values[1]))


def _pressure(draft: Draft, values: list[str]) -> None:
    for place, name in enumerate(("systolic", "diastolic", "heart_rate"), 1):
        draft.measure(name, unless_zero(field(values, place)))


def _oxygen(draft: Draft, values: list[str]) -> None:
    """`oxygen,how,percent`"""
    draft.measure("spo2", unless_zero(field(values, 2)))


def _temperature(draft: Draft, values: list[str]) -> None:
    draft.measure("body_temperature", unless_zero(values[1]))


def _temperature_2(draft: Draft, values: list[str]) -> None:
    """`btemp2,where,degrees`, where 0 degrees is too low to be measured, and 1 too high."""
    degrees = field(values, 2)
    draft.measure("body_temperature", None if number(degrees) == 1 else unless_zero(degrees))


_MEASURES: dict[str, Callable[[Draft, list[str]], None]] = {
    "pulse": _heart,
    "heart": _heart,
    "blood": _pressure,
    "bphrt": _pressure,
    "oxygen": _oxygen,
    "temp": _temperature,
    "btemp2": _temperature_2,
}
