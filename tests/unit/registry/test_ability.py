"""Ability levels: every figure as shared data has it (GB/T 42195-2022, by secondary sources)."""

import pytest

from services.registry.ability import DOMAINS, ITEMS, LEVELS, MOST, FormError, fits, level_of, total_of
from services.registry.imports.words import ABILITY_WORDS


def test_the_form() -> None:
    assert DOMAINS == {"自理能力": 32, "基础运动能力": 15, "精神状态": 28, "感知觉与社会参与": 15}
    assert MOST == 90
    assert {name for name, _ in LEVELS} == set(ABILITY_WORDS)


@pytest.mark.parametrize(
    ("level", "least", "most"),
    [("intact", 90, 90), ("mild", 66, 89), ("moderate", 46, 65), ("severe", 30, 45), ("total", 0, 29)],
)
def test_the_bounds_of_each_level(level: str, least: int, most: int) -> None:
    assert {score for score in range(MOST + 1) if level_of(score) == level} == set(range(least, most + 1))


@pytest.mark.parametrize("score", [-1, 91])
def test_a_score_that_the_form_cannot_give(score: int) -> None:
    with pytest.raises(ValueError, match="0 to 90"):
        level_of(score)


@pytest.mark.parametrize("score", [0, 45, 90])
def test_a_coma_is_the_worst_level(score: int) -> None:
    assert level_of(score, coma=True) == "total"


@pytest.mark.parametrize(
    ("score", "worse"), [(90, "mild"), (89, "moderate"), (65, "severe"), (45, "total"), (29, "total")]
)
def test_a_disorder_or_two_risks_make_it_one_worse(score: int, worse: str) -> None:
    assert level_of(score, mental_disorder=True) == worse
    assert level_of(score, risk_events=2) == worse
    assert level_of(score, risk_events=1) == level_of(score)
    assert level_of(score, mental_disorder=True, risk_events=5) == worse, "one, also for both reasons"


@pytest.mark.parametrize(
    ("level", "score", "wanted"),
    [
        *(("moderate", 50, True), ("severe", 50, True), ("total", 50, True)),
        *(("mild", 50, False), ("intact", 89, False), ("moderate", 90, False), ("severe", 12, False)),
    ],
)
def test_a_level_and_a_score_that_fit(level: str, score: int, wanted: bool) -> None:
    assert fits(level, score) is wanted


def test_26_items_and_their_total() -> None:
    assert len(ITEMS) == 26
    assert total_of(ITEMS) == MOST
    assert total_of(dict.fromkeys(ITEMS, 0)) == 0
    assert total_of({**ITEMS, "上下楼梯": 1, "意识水平": 0}) == 86


@pytest.mark.parametrize(
    ("points", "item"),
    [
        ({name: most for name, most in ITEMS.items() if name != "进食"}, "进食"),
        ({**ITEMS, "游泳": 4}, "游泳"),
        ({**ITEMS, "上下楼梯": 4}, "上下楼梯"),
        ({**ITEMS, "洗澡": -1}, "洗澡"),
    ],
)
def test_what_a_form_cannot_be(points: dict[str, int], item: str) -> None:
    with pytest.raises(FormError) as refused:
        total_of(points)
    assert refused.value.item == item
    assert refused.value.mend
