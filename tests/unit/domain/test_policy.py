"""Policies as data: what is wrong with one, which plan fits, and what kind of day a day is."""

from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from alerts.domain.alert import Severity
from alerts.domain.calendar import Calendar, Day, DayKind, clock_of, within
from alerts.domain.policy import BUILT_IN, Stage, Who, snapshot
from alerts.domain.policy_definition import policy_json, policy_of, snapshot_json, snapshot_of
from alerts.domain.rules.definition import DefinitionError

NIGHT: dict[str, Any] = {
    "name": "夜间和节假日",
    "watch": "always",
    "presence_check": {"every_seconds": 3600, "answer_within_seconds": 120, "begins": "22:00", "ends": "06:00"},
    "plans": [
        {
            "severities": ["red"],
            "days": ["holiday"],
            "unanswered": [
                {"after_seconds": 0, "who": ["caregivers", "duty", "tier_above"]},
                {"after_seconds": 30, "who": ["tier_above"], "every_seconds": 30},
            ],
        },
        {
            "severities": ["red", "orange"],
            "begins": "20:00",
            "ends": "08:00",
            "undispatched": [{"after_seconds": 60, "attention": True}],
        },
    ],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """NIGHT with a value at a dotted path; `...` takes it away."""
    definition = deepcopy(NIGHT)
    *way, last = path.split(".")
    at: Any = definition
    for part in way:
        at = at[int(part) if part.isdigit() else part]
    key = int(last) if last.isdigit() else last
    if value is ...:
        del at[key]
    else:
        at[key] = value
    return definition


def beijing(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def test_a_policy_is_written_as_it_is_read() -> None:
    for policy in (BUILT_IN, policy_of(NIGHT)):
        assert policy_of(policy_json(policy)) == policy
    copied = snapshot(BUILT_IN, Calendar(), datetime.now(UTC))
    assert snapshot_of(snapshot_json(copied)) == {severity: stages for severity, stages in copied.items() if stages}


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("name", "", "name"),
        ("watch", "sometimes", "watch"),
        ("plans", {}, "plans"),
        ("colour", "blue", "colour"),
        ("plans.0.severities", [], "plans.0.severities"),
        ("plans.0.severities", ["pink"], "plans.0.severities.0"),
        ("plans.0.days", [], "plans.0.days"),
        ("plans.1.begins", "8", "plans.1.begins"),
        ("plans.0.unanswered.0.after_seconds", -1, "plans.0.unanswered.0.after_seconds"),
        ("plans.0.unanswered.0.after_seconds", "0", "plans.0.unanswered.0.after_seconds"),
        ("plans.0.unanswered.0.who", ["uncle"], "plans.0.unanswered.0.who.0"),
        ("plans.0.unanswered.0.who", ["named"], "plans.0.unanswered.0.people"),
        ("plans.1.undispatched.0.attention", "yes", "plans.1.undispatched.0.attention"),
        ("plans.1.undispatched.0", {"after_seconds": 60}, "plans.1.undispatched.0.who"),
        ("plans.1.undispatched.0.times", 3, "plans.1.undispatched.0.times"),
        ("plans.0.unanswered.1.after_seconds", 120, "plans.0.unanswered"),
        ("plans.0.unanswered.1.every_seconds", 90, "plans.0.unanswered"),
        ("plans.0.unanswered.1.every_seconds", ..., "plans.0.unanswered"),
        ("plans.0.unanswered.1.times", 3, "plans.0.unanswered"),
        ("plans.0.unanswered", [{"after_seconds": 0, "who": ["duty"]}], "plans.0.unanswered"),
        ("plans.0.asked_again", [], "plans.0.asked_again"),
        ("presence_check.every_seconds", 100, "presence_check.answer_within_seconds"),
        ("presence_check", 7, "presence_check"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(path: str, value: Any, where: str) -> None:
    with pytest.raises(DefinitionError) as told:
        policy_of(changed(path, value))
    assert where in [flaw.where for flaw in told.value.flaws]


def test_no_red_plan_is_slower_than_the_contract() -> None:
    plan = {"severities": ["red"], "unanswered": [{"after_seconds": 61, "who": ["tier_above"], "every_seconds": 60}]}
    with pytest.raises(DefinitionError, match="60 秒"):
        policy_of({"name": "慢", "plans": [plan]})
    plan = plan | {"severities": ["orange"]}
    assert policy_of({"name": "慢", "plans": [plan]}).plans


def test_the_first_plan_that_fits_wins_and_the_rest_is_built_in() -> None:
    policy = policy_of(NIGHT)
    spring = snapshot(policy, Calendar(), beijing("2026-02-17T03:00"))[Severity.RED]
    assert spring[Stage.UNANSWERED][0].who == (Who.CAREGIVERS, Who.DUTY, Who.TIER_ABOVE)
    night = snapshot(policy, Calendar(), beijing("2026-11-24T03:00"))
    assert night[Severity.RED][Stage.UNDISPATCHED][0].after == timedelta(seconds=60)
    assert night[Severity.RED][Stage.UNANSWERED] == BUILT_IN.plans[0].stages[Stage.UNANSWERED]
    assert night[Severity.ORANGE][Stage.UNDISPATCHED][0].after == timedelta(seconds=60)
    day = snapshot(policy, Calendar(), beijing("2026-11-24T12:00"))
    assert day == snapshot(BUILT_IN, Calendar(), beijing("2026-11-24T12:00"))


# Days -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "kind", "name"),
    [
        ("2026-02-17", DayKind.HOLIDAY, "春节"),
        ("2026-02-14", DayKind.WORKDAY, "春节"),  # a Saturday that is worked
        ("2026-11-28", DayKind.REST, None),
        ("2026-11-30", DayKind.WORKDAY, None),
        ("2026-10-01", DayKind.HOLIDAY, "国庆节"),
    ],
)
def test_holidays_and_days_worked_for_them(day: str, kind: DayKind, name: str | None) -> None:
    assert Calendar().day(date.fromisoformat(day)) == Day(kind, name)


def test_of_a_year_that_is_not_announced_the_weekday_decides_until_somebody_says_more() -> None:
    new_year = date(2046, 2, 6)  # the first day of the year of the tiger, a Tuesday
    assert Calendar().day(new_year) == Day(DayKind.WORKDAY, known=False)
    said = Calendar({new_year: Day(DayKind.HOLIDAY, "春节")})
    assert said.day(new_year) == Day(DayKind.HOLIDAY, "春节")
    assert said.day(date(2046, 2, 10)).kind is DayKind.REST


def test_hours_go_over_midnight() -> None:
    ten, six = clock_of("22:00"), clock_of("06:00")
    assert within(clock_of("23:30"), ten, six)
    assert within(clock_of("05:59"), ten, six)
    assert not within(six, ten, six)
    assert within(six, six, six), "the same time twice is all day"
    assert within(clock_of("23:59"), ten, clock_of("24:00"))
