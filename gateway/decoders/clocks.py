"""Times that devices write as a number. Pure."""

from datetime import UTC, datetime

from gateway.decoders.family import number

#: Year 9999: what a datetime can hold.
_LAST = 253_402_300_799


def unix_time(value: object, parts: int = 1) -> datetime | None:
    """Seconds since 1970 (or `parts` of a second: 1000 for milliseconds), as a number or as text; None for anything
    else."""
    seconds = number(value)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds / parts <= _LAST:
        return None
    return datetime.fromtimestamp(seconds / parts, UTC)
