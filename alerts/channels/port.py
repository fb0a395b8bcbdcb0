"""What every channel is: something that a message is handed to, and that says what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from alerts.domain.delivery import Outcome
from alerts.domain.message import Message

#: No send takes longer, whatever its service does.
SEND_SECONDS = 8.0
CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`detail` is for people and the log, and has nothing of the target."""

    outcome: Outcome
    detail: str = ""
    retry_after: timedelta | None = None


class Channel(Protocol):
    """One kind of way to people. `send` does not raise for whatever its service does, and may be cancelled."""

    @property
    def each(self) -> int:
        """Sends of one lane at a time."""

    async def send(self, target: Mapping[str, Any], message: Message) -> Answer: ...

    def lane(self, target: Mapping[str, Any]) -> str:
        """What is slow together: sends of one lane wait for each other, sends of two never."""


def answered(status: int, retry_after: str | None = None, *, gone: tuple[int, ...] = (410,)) -> Answer:
    """What an HTTP status means. What may pass is a failure; what will not is a refusal."""
    told = f"HTTP {status}"
    if 200 <= status < 300:
        return Answer(Outcome.ACCEPTED, told)
    if status in gone:
        return Answer(Outcome.GONE, told)
    if status in (429, 503):
        return Answer(Outcome.BUSY, told, _wait(retry_after))
    if status >= 500 or status in (408, 425):
        return Answer(Outcome.FAILED, told)
    return Answer(Outcome.REFUSED, told)


def _wait(retry_after: str | None) -> timedelta | None:
    """Seconds or a date, as RFC 9110 has it."""
    if not retry_after:
        return None
    try:
        return timedelta(seconds=min(max(int(retry_after), 0), 86_400))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(at - datetime.now(UTC), timedelta()) if at.tzinfo else None
