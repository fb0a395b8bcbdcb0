"""A message on its way from a connection to the database, and the way its acknowledgement goes back."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Protocol, runtime_checkable

from gateway.decoders.model import Event, Flaw, Reading, Status

#: Stands for a topic whose bytes are no text: raised in a network thread, the error would end it.
NOT_UTF8 = "(not UTF-8)"


class Link(Protocol):
    """Where a message came from, and where its acknowledgement goes."""

    def acknowledge(self, messages: "Sequence[Message]") -> None: ...


@runtime_checkable
class Answerable(Protocol):
    """A link by which devices are told receipts. Others have none: a stream of telemetry, a message in parts, one that
    is tried again long after."""

    def publish(self, topic: str, payload: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What a source's decoder has understood of a message: either one event, or all that is not an event."""

    source: str
    #: our name of the device; of hardware that is not enrolled, its source and its name there
    device_id: str
    #: of `devices`; None when it is not enrolled
    device_key: int | None
    event: Event | None = None
    readings: tuple[Reading, ...] = ()
    status: Status | None = None
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """`over`: why the message is refused; `kept`: it is the one of its minute that is kept in quarantine for that."""

    over: Flaw | None = None
    kept: bool = False


@dataclass(slots=True)
class Message:
    topic: str
    payload: bytes
    received_at: datetime
    link: Link
    packet_id: int
    #: which connection of the link brought it: a packet id means nothing on another one
    epoch: int
    #: None: it is native, and a lane decodes it
    said: Said | None = None
    #: what its sender's rate was found to be: asked once, though the message be tried again
    rate: "Rate | None" = None
    #: the row of quarantine that it was kept in, when it is tried again
    replay_of: int | None = None


def acknowledge(messages: Sequence[Message]) -> None:
    """Each to the link that brought it."""
    for link, of_it in groupby(messages, attrgetter("link")):
        link.acknowledge(list(of_it))


class Joint:
    """The link of a message that went on in several parts: it is acknowledged when all of them are stored."""

    def __init__(self, message: Message, parts: Sequence[Said]) -> None:
        self._message = message
        self._open = len(parts)
        self._turn = threading.Lock()
        self.parts = [replace(message, link=self, said=part) for part in parts]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        with self._turn:
            self._open -= len(messages)
            done = self._open == 0
        if done:
            self._message.link.acknowledge([self._message])
