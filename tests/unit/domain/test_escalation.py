"""What time does to an alert: hours through five tiers in milliseconds."""

import time
from datetime import timedelta

import pytest

from alerts.domain.alert import Change, Severity, Timer, TimerKind
from alerts.domain.calendar import Calendar
from alerts.domain.escalation import Duty, Presence, Running, decide, way_up, worsen
from alerts.domain.intake import raise_alert
from alerts.domain.policy import BUILT_IN, Plan, Policy, Stage, Step, Who, snapshot
from alerts.domain.transitions import Acknowledge, Arrive, Dispatch, Resolve
from tests.unit.domain.making import FALL, LI, NOON, SOS, after, alert, event, home
from tests.unit.domain.rescue import ABOVE_ON_DUTY, DAUGHTER, ON_DUTY, PATH, POINT, STATION, STREET, Rescue, play


def taken(rescue: Rescue) -> None:
    rescue.move(Acknowledge())


def sent(rescue: Rescue) -> None:
    rescue.move(Dispatch("赵某（虚构）"))


def there(rescue: Rescue) -> None:
    rescue.move(Arrive())


def done(rescue: Rescue) -> None:
    rescue.move(Resolve("assisted"))


CLIMB = {"社区": [60], "街道": [120], "区县": [180], "市": [240]}
FROM_POINT_TO_CITY = ("社区", "街道", "区县", "市")


def climb(begin: float) -> dict[str, list[float]]:
    return {tier: [begin + 60 * (number + 1)] for number, tier in enumerate(FROM_POINT_TO_CITY)}


def test_an_hour_without_an_answer_climbs_through_five_tiers_and_is_told_once_each() -> None:
    rescue = Rescue()
    rescue.press()
    begun = time.perf_counter()
    play(rescue, [(0, None, {"女儿 caregiver": [0]}), (59.9, None, {}), (3600, None, CLIMB)])
    assert time.perf_counter() - begun < 0.25, "simulated hours take milliseconds"
    assert rescue.timers == {}, "the root has it: nothing is left to do"
    assert rescue.routed == [POINT, *reversed(PATH[:-1])]
    assert rescue.alert.version == 5, "telling people is no change of the alert"


def test_an_answer_ends_the_climb_and_each_step_after_it_is_waited_for() -> None:
    rescue = Rescue()
    rescue.press()
    play(
        rescue,
        [
            (70, taken, {"女儿 caregiver": [0], "社区": [60], "acknowledged": [70]}),
            (249, None, {}),
            (250, None, {"quiet": [250]}),
            (300, taken, {"acknowledged": [300]}),
            (479, sent, {"dispatched": [479]}),
            (1378, None, {}),
            (1379, None, {"quiet": [1379]}),
            (1390, there, {"arrived": [1390]}),
            (4989, None, {}),
            (4990, None, {"quiet": [4990]}),
            (5000, done, {"resolved": [5000]}),
            (90_000, None, {}),
        ],
    )
    assert rescue.timers == {}
    assert rescue.routed == [POINT, STATION]


@pytest.mark.parametrize(("moves", "quiet_after"), [([taken], 180), ([taken, sent], 900), ([taken, sent, there], 3600)])
def test_who_goes_quiet_keeps_the_state_and_the_alert_climbs_from_there(moves: list, quiet_after: float) -> None:  # type: ignore[type-arg]
    rescue = Rescue(on_shift={POINT: (ON_DUTY,)})
    rescue.press()
    rescue.run_until(after(10))
    for move in moves:
        move(rescue)
    state, holder = rescue.alert.state, rescue.alert.holder
    quiet = 10 + quiet_after
    play(
        rescue,
        [
            (quiet - 1, None, {}),
            (quiet, None, {"quiet": [quiet], "值班员 duty": [quiet]}),
            (quiet + 3600, None, climb(quiet)),
        ],
    )
    assert (rescue.alert.state, rescue.alert.holder, rescue.alert.attention) == (state, holder, True)
    rescue.move(Acknowledge(), LI)
    assert rescue.alert.holder is not None
    assert (rescue.alert.holder.name, rescue.alert.attention, rescue.alert.state) == (LI.name, False, state)


def test_a_second_press_of_an_alert_that_somebody_has_climbs_as_the_first() -> None:
    rescue = Rescue()
    rescue.press()
    play(
        rescue,
        [
            (20, taken, None),
            (100, Rescue.press_again, {}),
            (159, None, {}),
            (161, taken, {"社区": [160], "acknowledged": [161]}),
            (300, None, {}),
        ],
    )


def test_a_press_while_it_is_unanswered_starts_no_clock_anew() -> None:
    rescue = Rescue()
    rescue.press()
    play(rescue, [(50, Rescue.press_again, None), (60, None, {"社区": [60]})])


def test_a_fall_that_turns_red_is_told_again_and_climbs_a_minute_after() -> None:
    rescue = Rescue()
    rescue.press(FALL)
    rows = [(29, None, {"女儿 caregiver": [0]}), (3600, None, {"worsened": [30], "女儿 caregiver": [30], **climb(30)})]
    play(rescue, rows)
    assert rescue.alert.severity is Severity.RED
    assert len(set(rescue.keys)) == len(rescue.keys) == 2, "told twice, under two keys"


def test_orange_is_told_to_who_is_on_duty_again_and_climbs_nowhere() -> None:
    rescue = Rescue(on_shift={POINT: (ON_DUTY,)})
    rescue.press(FALL)
    rescue.timers.pop(TimerKind.WORSEN)
    play(rescue, [(86_400, None, {"女儿 caregiver": [0], "值班员 duty": [0, 60, 180]})])


def test_what_needs_no_rescue_calls_nobody() -> None:
    for severity in (Severity.YELLOW, Severity.BLUE):
        mild = Rescue(on_shift={POINT: (ON_DUTY,)})
        mild.press(type(SOS)("water_leak", severity, "漏水报警"))
        play(mild, [(86_400, None, {})])
        assert mild.timers == {}


def test_the_tier_that_is_added_has_people_on_shift_too_and_nobody_on_shift_is_written_down() -> None:
    rescue = Rescue(on_shift={POINT: (), STREET: (ABOVE_ON_DUTY,)})
    rescue.press()
    want = {"女儿 caregiver": [0], "无人当班": [0], "社区": [60], "街道": [120], "街道值班员 tier": [120]}
    play(rescue, [(121, None, want)])


# Nobody watching --------------------------------------------------------------------------------------


def test_where_nobody_watches_the_tier_above_is_beside_it_and_the_minute_goes_on() -> None:
    rescue = Rescue()
    rescue.press()
    play(
        rescue,
        [
            (20, lambda r: r.nobody_watches(POINT), {"女儿 caregiver": [0]}),
            (21, None, {"社区": [20]}),
            (22, lambda r: r.nobody_watches(POINT, STATION), {}),
            (23, None, {"街道": [22]}),
            (119, None, {"区县": [60]}),
            (3600, None, {"市": [120]}),
        ],
    )
    assert rescue.routed[0] == POINT, "never taken off the first"


def test_who_is_back_meanwhile_is_watching() -> None:
    rescue = Rescue()
    rescue.press()
    rescue.run_until(after(5))
    rescue.nobody_watches()
    play(rescue, [(30, None, {})])


# Policies ---------------------------------------------------------------------------------------------


def test_named_people_and_operators_are_told_at_their_time_and_repeated() -> None:
    steps = (
        Step(timedelta(0), (Who.NAMED,), people=(DAUGHTER,)),
        Step(timedelta(seconds=30), (Who.TIER_ABOVE, Who.DUTY), every=timedelta(seconds=30)),
    )
    policy = Policy("快", (Plan(frozenset({Severity.RED}), {Stage.UNANSWERED: steps}),))
    rescue = Rescue(policy, on_shift={POINT: (ON_DUTY,)}, caregivers=())
    rescue.press()
    tiers = {tier: [30 * (number + 1)] for number, tier in enumerate(FROM_POINT_TO_CITY)}
    play(
        rescue,
        [(150, taken, {"女儿 named": [0], "值班员 duty": [30, 60, 90, 120, 150], "acknowledged": [150], **tiers})],
    )
    assert len(set(rescue.keys)) == len(rescue.keys)


def test_a_repeat_with_an_end_ends() -> None:
    step = Step(timedelta(seconds=10), (Who.DUTY,), every=timedelta(seconds=10), times=2)
    policy = Policy("三次", (Plan(frozenset({Severity.YELLOW}), {Stage.UNANSWERED: (step,)}),))
    rescue = Rescue(policy, on_shift={POINT: (ON_DUTY,)})
    rescue.press(type(SOS)("water_leak", Severity.YELLOW, "漏水报警"))
    play(rescue, [(3600, None, {"值班员 duty": [10, 20, 30]})])


# What can go wrong ------------------------------------------------------------------------------------


def running() -> Running:
    return Running(snapshot(BUILT_IN, Calendar(), NOON))


def test_a_red_alert_climbs_even_when_its_plan_was_never_made() -> None:
    raised = raise_alert(event(), SOS, home(), alert().id, NOON)
    assert raised.start == (Timer(TimerKind.ESCALATE, after(60)),)
    assert raised.replan
    duty = Duty(above=(STREET,), home=POINT, caregivers=(DAUGHTER,), names={DAUGHTER: "女儿"})
    decision = decide(raised.alert, Timer(TimerKind.ESCALATE, after(60)), running(), duty, Presence(), after(60))
    assert decision.change is not None
    assert (decision.change.route, len(decision.change.tell)) == ((STREET, "escalated"), 1)
    assert TimerKind.PLAN in decision.change.stop, "it is made now"


def test_who_answered_before_the_plan_was_made_takes_no_notice_from_the_caregivers() -> None:
    duty = Duty(above=(STREET,), home=POINT, caregivers=(DAUGHTER,), names={DAUGHTER: "女儿"})
    answered = alert("acknowledged")
    decision = decide(answered, Timer(TimerKind.PLAN, after(2)), running(), duty, Presence(), after(3))
    assert decision.change is not None
    assert [one.why for one in decision.change.tell] == ["caregiver"]
    assert decision.change.start == (Timer(TimerKind.ESCALATE, after(182)),)
    assert decision.running.stage is Stage.UNDISPATCHED


def test_what_is_closed_has_no_timers() -> None:
    for state in ("resolved", "followed_up", "cancelled"):
        for kind in (TimerKind.PLAN, TimerKind.ESCALATE, TimerKind.UNWATCHED):
            prompt = Timer(kind, after(60))
            decision = decide(alert(state), prompt, running(), Duty(above=(STREET,)), Presence(), after(60))
            assert isinstance(decision.change, Change)
            assert (decision.change.entries, decision.change.stop) == ((), frozenset(TimerKind))


def test_an_alert_that_somebody_answered_does_not_worsen() -> None:
    assert worsen(alert("acknowledged", type="fall", severity=Severity.ORANGE), FALL, after(30)) is None
    assert worsen(alert(), SOS, after(30)) is None


def test_a_shared_organization_is_not_on_the_way_up() -> None:
    path = (STREET, STATION, POINT)
    assert way_up(path, {POINT, DAUGHTER}) == (STATION, STREET)
    assert way_up(path, set(path)) == ()
