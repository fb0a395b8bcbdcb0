"""Nothing red or urgent is held back, whatever is laid over it; and what a cover holds it holds for its time alone."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.alert import Rule, Severity
from alerts.domain.holding import NEVER_HELD, Candidate, Cover, Kind, Source, Whose, hold, of_event, of_rule
from tests.unit.domain.making import CITY, ELDER, FALL, NOON, SOS, STATION, STREET, after

WHOSE = Whose((CITY, STREET, STATION), ELDER.id, "wb-1")
SILENCE = Cover(UUID(int=1), Kind.SILENCE, after(-60), after(60), elder_id=ELDER.id)
YELLOW = of_rule("heart_rate_high", Severity.YELLOW, WHOSE)
assert YELLOW is not None

TYPES = st.sampled_from([*sorted(NEVER_HELD), "tamper", "low_battery", "worn_off", "rule.heart_rate_high"])
COVERS = st.builds(
    Cover,
    id=st.uuids(),
    kind=st.sampled_from(Kind),
    starts_at=st.integers(-90, 10).map(after),
    over_at=st.integers(-10, 90).map(after),
    elder_id=st.sampled_from([None, ELDER.id, UUID(int=78)]),
    device_ids=st.frozensets(st.sampled_from(["wb-1", "wb-2"])),
    organization_id=st.sampled_from([None, CITY, STATION, UUID(int=9)]),
    types=st.frozensets(TYPES),
)
RULES = st.builds(
    Rule,
    type=TYPES,
    severity=st.sampled_from(Severity),
    title=st.just("某事"),
    then_seconds=st.just(30),
    then_severity=st.sampled_from([None, *Severity]),
)


@given(RULES, st.lists(COVERS, max_size=8))
def test_no_covers_hold_an_event_that_is_red_or_urgent_or_becomes_worse(rule: Rule, covers: list[Cover]) -> None:
    asked = of_event(rule, WHOSE)
    found = asked and hold(asked, covers, NOON)
    if rule.type in NEVER_HELD or rule.severity in (Severity.RED, Severity.ORANGE) or rule.then_severity:
        assert asked is None
    elif found is not None:
        assert found.candidate.severity in (Severity.YELLOW, Severity.BLUE)


@given(st.sampled_from(Severity), st.lists(COVERS, max_size=8))
def test_no_covers_hold_a_red_rule_and_each_other_is_held_by_one_that_is_on_and_fits(
    severity: Severity, covers: list[Cover]
) -> None:
    asked = of_rule("heart_rate_high", severity, WHOSE)
    if severity is Severity.RED:
        assert asked is None
        return
    assert asked is not None
    found = hold(asked, covers, NOON)
    if found is None:
        return
    cover = found.cover
    assert cover in covers
    assert cover.starts_at <= NOON < cover.over_at
    assert ELDER.id == cover.elder_id or "wb-1" in cover.device_ids or cover.organization_id in (CITY, STATION)
    assert not cover.types or "rule.heart_rate_high" in cover.types
    others = [one for one in covers if hold(asked, [one], NOON)]
    assert cover.over_at == max(one.over_at for one in others), "the one that lasts longest"
    assert hold(asked, covers, cover.over_at) is None or severity is not Severity.RED


@pytest.mark.parametrize("kind", sorted(NEVER_HELD))
@pytest.mark.parametrize("severity", Severity)
def test_there_is_no_candidate_of_what_is_urgent(kind: str, severity: Severity) -> None:
    with pytest.raises(ValueError, match="never held"):
        Candidate(Source.EVENT, kind, severity, WHOSE)  # type: ignore[arg-type]
    assert of_event(Rule(kind, severity, "某事"), WHOSE) is None


def test_there_is_no_candidate_that_is_red() -> None:
    with pytest.raises(ValueError, match="never held"):
        Candidate(Source.RULE, "rule.heart_rate_critical", Severity.RED, WHOSE)  # type: ignore[arg-type]
    assert of_event(SOS, WHOSE) is None
    assert of_event(FALL, WHOSE) is None


def test_a_cover_holds_from_its_start_and_no_longer_at_its_end() -> None:
    assert hold(YELLOW, [SILENCE], SILENCE.starts_at)
    assert hold(YELLOW, [SILENCE], SILENCE.over_at - timedelta.resolution)
    assert hold(YELLOW, [SILENCE], SILENCE.starts_at - timedelta.resolution) is None
    assert hold(YELLOW, [SILENCE], SILENCE.over_at) is None


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"elder_id": UUID(int=78)},
        {"elder_id": None, "device_ids": frozenset({"wb-2"})},
        {"elder_id": None, "organization_id": UUID(int=9)},
        {"types": frozenset({"rule.heart_rate_low"})},
        {"elder_id": None},
    ],
    ids=["another elder", "another device", "another organisation", "another type", "nothing at all"],
)
def test_a_cover_holds_what_it_lies_over_alone(elsewhere: dict[str, object]) -> None:
    assert hold(YELLOW, [replace(SILENCE, **elsewhere)], NOON) is None


def test_a_device_of_nobody_is_not_covered_by_a_cover_over_nobody() -> None:
    tamper = of_event(Rule("tamper", Severity.YELLOW, "设备被拆动"), replace(WHOSE, elder_id=None))
    assert tamper is not None
    assert hold(tamper, [replace(SILENCE, elder_id=None)], NOON) is None
    assert hold(tamper, [replace(SILENCE, elder_id=None, organization_id=STREET)], NOON)
