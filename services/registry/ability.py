"""Ability levels of GB/T 42195-2022: the domains' points, the bounds of the total, and what makes a level worse. Pure.

Read from secondary sources (the standard's own text was not at hand): four domains, a total of 90, five levels. The
points of single items are not in them, and so are not here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: The most that each domain gives.
DOMAINS: Final[Mapping[str, int]] = MappingProxyType(
    {"自理能力": 32, "基础运动能力": 15, "精神状态": 28, "感知觉与社会参与": 15}
)
MOST: Final = sum(DOMAINS.values())
#: From the best to the worst, with the least total of each.
LEVELS: Final[tuple[tuple[str, int], ...]] = (
    *(("intact", 90), ("mild", 66), ("moderate", 46)),
    *(("severe", 30), ("total", 0)),
)
#: Falls, wandering, choking, harm to oneself: from so many in 30 days on the level is one worse.
RISKS_RAISE_FROM: Final = 2
_NAMES: Final = tuple(name for name, _ in LEVELS)


def level_of(score: int, *, coma: bool = False, mental_disorder: bool = False, risk_events: int = 0) -> str:
    """`mental_disorder`: dementia (F00–F03) or another one (F04–F99). One worse, also when both reasons hold. Raises
    ValueError for a score that the form cannot give."""
    if not 0 <= score <= MOST:
        raise ValueError(f"a score is 0 to {MOST}, not {score}")
    if coma:
        return _NAMES[-1]
    place = next(place for place, (_, least) in enumerate(LEVELS) if score >= least)
    if mental_disorder or risk_events >= RISKS_RAISE_FROM:
        place = min(place + 1, len(_NAMES) - 1)
    return _NAMES[place]


def fits(level: str, score: int) -> bool:
    """Whether an assessment may have both: that of the score, one worse, or the worst (coma)."""
    return level in {level_of(score), level_of(score, mental_disorder=True), _NAMES[-1]}
