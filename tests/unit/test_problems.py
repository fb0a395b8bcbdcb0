"""What is said of the system itself when some of its processes fail."""

from typing import Any

from services.stations.problems import problems_of, warnings_of

OK = {"ok": True}
GATEWAY_OK = {"ok": True, "limits": {"ok": True}}


def row(kind: str, status: dict[str, Any], *, silent: bool = False) -> dict[str, Any]:
    return {"kind": kind, "status": status, "silent": silent}


WELL = [row("upkeep", OK), row("gateway", GATEWAY_OK), row("alerts", OK), row("rules", OK)]


DELIVERY_OK = {"ok": True, "database": "connected", "links": True}


def codes(rows: list[dict[str, Any]], **delivery: Any) -> tuple[list[str], list[str]]:
    rows = [*rows, row("delivery", DELIVERY_OK | delivery), row("care", {"ok": True})]
    return [one.code for one in problems_of(rows)], [one.code for one in warnings_of(rows)]


def test_nothing_is_wrong() -> None:
    assert codes(WELL) == ([], [])


def test_rules_that_fail_hold_no_press_up_and_are_told() -> None:
    failing = {"ok": False, "failing": 1}
    assert codes([*WELL[:3], row("rules", failing)]) == ([], ["rules_behind"])
    assert codes([*WELL, row("rules", failing)]) == ([], ["rules_behind"]), "one of two that fails is told as well"


def test_rules_that_fell_silent_are_told() -> None:
    assert codes(WELL[:3]) == ([], ["rules_behind"])
    assert codes([*WELL[:3], row("rules", OK, silent=True)]) == ([], ["rules_behind"])
    assert codes([*WELL, row("rules", OK, silent=True)]) == ([], []), "another one has begun since"


def test_without_alerts_the_rules_are_the_smaller_trouble() -> None:
    assert codes(WELL[:2]) == (["alerts_silent"], [])


def test_without_upkeep_the_data_piles_up() -> None:
    assert codes(WELL[1:]) == ([], ["upkeep"])
    assert codes([row("upkeep", {"ok": False, "errors": {"roll-ups": "no"}}), *WELL[1:]]) == ([], ["upkeep"])
    assert codes([row("upkeep", {"ok": False}), *WELL]) == ([], []), "another one does it"


def test_what_follows_nearby_fails() -> None:
    rows = [*WELL[:2], row("alerts", OK | {"nearby": {"error": "no"}}), WELL[3]]
    assert codes(rows) == ([], ["nearby"])
    assert codes([*WELL[:2], row("alerts", OK | {"nearby": {}}), WELL[3]]) == ([], [])


def test_a_gateway_that_cannot_mark() -> None:
    rows = [row("gateway", {"ok": True, "limits": {"ok": False, "error": "no such table"}}), WELL[0], *WELL[2:]]
    assert codes(rows) == ([], ["rules_unmarked"])


def test_people_who_could_not_be_told_are_a_warning() -> None:
    assert codes(WELL, unreached_last_hour=2) == ([], ["unreached"])
    assert codes(WELL, links=False) == ([], ["delivery_links"])
    assert codes(WELL, oldest_seconds=20) == codes(WELL, fault="no key") == ([], ["delivery_behind"])
    assert [one.code for one in warnings_of(WELL)] == ["delivery", "care"], "nobody delivers or cares"


def test_timers_that_are_late_and_screens_that_cannot_be_looked_at_are_told() -> None:
    late = [row("alerts", {"ok": True, "timers": {"overdue": 3}, "stations": "looked after"})]
    assert codes([*WELL[:2], *late, WELL[3]]) == ([], ["escalation_behind"])
    blind = [row("alerts", {"ok": True, "timers": {"overdue": 0}, "stations": "no such table"})]
    assert codes([*WELL[:2], *blind, WELL[3]]) == ([], ["stations"])


def test_visits_medicines_and_commands_hold_nothing_up_and_are_told() -> None:
    well = [*WELL, row("delivery", DELIVERY_OK)]
    for care in ([], [row("care", {"ok": False, "fault": "a medicine: no row"})], [row("care", OK, silent=True)]):
        rows = [*well, *care]
        assert ([one.code for one in problems_of(rows)], [one.code for one in warnings_of(rows)]) == ([], ["care"])
    assert warnings_of([*well, row("care", {"ok": False}), row("care", OK)]) == [], "another one does it"
