"""What happens next to a notice: tables without a clock, a socket or a database."""

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.alert import Severity
from alerts.domain.delivery import (
    Attempt,
    Channel,
    Done,
    End,
    Limits,
    Next,
    Notice,
    Outcome,
    Quiet,
    Send,
    Wait,
    choose,
    decide,
    folded,
    quiet_until,
)

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)  # 20:00 in Beijing
LIMITS = Limits()
RED, ORANGE, YELLOW, BLUE = Severity
PUSH, ROBOT, VOICE = (
    Channel(UUID(int=number), kind, kind, number)
    for number, kind in enumerate(("web_push", "apprise", "webhook"), start=1)
)
THREE = (PUSH, ROBOT, VOICE)


def notice(severity: Severity = RED, why: str = "caregiver", **fields: object) -> Notice:
    values: dict[str, object] = {"id": UUID(int=9), "account_id": UUID(int=8), "alert_id": UUID(int=7)}
    values |= {"why": why, "severity": severity, "asked_at": NOW}
    return Notice(**(values | fields))  # type: ignore[arg-type]


def tried(channel: Channel, outcome: Outcome | None, ago: float = 1, not_before: datetime | None = None) -> Attempt:
    at = NOW - timedelta(seconds=ago)
    return Attempt(channel.id, at, None if outcome is None else at, outcome, not_before)


def seconds(number: float) -> datetime:
    return NOW + timedelta(seconds=number)


ACCEPTED, FAILED, BUSY, REFUSED, GONE = Outcome
TABLE: list[tuple[str, Notice, list[Attempt], Next]] = [
    ("the first channel first", notice(), [], Send(PUSH.id)),
    ("what fails is followed at once", notice(), [tried(PUSH, FAILED, 0)], Send(ROBOT.id)),
    ("so is what is busy", notice(), [tried(PUSH, BUSY, 0, seconds(600))], Send(ROBOT.id)),
    ("so is a browser that is gone", notice(), [tried(PUSH, GONE, 0)], Send(ROBOT.id)),
    ("accepted: somebody may open it", notice(), [tried(PUSH, ACCEPTED, 44)], Wait(seconds(1))),
    ("opened by nobody: the next", notice(), [tried(PUSH, ACCEPTED, 45)], Send(ROBOT.id)),
    ("opened", notice(opened_at=NOW), [tried(PUSH, ACCEPTED, 45)], Done(End.OPENED)),
    ("opened after it failed", notice(opened_at=NOW), [tried(PUSH, FAILED)], Done(End.OPENED)),
    ("orange has longer", notice(ORANGE), [tried(PUSH, ACCEPTED, 45)], Wait(seconds(75))),
    ("orange that a screen has shown", notice(ORANGE, shown_at=NOW), [tried(PUSH, ACCEPTED)], Done(End.SHOWN)),
    (
        "red that a screen has shown is not read",
        notice(shown_at=seconds(-60)),
        [tried(PUSH, ACCEPTED, 61)],
        Wait(seconds(60)),
    ),
    ("red shown too long ago", notice(shown_at=seconds(-120)), [tried(PUSH, ACCEPTED, 121)], Send(ROBOT.id)),
    ("blue: accepted is enough", notice(BLUE), [tried(PUSH, ACCEPTED)], Done(End.ACCEPTED)),
    ("an update: accepted is enough", notice(why="update"), [tried(PUSH, ACCEPTED)], Done(End.ACCEPTED)),
    ("one is being sent", notice(), [tried(PUSH, None, 5)], Wait(seconds(15))),
    ("whoever sent it died", notice(), [tried(PUSH, None, 20)], Send(ROBOT.id)),
    ("closed before anything was sent", notice(open_alert=False), [tried(PUSH, FAILED)], Done(End.OVER)),
    ("closed after it was sent", notice(open_alert=False), [tried(PUSH, ACCEPTED)], Wait(seconds(44))),
    (
        "all failed: the first again",
        notice(),
        [tried(PUSH, FAILED, 6), tried(ROBOT, FAILED, 5.5), tried(VOICE, FAILED, 5)],
        Send(PUSH.id),
    ),
    (
        "all failed just now",
        notice(),
        [tried(PUSH, FAILED, 3), tried(ROBOT, FAILED, 2), tried(VOICE, FAILED, 1)],
        Wait(seconds(2)),
    ),
    (
        "what was refused is not tried again",
        notice(),
        [tried(PUSH, REFUSED, 9), tried(ROBOT, FAILED, 9), tried(VOICE, GONE, 9)],
        Send(ROBOT.id),
    ),
    (
        "all refused",
        notice(),
        [tried(PUSH, REFUSED), tried(ROBOT, GONE), tried(VOICE, REFUSED)],
        Done(End.UNREACHED),
    ),
    (
        "a service that asks for an hour does not decide when a station hears of it",
        notice(),
        [tried(PUSH, BUSY, 0, seconds(3600)), tried(ROBOT, REFUSED, 0), tried(VOICE, REFUSED, 0)],
        Wait(seconds(25)),
    ),
    (
        "tried three times, all of them",
        notice(),
        [tried(one, FAILED, 100 - number) for number, one in enumerate(3 * THREE)],
        Done(End.UNREACHED),
    ),
    (
        "all accepted, opened by nobody",
        notice(),
        [tried(PUSH, ACCEPTED, 200), tried(ROBOT, ACCEPTED, 150), tried(VOICE, ACCEPTED, 46)],
        Done(End.UNOPENED),
    ),
    (
        "one accepted, the others failed: they are not tried again",
        notice(),
        [tried(PUSH, ACCEPTED, 200), tried(ROBOT, FAILED, 150), tried(VOICE, FAILED, 46)],
        Done(End.UNOPENED),
    ),
]


@pytest.mark.parametrize(("one", "attempts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_happens_next(one: Notice, attempts: list[Attempt], expected: Next) -> None:
    assert decide(one, THREE, attempts, NOW, LIMITS) == expected


def test_without_a_channel_it_ends_and_says_so() -> None:
    assert decide(notice(), (), [], NOW, LIMITS) == Done(End.NO_CHANNEL)
    assert decide(notice(why="update"), (), [], NOW, LIMITS) == Done(End.UNTOLD)
    # The last channel was taken away while its message lies there.
    assert decide(notice(), (), [tried(PUSH, ACCEPTED, 46)], NOW, LIMITS) == Done(End.UNOPENED)


NIGHT = Quiet(time(22), time(7))


def test_quiet_hours_are_kept_by_all_but_red() -> None:
    late = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)  # 23:00 in Beijing
    morning = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
    assert decide(notice(ORANGE), THREE, [], late, LIMITS, quiet=NIGHT) == Wait(morning)
    assert decide(notice(RED), THREE, [], late, LIMITS, quiet=NIGHT) == Send(PUSH.id)
    assert decide(notice(BLUE, "test"), THREE, [], late, LIMITS, quiet=NIGHT) == Send(PUSH.id)
    assert decide(notice(ORANGE), THREE, [], morning, LIMITS, quiet=NIGHT) == Send(PUSH.id)
    # Closed meanwhile: nobody is woken in the morning by what is over.
    assert decide(notice(ORANGE, open_alert=False), THREE, [], morning, LIMITS, quiet=NIGHT) == Done(End.OVER)


@pytest.mark.parametrize(
    ("clock", "quiet", "until"),
    [
        ("21:59", NIGHT, None),
        ("22:00", NIGHT, "07:00"),
        ("00:00", NIGHT, "07:00"),
        ("06:59", NIGHT, "07:00"),
        ("07:00", NIGHT, None),
        ("13:00", Quiet(time(12), time(14)), "14:00"),
        ("14:00", Quiet(time(12), time(14)), None),
        ("23:59", Quiet(time(0), time(6)), None),
    ],
)
def test_the_end_of_quiet_hours(clock: str, quiet: Quiet, until: str | None) -> None:
    at = datetime.fromisoformat(f"2026-11-30T{clock}:00+08:00").astimezone(UTC)
    found = quiet_until(quiet, at)
    assert (found and f"{found + timedelta(hours=8):%H:%M}") == until


@given(st.timedeltas(timedelta(), timedelta(days=365)), st.times(), st.times())
def test_quiet_hours_end_within_a_day_and_only_once(later: timedelta, begins: time, ends: time) -> None:
    if begins == ends:
        return
    now = NOW + later
    until = quiet_until(Quiet(begins, ends), now)
    if until is not None:
        assert now < until <= now + timedelta(days=1)
        assert quiet_until(Quiet(begins, ends), until) is None


def test_a_flood_is_slowed_but_for_red() -> None:
    recent = [NOW - timedelta(seconds=30 - number) for number in range(LIMITS.most)]
    assert decide(notice(YELLOW), THREE, [], NOW, LIMITS, recent=recent) == Wait(recent[0] + LIMITS.window)
    assert decide(notice(RED), THREE, [], NOW, LIMITS, recent=recent) == Send(PUSH.id)
    assert decide(notice(YELLOW), THREE, [], NOW, LIMITS, recent=recent[1:]) == Send(PUSH.id)


def test_channels_in_their_persons_order_and_only_for_what_they_are_for() -> None:
    calls = Channel(UUID(int=5), "apprise", "电话", 0, least=RED)
    dead = Channel(UUID(int=6), "web_push", "旧手机", 0, gone=True)
    all_of_them = (VOICE, dead, PUSH, calls)
    assert choose(notice(RED), all_of_them, None) == (calls, PUSH, VOICE)
    assert choose(notice(ORANGE), all_of_them, None) == (PUSH, VOICE)
    # What was told of by one channel goes on by it.
    assert choose(notice(why="update"), all_of_them, VOICE.id, told_before=True) == (VOICE,)
    assert choose(notice(why="update"), all_of_them, dead.id, told_before=True) == (calls,)
    assert choose(notice(why="update"), all_of_them, None) == ()
    assert choose(notice(BLUE, "test", channel_id=calls.id), all_of_them, None) == (calls,)


def test_one_person_is_told_once_of_one_alert_at_a_time() -> None:
    first = notice(ORANGE, id=UUID(int=1))
    second = notice(ORANGE, "named", id=UUID(int=2), asked_at=seconds(5))
    urgent = notice(RED, "tier", id=UUID(int=3), asked_at=seconds(9))
    update = notice(RED, "update", id=UUID(int=4))
    others = [first, second, urgent, update]
    assert [folded(one, others) for one in others] == [True, True, False, False]
    assert [folded(one, [first, second]) for one in (first, second)] == [False, True]
    assert not folded(first, [notice(RED, account_id=UUID(int=77)), notice(RED, alert_id=UUID(int=78))])


@given(st.lists(st.sampled_from([*Outcome, None]), max_size=12), st.sampled_from(Severity), st.booleans())
def test_it_always_ends(outcomes: list[Outcome | None], severity: Severity, shown: bool) -> None:
    """Whatever services do, within minutes somebody was asked by every channel or it is said that nobody was."""
    given_ = iter(outcomes)
    now, attempts = NOW, list[Attempt]()
    for _ in range(60):
        one = notice(severity, shown_at=NOW if shown else None)
        match decide(one, THREE, attempts, now, LIMITS):
            case Send(channel_id):
                outcome = next(given_, FAILED)
                attempts.append(Attempt(channel_id, now, None if outcome is None else now, outcome))
            case Wait(until):
                assert until > now
                now = until
            case Done(end):
                heard = any(one.outcome is ACCEPTED for one in attempts)
                assert heard or end is End.UNREACHED
                assert heard or {one.id for one in THREE} <= {one.channel_id for one in attempts}
                assert now - NOW <= timedelta(hours=2) or severity is YELLOW
                return
    pytest.fail("it goes on for ever")
