"""What the decoder of a device family is: topic and bytes in, what they say out. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.decoders.model import Event, Flaw, Reading, Status


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one message says.

    A message of which nothing is wanted (a gateway's own log, a topic that was cleared) has `ignored` and nothing
    else; one that should have said something and did not has flaws. Silence is never "all right".
    """

    #: The name by which the hardware is known where it comes from; None when the message is nobody's.
    hardware_id: str | None = None
    readings: tuple[Reading, ...] = ()
    events: tuple[Event, ...] = ()
    status: Status | None = None
    flaws: tuple[Flaw, ...] = ()
    #: Fields that were read by nobody, because we have no place for them.
    unread: tuple[str, ...] = ()
    ignored: str | None = None


#: (topic, payload, when it was received, the kind of device it is enrolled as, if it is) → what it says
Decoder = Callable[[str, bytes, datetime, str | None], Decoded]
