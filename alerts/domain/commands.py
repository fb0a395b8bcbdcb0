"""Commands to devices: which there are, how long an answer may take, and what an answer means. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final


class Command(StrEnum):
    RING = "ring"
    LOCATE = "locate"
    MEASURE = "measure"
    CONFIGURE = "configure"
    REMIND = "remind"


COMMAND_WORDS: Final = {
    Command.RING: "响铃",
    Command.LOCATE: "定位",
    Command.MEASURE: "测量",
    Command.CONFIGURE: "设置",
    Command.REMIND: "提醒",
}
#: After so long without an answer there is none. A watch that sleeps is asked when it wakes; a reminder is answered by
#: whoever is reminded.
ANSWERED_WITHIN: Final = {
    Command.RING: timedelta(minutes=1),
    Command.LOCATE: timedelta(minutes=2),
    Command.MEASURE: timedelta(minutes=3),
    Command.CONFIGURE: timedelta(minutes=5),
    Command.REMIND: timedelta(minutes=15),
}
#: To one device in a minute: who presses a button again and again does not ring somebody awake again and again.
MOST_A_MINUTE: Final = 6
#: What is where somebody is or how they are: withheld as readings are.
PRIVATE: Final = frozenset({"location", "reading"})


class CommandState(StrEnum):
    ASKED = "asked"  # not yet with the broker
    SENT = "sent"
    DONE = "done"
    UNSUPPORTED = "unsupported"  # the device cannot
    FAILED = "failed"  # it says why in words of its own
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Answer:
    state: CommandState
    #: after everybody had given up: kept, and said
    late: bool


def answer_of(result: Mapping[str, Any], expires_at: datetime, at: datetime) -> Answer:
    """What a result says. A device's own words are a failure, since only `done` is done."""
    match result.get("status"):
        case "done":
            state = CommandState.DONE
        case "unsupported":
            state = CommandState.UNSUPPORTED
        case "unanswered":  # a bridge says so for its watch
            state = CommandState.UNANSWERED
        case _:
            state = CommandState.FAILED
    return Answer(state, at > expires_at)


def payload(command: str, command_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What is published to `down/commands`."""
    return {"command_id": command_id, "command": command, **body}


def shown(result: Mapping[str, Any] | None, *, private: bool) -> dict[str, Any] | None:
    """A result for a screen; with `private` also where somebody is and what was measured."""
    if result is None:
        return None
    return {name: value for name, value in result.items() if private or name not in PRIVATE}
