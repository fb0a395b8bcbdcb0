"""A time of day as a clock on the wall in Beijing shows it."""

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema


def _without_offset(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("应为北京时间的几点几分，不带时区，如 22:30")
    return value


#: JSON Schema's format "time" wants an offset, which these have not.
WallTime = Annotated[
    time,
    AfterValidator(_without_offset),
    WithJsonSchema({"type": "string", "pattern": r"^[0-2]\d:[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$", "examples": ["08:00"]}),
]
