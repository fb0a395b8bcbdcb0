"""What one device may say in a minute."""

from datetime import UTC, datetime

from gateway.decoders.model import Reason
from gateway.message import Message
from gateway.quarantine import Quarantined
from gateway.rate import MINUTE, RateLimit


class Nowhere:
    def acknowledge(self, messages: object) -> None: ...


def message(number: int) -> Message:
    return Message("t", str(number).encode(), datetime(2026, 11, 22, tzinfo=UTC), Nowhere(), number, 1)


def test_of_what_is_over_the_limit_the_first_is_kept_and_the_count_is_told() -> None:
    limit: RateLimit[str] = RateLimit(3)
    bad: list[Quarantined] = []
    assert limit.minute_over(100.0) == []
    flaws = [limit.refuses("loud", message(number), "loud", bad) for number in range(7)]
    assert [flaw is not None for flaw in flaws] == [False] * 3 + [True] * 4
    again = message(0)
    assert [limit.refuses("retried", again, "retried", bad) for _ in range(9)] == [None] * 9, "a message counts once"
    assert not any(limit.refuses("quiet", message(number), "quiet", bad) for number in range(3)), "each for itself"
    assert [(one.message.payload, one.device_id, one.flaw.reason) for one in bad] == [
        (b"3", "loud", Reason.RATE_LIMITED)
    ]
    assert limit.minute_over(100.0 + MINUTE - 0.1) == []
    [told] = limit.minute_over(100.0 + MINUTE)
    assert (told.message.payload, told.flaw.detail[:2]) == (b"6", "4 ")
    assert limit.refuses("loud", message(8), "loud", bad) is None, "a new minute"
