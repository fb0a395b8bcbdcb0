"""One LoRaWAN frame while its maker's decoder reads it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gateway.decoders.buttons import BUTTON
from gateway.decoders.family import Decoded, Draft, message_id
from gateway.decoders.model import Reason
from gateway.decoders.native import is_believable


@dataclass(slots=True)
class Uplink:
    """A frame's port and bytes, what its device is enrolled as, and what is found in it.

    `draft` is of the moment of the frame; buffered records of the past have drafts of their own.
    """

    hardware_id: str
    port: int | None
    data: bytes
    kind: str | None
    now: datetime
    draft: Draft
    unread: set[str] = field(default_factory=set)
    _past: list[Draft] = field(default_factory=list)

    def pressed(self, words: str, draft: Draft | None = None) -> None:
        """A button was pressed: a call for help from what is enrolled as emergency button, else told."""
        if self.kind == BUTTON:
            (draft or self.draft).happened("sos", {"press": words})
        else:
            told = f"a {words} press is a call only from what is enrolled as {BUTTON}"
            self.draft.tell(Reason.UNKNOWN_TYPE, "press", told)

    def is_by_own_clock(self, instant: datetime | None) -> None:
        """The frame brings its device's own time: believed where it can be, else the network's stays."""
        if instant is not None and is_believable(instant, self.now):
            self.draft.at(instant, None, "time")
        else:
            told = f"the device's time {instant} cannot be believed, the network's is taken: let it join again"
            self.draft.tell(Reason.CLOCK, "time", told)

    def record(self, instant: datetime | None, data: bytes) -> Draft:
        """The draft of a buffered record. The same record, sent again in another frame, has the same name."""
        past = Draft(self.hardware_id, message_id(self.hardware_id, data, instant), self.now)
        past.at(instant, instant, "time of a buffered record")
        self._past.append(past)
        return past

    def cut_off(self, what: str) -> None:
        told = f"{len(self.data)} bytes ({self.data[:64].hex()}) are cut off in {what}"
        self.draft.tell(Reason.WRONG_SHAPE, "data", told)

    def unknown(self, what: str) -> None:
        told = f"{what} in {self.data[:64].hex()} on port {self.port} is not known: its decoder needs mending"
        self.draft.tell(Reason.UNKNOWN_TYPE, "data", told)

    def done(self) -> tuple[Decoded, ...]:
        this, past = self.draft.done(sorted(self.unread)), tuple(past.done() for past in self._past)
        if this.readings or this.events or this.flaws or this.unread:
            return (this, *past)
        return past or ((this,) if self.data else (replace(this, ignored="a frame without payload"),))


#: Reads `uplink.data` and says what it finds.
Codec = Callable[[Uplink], None]


def unsigned(data: bytes, at: int, length: int) -> int:
    """Big-endian."""
    return int.from_bytes(data[at : at + length], "big")


def signed(data: bytes, at: int, length: int) -> int:
    """Big-endian."""
    return int.from_bytes(data[at : at + length], "big", signed=True)


def seconds(count: int) -> datetime:
    """Seconds since 1970, of at most 32 bits."""
    return datetime.fromtimestamp(count, UTC)
