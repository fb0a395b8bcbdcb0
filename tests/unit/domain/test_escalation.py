"""What time does to an alert that nobody answers: an hour in milliseconds."""

from uuid import UUID

from alerts.domain.alert import Severity, Timer, TimerKind
from alerts.domain.escalation import decide_timer, next_above
from tests.unit.domain.making import CITY, DISTRICT, FALL, SOS, STATION, STREET, after, alert

PATH = [CITY, DISTRICT, STREET, STATION]


def test_an_unanswered_red_alert_climbs_a_tier_a_minute_to_the_root_and_stops() -> None:
    red, routed, climbed = alert(), {STATION}, []
    for minute in range(1, 61):
        above = next_above(PATH, routed)
        change = decide_timer(red, TimerKind.ESCALATE, SOS, above, after(60 * minute))
        if change is None:
            break
        assert change.route is not None
        assert change.start == (Timer(TimerKind.ESCALATE, after(60 * (minute + 1))),)
        red = change.alert
        routed.add(change.route[0])
        climbed.append(change.route)
    assert climbed == [(STREET, "escalated"), (DISTRICT, "escalated"), (CITY, "escalated")]
    assert (minute, red.version) == (4, 4)


def test_an_alert_that_somebody_answered_does_not_climb_or_worsen() -> None:
    for kind in TimerKind:
        assert decide_timer(alert("acknowledged"), kind, FALL, STREET, after(60)) is None


def test_a_fall_that_nobody_cancels_turns_red_and_then_climbs() -> None:
    fall = alert(type="fall", severity=FALL.severity, title=FALL.title)
    change = decide_timer(fall, TimerKind.WORSEN, FALL, STREET, after(30))
    assert change is not None
    assert (change.alert.severity, change.alert.title) == (Severity.RED, "紧急救援 · 跌倒未取消")
    assert (change.start, change.route) == ((Timer(TimerKind.ESCALATE, after(90)),), None)


def test_only_red_climbs() -> None:
    assert decide_timer(alert(severity=Severity.YELLOW), TimerKind.ESCALATE, None, STREET, after(60)) is None


def test_a_shared_organization_is_not_on_the_way_up() -> None:
    elsewhere = UUID(int=500)
    assert next_above(PATH, {STATION, elsewhere}) == STREET
    assert next_above(PATH, set(PATH)) is None
