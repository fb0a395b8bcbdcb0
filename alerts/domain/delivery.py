"""How a person is told: which channel next, when, and when to say loudly that nothing reached them. Pure.

A notice goes by its person's channels in their order. What fails is followed by the next at once; what is accepted is
followed by the next unless it is opened in time: a service that says yes may show nothing. When all have failed they
are tried again, twice; then it is said where people look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.rules.fence import BEIJING

_ORDER = tuple(Severity)

UPDATE = "update"
TEST = "test"
#: They have a screen, and are told there first: that they have no other way is no fault.
AT_A_SCREEN = frozenset({"tier", "operator", UPDATE, TEST})


def worse(one: Severity, other: Severity) -> Severity:
    return min(one, other, key=_ORDER.index)


def at_least(severity: Severity, least: Severity) -> bool:
    return _ORDER.index(severity) <= _ORDER.index(least)


class Outcome(StrEnum):
    ACCEPTED = "accepted"  # the service has it
    FAILED = "failed"  # no answer, or an error that may pass
    BUSY = "busy"  # it, or we, have too much to do
    REFUSED = "refused"  # wrong address or secret: not again for this notice
    GONE = "gone"  # its service says that it is no more: never again


class End(StrEnum):
    """Why a notice is over."""

    OPENED = "opened"
    SHOWN = "shown"
    ACCEPTED = "accepted"  # of a kind for which that is enough
    OVER = "over"  # the alert was closed before anything was sent
    FOLDED = "folded"  # another notice tells the same person of the same alert
    UNTOLD = "untold"  # an update for somebody whom nothing had reached
    NO_CONSENT = "no_consent"  # the elder does not want it
    DISABLED = "disabled"  # the account is shut
    NO_CHANNEL = "no_channel"
    UNREACHED = "unreached"  # no service took it
    UNOPENED = "unopened"  # taken, and opened by nobody


#: Of these a station learns.
LOUD = frozenset({End.NO_CHANNEL, End.UNREACHED, End.UNOPENED})


@dataclass(frozen=True, slots=True)
class Channel:
    id: UUID
    kind: str
    label: str
    position: int
    least: Severity = Severity.BLUE
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """`outcome` is None while it is being made, and for ever when its process died."""

    channel_id: UUID
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of Beijing; past midnight when the end is before the beginning."""

    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Notice:
    """`severity`: the alert's own where that has become worse since. `open_alert`: whether somebody may still be in
    need."""

    id: UUID
    account_id: UUID
    alert_id: UUID | None
    why: str
    severity: Severity
    asked_at: datetime
    open_alert: bool = True
    shown_at: datetime | None = None
    opened_at: datetime | None = None
    channel_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    #: After an acceptance that nobody opened the next channel is used; None: never, for this severity.
    open_within: Mapping[Severity, timedelta | None] = field(
        default_factory=lambda: MappingProxyType(
            {
                Severity.RED: timedelta(seconds=45),
                Severity.ORANGE: timedelta(minutes=2),
                Severity.YELLOW: timedelta(minutes=30),
                Severity.BLUE: None,
            }
        )
    )
    #: A red one that lies on a screen has not been read yet.
    red_shown_within: timedelta = timedelta(minutes=2)
    #: A try without an end is lost after so long: longer than any send may take.
    lease: timedelta = timedelta(seconds=20)
    #: All have failed: again after each of these.
    again_after: tuple[timedelta, ...] = (timedelta(seconds=5), timedelta(seconds=20))
    #: So many messages that are not red a person gets in a window.
    most: int = 20
    window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Send:
    channel_id: UUID


@dataclass(frozen=True, slots=True)
class Wait:
    until: datetime


@dataclass(frozen=True, slots=True)
class Done:
    end: End


Next = Send | Wait | Done


def decide(
    notice: Notice,
    channels: Sequence[Channel],
    attempts: Sequence[Attempt],
    now: datetime,
    limits: Limits,
    *,
    quiet: Quiet | None = None,
    recent: Sequence[datetime] = (),
) -> Next:
    """What happens now to a notice. `channels` as `choose` leaves them, `attempts` oldest first; `recent`: when this
    person was sent what is not red, within the window, oldest first."""
    if notice.opened_at is not None:
        return Done(End.OPENED)
    accepted = [one for one in attempts if one.outcome is Outcome.ACCEPTED]
    if not accepted and not notice.open_alert and notice.why not in (UPDATE, TEST):
        return Done(End.OVER)
    last = attempts[-1] if attempts else None
    if last is not None and last.outcome is None and now < last.started_at + limits.lease:
        return Wait(last.started_at + limits.lease)
    if accepted and (settled := _settled(notice, accepted, limits, now)) is not None:
        return settled
    if not channels:
        if accepted:
            return Done(End.UNOPENED)
        return Done(End.UNTOLD if notice.why == UPDATE else End.NO_CHANNEL)
    if notice.severity is not Severity.RED and notice.why != TEST:
        if quiet is not None and (until := quiet_until(quiet, now)) is not None:
            return Wait(until)
        if len(recent) >= limits.most and (free := recent[-limits.most] + limits.window) > now:
            return Wait(free)
    return _next_channel(channels, attempts, bool(accepted), notice.asked_at, now, limits)


def choose(
    notice: Notice, channels: Iterable[Channel], worked: UUID | None, *, told_before: bool = False
) -> tuple[Channel, ...]:
    """The channels that this notice may go by, in the order of its person. `worked`: the channel that brought the
    alert to them first; an update goes by it alone. A red notice goes by a channel for nothing so mild too: better the
    wrong telephone than none."""
    there = sorted((one for one in channels if not one.gone), key=lambda one: (one.position, one.id))
    if notice.why == TEST:
        return tuple(one for one in there if one.id == notice.channel_id)
    if notice.why == UPDATE:
        if not told_before:
            return ()
        return tuple(one for one in there if one.id == worked) or tuple(there[:1])
    return tuple(one for one in there if at_least(notice.severity, one.least))


def folded(notice: Notice, others: Iterable[Notice]) -> bool:
    """Whether another notice that is not over tells the same person of the same alert, as urgently or more so."""
    if notice.why in (UPDATE, TEST):
        return False
    for other in others:
        same = other.account_id == notice.account_id and other.alert_id == notice.alert_id
        if not same or other.id == notice.id or other.why in (UPDATE, TEST):
            continue
        if other.severity is not notice.severity:
            if at_least(other.severity, notice.severity):
                return True
        elif (other.asked_at, other.id) < (notice.asked_at, notice.id):
            return True
    return False


def quiet_until(quiet: Quiet, now: datetime) -> datetime | None:
    """The end of the quiet hours that it is in; None outside of them."""
    there = now.astimezone(BEIJING)
    overnight = quiet.ends < quiet.begins
    clock = there.timetz().replace(tzinfo=None)
    within = (clock >= quiet.begins or clock < quiet.ends) if overnight else quiet.begins <= clock < quiet.ends
    if not within:
        return None
    day = there.date()
    if overnight and clock >= quiet.begins:
        day += timedelta(days=1)
    return datetime.combine(day, quiet.ends, BEIJING).astimezone(now.tzinfo)


def _settled(notice: Notice, accepted: Sequence[Attempt], limits: Limits, now: datetime) -> Next | None:
    """What an acceptance means: the end, a wait for somebody to open it, or None: go on."""
    within = limits.open_within[notice.severity]
    if notice.why in (UPDATE, TEST) or within is None:
        return Done(End.ACCEPTED)
    since = accepted[-1].ended_at or accepted[-1].started_at
    if notice.shown_at is not None:
        if notice.severity is not Severity.RED:
            return Done(End.SHOWN)
        # Counted once: a channel used since has its own time to be opened.
        until = max(notice.shown_at + limits.red_shown_within, since + within)
    else:
        until = since + within
    return Wait(until) if now < until else None


def _next_channel(
    channels: Sequence[Channel],
    attempts: Sequence[Attempt],
    accepted: bool,
    asked_at: datetime,
    now: datetime,
    limits: Limits,
) -> Next:
    tried: dict[UUID, list[Attempt]] = {}
    for one in attempts:
        tried.setdefault(one.channel_id, []).append(one)
    fresh = [one for one in channels if one.id not in tried]
    if fresh:
        return Send(fresh[0].id)
    # Somebody has it already: what failed beside that is not tried again, or one who reads slowly is called all night.
    if accepted:
        return Done(End.UNOPENED)
    again = [
        (due, len(tries), place, channel.id)
        for place, channel in enumerate(channels)
        if (tries := tried[channel.id])
        and len(tries) <= len(limits.again_after)
        and all(one.outcome not in (Outcome.REFUSED, Outcome.GONE) for one in tries)
        for due in [_due_again(tries, limits)]
    ]
    if not again:
        return Done(End.UNREACHED)
    ready = [one for one in again if one[0] <= now]
    if ready:
        # Whoever was tried least, then the person's order.
        return Send(min(ready, key=lambda one: (one[1], one[2]))[3])
    return Wait(min(again)[0])


def _due_again(tries: Sequence[Attempt], limits: Limits) -> datetime:
    last = tries[-1]
    due = (last.ended_at or last.started_at) + limits.again_after[len(tries) - 1]
    # Not longer than our own last round, whatever a service asks: else it would decide when a station hears of it.
    asked = min(last.not_before, due + limits.again_after[-1]) if last.not_before is not None else due
    return max(due, asked)
