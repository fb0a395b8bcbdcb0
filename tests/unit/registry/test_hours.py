"""Hours of responders as offices write them."""

import pytest

from services.registry.imports.hours import hours_of, hours_words

ALL, WORKDAYS, WEEKEND = [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5], [6, 7]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("全天", []),
        ("24小时", []),
        ("8:00-18:00", [(ALL, "08:00", "18:00")]),
        ("每天 8点至20点", [(ALL, "08:00", "20:00")]),
        ("每天8点半到17点30分", [(ALL, "08:30", "17:30")]),
        ("工作日 08:00—18:00；周末 09:00～12:00", [(WORKDAYS, "08:00", "18:00"), (WEEKEND, "09:00", "12:00")]),
        ("周一至周五 8:00-12:00、14:00-18:00", [(WORKDAYS, "08:00", "12:00"), (WORKDAYS, "14:00", "18:00")]),
        ("周一、三、五 18:00-22:00", [([1, 3, 5], "18:00", "22:00")]),
        ("周一、周三18:00-22:00", [([1, 3], "18:00", "22:00")]),
        ("星期六到星期一 9:00-12:00", [([1, 6, 7], "09:00", "12:00")]),
        ("周六日全天", [(WEEKEND, "00:00", "00:00")]),
        ("周１－５　8：00－18：00", [(WORKDAYS, "08:00", "18:00")]),
        ("每天 20:00-次日8:00", [(ALL, "20:00", "08:00")]),
        ("每天 18:00-24:00", [(ALL, "18:00", "00:00")]),
        ("周一至周五", None),
        ("8:00", None),
        ("有空时", None),
        ("周八 8:00-9:00", None),
        ("8:75-9:00", None),
        ("24:00-8:00", None),
        ("8:00-18:00（节假日除外）", None),
    ],
)
def test_hours(text: str, meant: list[tuple[list[int], str, str]] | None) -> None:
    found = hours_of(text)
    assert found == (meant if meant is None else [{"weekdays": d, "from": a, "to": b} for d, a, b in meant])
    if found is not None:
        assert hours_of(hours_words(found)) == found
