"""What one watch's connection knows: its bytes in, what is to be done out. Pure: the time is an argument."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.decoders import watch, watch_iw
from gateway.decoders.family import Decoded
from gateway.decoders.watch_frames import Answer, Framer, Habits, Kind, Piece

#: Under this id a watch calls for help that has not told its own: better from nobody than not at all.
UNIDENTIFIED = "unidentified"
#: Ids that one connection may tell: a concentrator has few, a scanner many.
MOST_NAMES = 8
#: Frames without an id before the connection is given up.
MOST_NAMELESS = 20
#: What is not understood is kept for an engineer, so often a connection: a watch with a wrong clock goes on for years.
MOST_RAW = 20
#: Bytes in a row that are no frame.
MOST_GARBAGE = 64 * 1024
#: Commands that a watch has not confirmed.
MOST_ASKED = 16


@dataclass(frozen=True, slots=True)
class SignedIn:
    """From now on the connection is this watch's."""

    hardware_id: str
    before: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """`reply` is due as `answer` says; None where the watch waits for nothing."""

    hardware_id: str
    decoded: Decoded
    reply: bytes | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    hardware_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: `done`, `unsupported` or `unanswered`."""

    hardware_id: str
    command: dict[str, Any]
    status: str


@dataclass(frozen=True, slots=True)
class Close:
    why: str


Act = SignedIn | Said | NotUnderstood | Outcome | Close


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A command under way, and by which of the watch's words it is confirmed."""

    hardware_id: str
    command: dict[str, Any]
    confirmed_by: frozenset[str]


#: Native command → what a bracket watch is told, and what confirms it. `CR` has it report at once; `hrtstart,1`
#: measures heart rate and blood pressure once, `bodytemp2` temperature; `FIND` rings for a minute (4P-Touch).
_BRACKET_COMMANDS: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "locate": (("CR",), frozenset({"cr", "ud"})),
    "ring": (("FIND",), frozenset({"find"})),
    "measure": (("hrtstart,1", "bodytemp2"), frozenset({"hrtstart", "bphrt", "heart", "bodytemp2", "btemp2"})),
}
#: BP16 locates; BPXL, BPXY, BPXZ, BPXT measure heart rate, blood pressure, SpO2, temperature. None known rings.
_IW_COMMANDS: dict[str, tuple[str, ...]] = {"locate": ("BP16",), "measure": ("BPXL", "BPXY", "BPXZ", "BPXT")}


class Session:
    def __init__(self, habits: Habits, max_frame: int) -> None:
        self.hardware_id: str | None = None
        #: how many frames, whole or not, there were
        self.frames = 0
        self._habits = habits
        self._framer = Framer(max_frame)
        self._kind: Kind | None = None
        self._vendor: str = "3G"
        self._index: str | None = None
        self._head = "IW"
        self._names: set[str] = set()
        self._nameless = self._raws = self._serial = 0
        self._last = b""
        self._asked: list[Asked] = []

    @property
    def half(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._framer.open

    @property
    def looks_whole(self) -> bool:
        """Whether the half frame may be one whose brackets do not balance: then silence ends it."""
        return self._framer.open and self._last.rstrip(b"\r\n\0 ").endswith(b"]")

    def receive(self, data: bytes, now: datetime) -> Iterator[Act]:
        self._last = data
        for piece in self._framer.feed(data):
            yield from self._piece(piece, now)
        if self._framer.run > MOST_GARBAGE:
            yield Close("it sends what is no frame")
        if len(self._names) > MOST_NAMES:
            yield Close(f"it has told {len(self._names)} ids")
        if self._nameless > MOST_NAMELESS:
            yield Close("it does not say who it is")

    def end_frame(self, now: datetime) -> Iterator[Act]:
        """Nothing more is waited for: what there is of a frame is read, and an alarm in it raises."""
        for piece in self._framer.flush():
            yield from self._piece(piece, now)

    def command(self, payload: bytes) -> tuple[list[bytes], Asked | Outcome | None]:
        """What to send for a native command, and what is waited for; or its outcome at once."""
        try:
            command = json.loads(payload)
        except (ValueError, RecursionError):
            return [], None
        if not isinstance(command, dict) or self.hardware_id is None:
            return [], None
        name = command.get("command")
        if not isinstance(name, str):
            return [], None
        frames, confirmed_by = self._encoded(name)
        if not frames:
            return [], Outcome(self.hardware_id, command, "unsupported")
        asked = Asked(self.hardware_id, command, confirmed_by)
        self._asked = [*self._asked[-(MOST_ASKED - 1) :], asked]
        return frames, asked

    def give_up(self, asked: Asked) -> Outcome | None:
        """The watch did not confirm in time; None where it did."""
        if asked not in self._asked:
            return None
        self._asked.remove(asked)
        return Outcome(asked.hardware_id, asked.command, "unanswered")

    def _encoded(self, name: str) -> tuple[list[bytes], frozenset[str]]:
        assert self.hardware_id is not None
        if self._kind is Kind.BRACKET:
            words, confirmed_by = _BRACKET_COMMANDS.get(name, ((), frozenset()))
            index = None if self._index is None else "0001"
            return [watch.frame(self._vendor, self.hardware_id, word, index) for word in words], confirmed_by
        codes = _IW_COMMANDS.get(name, ())
        serials = []
        for _ in codes:
            self._serial = self._serial % 999_999 + 1
            serials.append(f"{self._serial:06}")
        frames = [
            f"{self._head}{code},{self.hardware_id},{serial}#".encode("ascii")
            for code, serial in zip(codes, serials, strict=True)
        ]
        return frames, frozenset(serials)

    def _piece(self, piece: Piece, now: datetime) -> Iterator[Act]:
        self.frames += 1
        if piece.kind is Kind.GARBAGE:
            yield from self._not_understood(self.hardware_id, piece.data)
            return
        if piece.kind is Kind.BRACKET:
            spoken = watch.read(piece.data, now, self._habits, whole=piece.whole)
            self._vendor, self._index = watch.vendor_of(piece.data)
        else:
            spoken = watch_iw.read(piece.data, self.hardware_id or UNIDENTIFIED, now, self._habits, whole=piece.whole)
            self._head = "TRV" if piece.data.startswith(b"TRV") else "IW"
        decoded = spoken.decoded
        if spoken.signs_in and decoded.hardware_id is not None:
            self._kind = piece.kind
            yield from self._sign_in(decoded.hardware_id)
        speaker = self.hardware_id
        if speaker is None:
            self._nameless += 1
            if not decoded.events:
                yield from self._not_understood(None, piece.data)
                return
        yield Said(speaker or UNIDENTIFIED, decoded, spoken.reply, spoken.answer)
        if decoded.flaws:
            yield from self._not_understood(speaker, piece.data)
        yield from self._confirm(spoken.confirms)

    def _sign_in(self, hardware_id: str) -> Iterator[Act]:
        if hardware_id != self.hardware_id:
            before, self.hardware_id = self.hardware_id, hardware_id
            self._names.add(hardware_id)
            yield SignedIn(hardware_id, before)

    def _not_understood(self, hardware_id: str | None, data: bytes) -> Iterator[Act]:
        if self._raws < MOST_RAW:
            self._raws += 1
            yield NotUnderstood(hardware_id or UNIDENTIFIED, data)

    def _confirm(self, word: str | None) -> Iterator[Act]:
        if word is None:
            return
        for asked in self._asked:
            if word in asked.confirmed_by:
                self._asked.remove(asked)
                yield Outcome(asked.hardware_id, asked.command, "done")
                return
