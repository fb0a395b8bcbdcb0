"""Lengths of time in words. Pure."""

from datetime import UTC, datetime, timedelta


def between(earlier: datetime, later: datetime) -> timedelta:
    # Two times of one zone would be subtracted by its wall clock.
    return later.astimezone(UTC) - earlier.astimezone(UTC)


def duration(time: timedelta) -> str:
    """Never longer than it was: 45 秒, 6 分钟, 1 小时 5 分钟, 2 天 3 小时."""
    seconds = int(time.total_seconds())
    if seconds < 60:
        return f"{seconds} 秒"
    for unit, of_seconds, smaller, of_smaller in (("天", 86400, "小时", 3600), ("小时", 3600, "分钟", 60)):
        if seconds >= of_seconds:
            rest = seconds % of_seconds // of_smaller
            return f"{seconds // of_seconds} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{seconds // 60} 分钟"
