"""Ability levels of GB/T 42195-2022: the form's items, the bounds of the total, and what makes a level worse. Pure.

Read from secondary sources, a form of the standard that a care platform publishes with its tests (the standard's own
text was not at hand): 26 items in four domains, a total of 90, five levels, two reasons that make it worse once.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: The most that each item gives, by domain. None is 0 points: wholly dependent, or not able.
FORM: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "自理能力": MappingProxyType(
            {
                "进食": 4,
                "修饰": 4,
                "洗澡": 4,
                "穿脱上衣": 4,
                "穿脱裤子和鞋袜": 4,
                "小便控制": 4,
                "大便控制": 4,
                "如厕": 4,
            }
        ),
        "基础运动能力": MappingProxyType({"床上体位转移": 4, "床椅转移": 4, "平地行走": 4, "上下楼梯": 3}),
        "精神状态": MappingProxyType(
            {
                **{"时间定向": 4, "空间定向": 4, "人物定向": 4, "记忆": 4, "理解能力": 4, "表达能力": 4},
                **{"攻击行为": 1, "抑郁症状": 1, "意识水平": 2},
            }
        ),
        "感知觉与社会参与": MappingProxyType(
            {"视力": 2, "听力": 2, "执行日常事务": 4, "使用交通工具外出": 3, "社会交往能力": 4}
        ),
    }
)
ITEMS: Final[Mapping[str, int]] = MappingProxyType(
    {name: most for items in FORM.values() for name, most in items.items()}
)
#: The most that each domain gives.
DOMAINS: Final[Mapping[str, int]] = MappingProxyType({name: sum(items.values()) for name, items in FORM.items()})
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


def total_of(points: Mapping[str, int]) -> int:
    """Of a whole form. Raises FormError."""
    if missing := [name for name in ITEMS if name not in points]:
        raise FormError(missing[0], "没有评分", f"26 项都要评分，还差：{'、'.join(missing[:5])}")
    if strange := next((name for name in points if name not in ITEMS), None):
        raise FormError(strange[:20], "评估表没有这一项", f"可填：{'、'.join(ITEMS)}")
    if beyond := next((name for name, given in points.items() if not 0 <= given <= ITEMS[name]), None):
        raise FormError(beyond, f"评分 {points[beyond]} 超出范围", f"应为 0 至 {ITEMS[beyond]}")
    return sum(points.values())


class FormError(ValueError):
    """What is wrong with which item of a form, and how it is mended; in Chinese."""

    def __init__(self, item: str, message: str, mend: str) -> None:
        super().__init__(f"{item}: {message}")
        self.item, self.message, self.mend = item, message, mend


def fits(level: str, score: int) -> bool:
    """Whether an assessment may have both: that of the score, one worse, or the worst (coma)."""
    return level in {level_of(score), level_of(score, mental_disorder=True), _NAMES[-1]}
