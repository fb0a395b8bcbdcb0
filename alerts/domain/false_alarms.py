"""How often alerts of a kind turned out to be none, for one person or one model of devices: shown, and nothing else.
Pure.

Nothing may be hidden, delayed or made milder by it: the one call in twelve that is real looks like the other eleven.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

#: Of how long back.
OVER: Final = timedelta(days=90)
#: Outcomes that say so: nobody needed help. Tests and drills say neither.
MISTAKEN: Final = ("false_alarm", "accidental")
REAL: Final = ("assisted", "hospital")
#: Fewer are not put into words: they say nothing yet.
LEAST_TOLD: Final = 3
#: What is known of all counts as so many closings beside the own ones; before anything is known, half are mistaken.
_WEIGHT: Final = 5.0
_UNKNOWN: Final = 0.5

_NAMES: Final = {"fall": "跌倒报警", "sos": "求助报警"}


class Whose(StrEnum):
    ELDER = "elder"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Closed:
    """So many alerts were closed as real or mistaken, and so many of them as mistaken."""

    closed: int = 0
    mistaken: int = 0


def rate(own: Closed, of_all: Closed) -> float:
    """The share that is mistaken, drawn towards that of all alerts of the type: one closing alone moves it little."""
    prior = (of_all.mistaken + _WEIGHT * _UNKNOWN) / (of_all.closed + _WEIGHT)
    return round((own.mistaken + _WEIGHT * prior) / (own.closed + _WEIGHT), 3)


def sentence(whose: Whose, name: str, alert_type: str, own: Closed) -> str | None:
    """None: too few to say anything."""
    if own.closed < LEAST_TOLD:
        return None
    subject = "本人" if whose is Whose.ELDER else f"该型号设备（{name}）"
    kind = _NAMES.get(alert_type, "同类报警")
    return f"{subject}近 {OVER.days} 天 {own.closed} 次{kind}，{own.mistaken} 次为误报"
