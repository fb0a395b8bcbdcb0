"""Frames of the 4G watches out of a stream of bytes, and what both of their families share. Pure.

Two kinds come on the same port: `[3G*8800000015*0002*LK]` in brackets, and `IWAP03,…#` up to a hash sign. The length
that a bracket frame declares is wrong in a quarter of the captures, so frames end where their brackets do. Names of
Wi-Fi networks stand in them unescaped, brackets and all; voice and pictures are escaped.

The same bytes give the same frames however they are cut into chunks: each decision rests on the bytes before it alone.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Literal

from gateway.decoders.family import Decoded


class Kind(Enum):
    BRACKET = "bracket"
    IW = "iw"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Piece:
    """A frame with its end, or with `whole` false what there is of it; or bytes that are no frame."""

    kind: Kind
    data: bytes
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Habits:
    """What a watch does not say of itself, and its makers do not agree on."""

    #: how far a watch's clock is ahead of UTC: nothing, say the makers; some firmwares tell local time
    clock_ahead: timedelta = timedelta(0)
    #: GPS speaks WGS 84 and no maker of these says otherwise; a platform in between may have moved the positions
    datum: Literal["wgs84", "gcj02"] = "wgs84"
    #: hours ahead of UTC that an IW watch is told at its sign-in, for its face
    zone_hours: int = 8


class Answer(Enum):
    """When a watch may be answered."""

    AT_ONCE = "at once"
    #: after the receipts of its events; of a frame without events, when the broker has its readings
    WHEN_KEPT = "when kept"


@dataclass(frozen=True, slots=True)
class Spoken:
    """One frame: what it says, and what the watch waits to hear."""

    decoded: Decoded
    reply: bytes | None = None
    answer: Answer = Answer.WHEN_KEPT
    #: the words of ours that it confirms: a command's name, or an IW serial number
    confirms: str | None = None
    #: whether this frame tells who speaks on the connection from now on
    signs_in: bool = False


#: Longer frames are cut: photographs come in 20 to 60 KB, and nobody here looks at them.
MAX_FRAME_BYTES = 96 * 1024
#: Of bytes that are no frame, the first so many of a run are kept.
KEPT_GARBAGE = 1024

_IW_START = re.compile(rb"(?:IW|TRV)[A-Z]P[0-9A-Z]{2}")
#: How much of a start may still be missing at the end of the bytes.
_IW_LONGEST = 7
#: Voice: `IWAP07,time,packets,number,length,` and so many bytes of sound, hash signs among them.
_IW_VOICE = re.compile(rb"IWAP07,\d{0,20},\d{1,5},\d{1,5},(\d{1,5}),")
_BETWEEN = frozenset(b"\r\n\t \0")
_ALNUM = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_BRACKETS = re.compile(rb"[\[\]]")
_OPEN, _CLOSE, _STAR = 0x5B, 0x5D, 0x2A
_DECLARED = re.compile(rb"\[..\*[0-9A-Za-z]+\*(?:[0-9A-Fa-f]{4}\*)?([0-9A-Fa-f]{4})\*", re.DOTALL)
_ESCAPED = re.compile(rb"\}([\x01-\x05])", re.DOTALL)
_UNESCAPED = {b"\x01": b"}", b"\x02": b"[", b"\x03": b"]", b"\x04": b",", b"\x05": b"*"}
#: `[XX*`, an id of at most so many, `*`
_LONGEST_ID = 20
#: With so many bytes after it, it is known of each whether a frame begins there.
_LOOKAHEAD = 32


class Framer:
    """Bytes in, pieces out. Holds at most one frame's bytes."""

    def __init__(self, max_frame: int = MAX_FRAME_BYTES) -> None:
        self._max = max_frame
        self._bytes = bytearray()
        self._kind: Kind | None = None  # of the frame that has begun
        self._at = 0  # what lies before it needs no second look
        self._depth = 0
        self._garbage = bytearray()
        self._garbage_full = False
        #: bytes of the run of garbage that goes on, for whoever would end it
        self.run = 0

    @property
    def open(self) -> bool:
        """Whether a frame has begun, or may have."""
        return bool(self._bytes)

    def feed(self, data: bytes) -> list[Piece]:
        self._bytes += data
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def flush(self) -> list[Piece]:
        """What there is, when nothing more comes: a frame whose brackets do not balance because of a network's name
        is whole; another one is half."""
        pieces: list[Piece] = []
        if self._kind is not None:
            data = bytes(self._bytes)
            self._take(len(data))
            pieces += self._end_garbage()
            ended = data.rstrip(b"\r\n\0 ").endswith(b"]")
            pieces.append(Piece(self._kind, data, whole=self._kind is Kind.BRACKET and ended))
            self._kind = None
        else:
            self._drop(len(self._bytes), pieces)
        return pieces + self._end_garbage()

    def _step(self, pieces: list[Piece]) -> bool:
        """One more piece, or one more start; False when more bytes are needed."""
        if self._kind is None:
            return self._find_start(pieces)
        end, whole = self._find_bracket_end() if self._kind is Kind.BRACKET else self._find_iw_end()
        if end is None and len(self._bytes) < self._max + _LOOKAHEAD:
            return False
        if end is None or end > self._max:
            end, whole = self._max, False
        pieces.append(Piece(self._kind, self._take(end), whole=whole))
        self._kind = None
        return True

    def _find_start(self, pieces: list[Piece]) -> bool:
        """Puts aside what is before the next frame."""
        held = self._bytes
        place = 0
        while place < len(held):
            byte = held[place]
            verdict: bool | None = False
            if byte == _OPEN:
                verdict = _is_start(held, place)
            elif byte in b"IT":
                verdict = _is_iw_start(held, place)
            if verdict is None:
                break
            if verdict:
                self._drop(place, pieces)
                pieces += self._end_garbage()
                self._kind = Kind.BRACKET if byte == _OPEN else Kind.IW
                self._at, self._depth = 1, 1
                return True
            place += 1
        self._drop(place, pieces)
        return False

    def _find_bracket_end(self) -> tuple[int | None, bool]:
        held = self._bytes
        declared = _DECLARED.match(held)
        declared_end = declared.end() + int(declared[1], 16) if declared else -1
        for found in _BRACKETS.finditer(held, self._at):
            place = found.start()
            if held[place] == _OPEN:
                verdict = _is_start(held, place)
                if verdict is None:
                    self._at = place
                    return None, False
                if verdict:  # the next frame: this one lost its end
                    return place, False
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 0 or place == declared_end:
                    return place + 1, True
            self._at = place + 1
        self._at = len(held)
        return None, False

    def _find_iw_end(self) -> tuple[int | None, bool]:
        held = self._bytes
        voice = _IW_VOICE.match(held)
        body = voice.end() + int(voice[1]) if voice else 1
        start = max(body, self._at)
        end = held.find(b"#", start)
        following = _IW_START.search(held, max(body, start - _IW_LONGEST), end if end >= 0 else len(held))
        if following:
            return following.start(), False
        if end >= 0:
            return end + 1, True
        self._at = len(held)
        return None, False

    def _take(self, count: int) -> bytes:
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        self._at = 0
        return taken

    def _drop(self, count: int, pieces: list[Piece]) -> None:
        """Garbage: the first of a run is kept, the rest is counted."""
        dropped = self._take(count)
        for byte in dropped if not self._garbage_full else b"":
            if not self._garbage and byte in _BETWEEN:
                continue
            self._garbage.append(byte)
            if len(self._garbage) == KEPT_GARBAGE:
                pieces.append(Piece(Kind.GARBAGE, bytes(self._garbage), whole=False))
                self._garbage_full = True
                break
        if self._garbage:
            self.run += len(dropped)

    def _end_garbage(self) -> list[Piece]:
        run = bytes(self._garbage).rstrip(bytes(_BETWEEN))
        told = [Piece(Kind.GARBAGE, run)] if run and not self._garbage_full else []
        self._garbage.clear()
        self._garbage_full = False
        self.run = 0
        return told


def _is_start(held: bytearray, place: int) -> bool | None:
    """Whether a frame begins at this bracket; None while that is open."""
    for offset in range(1, 5 + _LONGEST_ID):
        if place + offset >= len(held):
            return None
        byte = held[place + offset]
        if offset == 3:
            if byte != _STAR:
                return False
        elif offset > 4 and byte == _STAR:
            return True
        elif byte not in _ALNUM:
            return False
    return False


def _is_iw_start(held: bytearray, place: int) -> bool | None:
    if _IW_START.match(held, place):
        return True
    seen = bytes(held[place : place + _IW_LONGEST])
    if len(seen) >= _IW_LONGEST:
        return False
    # What may still become one: filled up with a good ending, it is one.
    return None if any(_IW_START.match(seen + good[len(seen) :]) for good in (b"IWAP00", b"TRVAP00")) else False


def unescape(data: bytes) -> bytes:
    """Voice and pictures without their escapes."""
    return _ESCAPED.sub(lambda found: _UNESCAPED[found[1]], data)


def moment(digits: str, form: str, habits: Habits) -> datetime | None:
    """A watch's date and time in UTC, by `form` as strptime has it; None when it is none."""
    if not digits.isascii() or not digits.isdigit():
        return None
    try:
        return datetime.strptime(digits, form).replace(tzinfo=UTC) - habits.clock_ahead
    except (ValueError, OverflowError):
        return None


def unless_zero(value: str | None) -> str | None:
    """A measurement, of which these watches say 0 when they could not take it: that is unknown."""
    if value is None or not value.strip() or not value.strip().strip("0.+-"):
        return None
    return value


def field(values: list[str], place: int) -> str | None:
    return values[place] if place < len(values) else None
