"""Takes notices to people, in stages: claim, choose, dedupe, limit, render, send, record; then again, or give up.

What happens next is decided by alerts/domain/delivery.py alone. A claim moves `next_at` past the longest send, in the
commit that writes the attempt: a process that dies leaves its notices to the next, and what may have been sent is sent
again. An attempt ends after the send, not before.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.channels.gateways import WORDS
from alerts.channels.port import Answer
from alerts.channels.targets import number_of
from alerts.domain.alert import UNRESOLVED, Change, Entry, Severity, State
from alerts.domain.delivery import (
    AT_A_SCREEN,
    LOUD,
    UPDATE,
    Attempt,
    Channel,
    Done,
    End,
    Limits,
    Notice,
    Outcome,
    Quiet,
    Send,
    Wait,
    choose,
    decide,
    folded,
    worse,
)
from alerts.domain.message import Message, render
from services.registry import channel_targets, links
from services.registry.sealing import NO_KEYS, Keys, KeysError
from services.registry.telephones import UNREADABLE, opened

Connection = AsyncConnection[Any]

#: Notices that are claimed at once.
BATCH = 50

# Those that are due first, by their index, and what is known of these alone: a burst is not joined anew for each batch.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT * FROM notices WHERE ended_at IS NULL AND next_at <= statement_timestamp()
    ORDER BY severity <> 'red', next_at, asked_at LIMIT %s FOR UPDATE SKIP LOCKED)
SELECT n.id, n.account_id, n.alert_id, n.why, n.about, n.severity, n.asked_at, n.channel_id, n.shown_at, n.opened_at,
       a.state AS alert_state, a.severity AS alert_severity, a.drill, a.raised_at, a.elder_id,
       (SELECT e.bed FROM elders e WHERE e.id = a.elder_id) AS bed,
       p.role, p.disabled_at, q.begins, q.ends,
       p.role = 'caregiver' AND a.elder_id IS NOT NULL AND NOT EXISTS (
           SELECT FROM consents c WHERE c.elder_id = a.elder_id AND c.purpose = 'family_alerts'
              AND c.withdrawn_at IS NULL) AS unwanted,
       -- Whoever has done something about the alert since, or looked at it on a screen, knows of it.
       (SELECT min(t.at) FROM alert_timeline t WHERE t.alert_id = n.alert_id AND t.account_id = n.account_id
           AND t.at >= n.asked_at) AS acted_at
FROM due n JOIN accounts p ON p.id = n.account_id LEFT JOIN alerts a ON a.id = n.alert_id
LEFT JOIN quiet_hours q ON q.account_id = n.account_id
ORDER BY n.severity <> 'red', n.next_at, n.asked_at
"""
_NOW = "SELECT clock_timestamp()"
_CHANNELS = "SELECT * FROM channels WHERE account_id = ANY(%s)"
#: Who has no channel of their own, and a telephone in the register of responders.
_TELEPHONES = """
SELECT r.account_id, r.phone FROM responders r WHERE r.account_id = ANY(%s) AND r.ended_at IS NULL
   AND NOT EXISTS (SELECT FROM channels c WHERE c.account_id = r.account_id)
"""
#: What a gateway is to somebody has no row: it is named by both, so that it is the same at each try.
_BY_TELEPHONE = UUID("6f1c2a52-9d0e-5c27-8a5b-3c9b8a7d1e40")
_ATTEMPTS = "SELECT * FROM delivery_attempts WHERE notice_id = ANY(%s) ORDER BY started_at, id"
_OTHERS = """
SELECT id, account_id, alert_id, why, severity, asked_at FROM notices
WHERE ended_at IS NULL AND alert_id = ANY(%s) AND account_id = ANY(%s)
"""
#: Which channel brought an alert to a person first: one whose message was opened before all others.
_WORKED = """
SELECT DISTINCT ON (n.alert_id, n.account_id) n.alert_id, n.account_id, t.channel_id
FROM notices n, LATERAL (SELECT channel_id, started_at FROM delivery_attempts
                         WHERE notice_id = n.id AND outcome = 'accepted' ORDER BY started_at LIMIT 1) AS t
WHERE n.alert_id = ANY(%s) AND n.account_id = ANY(%s) AND n.why <> 'update'
ORDER BY n.alert_id, n.account_id, n.opened_at IS NULL, n.shown_at IS NULL, t.started_at
"""
_RECENT = """
SELECT n.account_id, t.started_at FROM delivery_attempts t JOIN notices n ON n.id = t.notice_id
WHERE n.account_id = ANY(%s) AND t.started_at > %s AND n.severity <> 'red' AND t.outcome IS DISTINCT FROM 'refused'
ORDER BY t.started_at
"""
_LEASE = """
UPDATE notices n SET next_at = l.until FROM unnest(%s::uuid[], %s::timestamptz[]) AS l (id, until) WHERE n.id = l.id
"""
_BEGIN = """
INSERT INTO delivery_attempts (id, notice_id, channel_id, kind, label, started_at)
SELECT b.*, %s FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[]) AS b
"""
_END = """
UPDATE notices n SET ended_at = %s, ended = e.ended FROM unnest(%s::uuid[], %s::text[]) AS e (id, ended)
WHERE n.id = e.id AND n.ended_at IS NULL
"""
_ENDED = """
UPDATE delivery_attempts t
SET ended_at = clock_timestamp(), outcome = a.outcome, not_before = clock_timestamp() + a.wait, detail = a.detail
FROM unnest(%s::uuid[], %s::text[], %s::interval[], %s::text[]) AS a (id, outcome, wait, detail)
WHERE t.id = a.id AND t.ended_at IS NULL
"""
_AGAIN = "UPDATE notices SET next_at = clock_timestamp() WHERE id = ANY(%s) AND ended_at IS NULL"
# Two processes that record have channels in common: in one order they wait for each other, and never in a circle.
_LOCK = "SELECT FROM channels WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_WORKS = "UPDATE channels SET worked_at = clock_timestamp(), failed_at = NULL, failure = NULL WHERE id = ANY(%s)"
_FAILS = """
UPDATE channels SET failed_at = clock_timestamp(), failure = %(detail)s,
                    gone_at = CASE WHEN %(gone)s THEN clock_timestamp() ELSE gone_at END
WHERE id = %(channel)s
"""
_PERSON = "SELECT name, role FROM accounts WHERE id = %s"
#: One sentence a person and alert is enough, however often they were to be told.
_SAID = """
SELECT FROM alert_timeline WHERE alert_id = %s AND kind = 'unreached' AND body ->> 'account_id' = %s
   AND body ->> 'end' = %s
"""
_UNREACHED = """
SELECT count(DISTINCT body ->> 'account_id') FROM alert_timeline
WHERE alert_id = %s AND kind = 'unreached' AND body ->> 'end' <> 'no_channel' AND body ->> 'account_id' <> %s
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """An attempt that is written down and has to be made; `unopened` says why its target cannot be read."""

    attempt_id: UUID
    notice_id: UUID
    channel_id: UUID
    kind: str
    label: str
    target: Mapping[str, Any]
    message: Message
    unopened: str | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """A notice that is to end where people look."""

    notice_id: UUID
    alert_id: UUID
    account_id: UUID
    why: str
    end: End
    tried: Sequence[str]


@dataclass(frozen=True, slots=True)
class Turn:
    claimed: int
    ready: Sequence[Ready]
    loud: Sequence[Mute]
    ended: Sequence[End]


async def claim(
    connection: Connection,
    address: str,
    secret_key: str,
    limits: Limits,
    most: int = BATCH,
    gateways: Sequence[str] = (),
    keys: Keys = NO_KEYS,
) -> Turn:
    """Decides about what is due, `most` notices at a time, in one short transaction. `address`: ANHU_PUBLIC_URL.
    `gateways`: those that there are for whoever has nothing but a telephone. `keys` open numbers and targets."""
    ready: list[Ready] = []
    loud: list[Mute] = []
    ended: list[tuple[UUID, End]] = []
    leased: list[tuple[UUID, datetime]] = []
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_CLAIM, (most,))).fetchall()
        if not rows:
            return Turn(0, (), (), ())
        clock = await (await connection.execute(_NOW)).fetchone()
        assert clock is not None
        now: datetime = clock[0]
        known = await _known(connection, rows, now, limits, gateways, keys)
        for row in rows:
            notice = _notice(row)
            channels = known.channels[notice.account_id]
            attempts = known.attempts[notice.id]
            key = (notice.alert_id, notice.account_id)
            may_go = choose(notice, channels.values(), known.worked.get(key), told_before=key in known.worked)
            quiet = Quiet(row["begins"], row["ends"]) if row["begins"] is not None else None
            recent = known.recent[notice.account_id]
            decided = _before(row, notice, known.others) or decide(
                notice, may_go, attempts, now, limits, quiet=quiet, recent=recent
            )
            match decided:
                case Send(channel_id):
                    one = known.rows[channel_id]
                    if notice.severity is not Severity.RED:
                        recent.append(now)
                    leased.append((notice.id, now + limits.lease))
                    message = _message(row, notice, now, address, secret_key)
                    target, unopened = _target(keys, one)
                    ready.append(
                        Ready(uuid7(), notice.id, channel_id, one["kind"], one["label"], target, message, unopened)
                    )
                case Wait(until):
                    leased.append((notice.id, until))
                case Done(end) if end in LOUD and notice.alert_id is not None and notice.why not in AT_A_SCREEN:
                    # By a transaction of its own: it locks the alert, and a move of that one must not wait for a batch.
                    leased.append((notice.id, now + limits.lease))
                    tried = tuple(dict.fromkeys(known.labels[notice.id]))
                    loud.append(Mute(notice.id, notice.alert_id, notice.account_id, notice.why, end, tried))
                case Done(end):
                    ended.append((notice.id, end))
        begun = [(one.attempt_id, one.notice_id, one.channel_id, one.kind, one.label) for one in ready]
        async with connection.pipeline():
            await connection.execute(_LEASE, _columns(leased, 2))
            await connection.execute(_BEGIN, (now, *_columns(begun, 5)))
            await connection.execute(_END, (now, *_columns([(name, end.value) for name, end in ended], 2)))
    return Turn(len(rows), ready, loud, [end for _, end in ended])


def _target(keys: Keys, row: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    """What cannot be opened fails when it is sent, as any channel may: nobody else of the batch waits for it."""
    try:
        return channel_targets.opened(keys, row), None
    except KeysError as error:
        return {}, str(error)
    except ValueError as error:
        return {}, f"the target of the channel cannot be read ({type(error).__name__})"


def _columns(rows: Sequence[Sequence[Any]], width: int) -> tuple[list[Any], ...]:
    """What unnest() makes the rows of again."""
    return tuple([row[column] for row in rows] for column in range(width))


async def record(connection: Connection, answers: Sequence[tuple[Ready, Answer]]) -> None:
    """What came of attempts; their notices are due at once: for the next channel, or to wait for their opening."""
    attempts = [
        (ready.attempt_id, answer.outcome.value, answer.retry_after, answer.detail or None) for ready, answer in answers
    ]
    last = {ready.channel_id: answer for ready, answer in answers}
    works = [channel for channel, answer in last.items() if answer.outcome is Outcome.ACCEPTED]
    async with connection.transaction(), connection.pipeline():
        await connection.execute(_ENDED, _columns(attempts, 4))
        await connection.execute(_AGAIN, ([ready.notice_id for ready, _ in answers],))
        await connection.execute(_LOCK, (list(last),))
        await connection.execute(_WORKS, (works,))
        for channel, answer in last.items():
            if answer.outcome is not Outcome.ACCEPTED:
                gone = answer.outcome is Outcome.GONE
                await connection.execute(_FAILS, {"detail": answer.detail, "gone": gone, "channel": channel})


async def give_up(connection: Connection, mute: Mute) -> bool:
    """Says on the alert's timeline, and so on its screens, who could not be reached. False: it is over by now."""
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, mute.alert_id)
        assert locked is not None
        alert, now = locked
        if not (await connection.execute(_END, (now, [mute.notice_id], [mute.end.value]))).rowcount:
            return False
        said = await connection.execute(_SAID, (mute.alert_id, str(mute.account_id), mute.end.value))
        if await said.fetchone():
            return True
        person = await (await connection.execute(_PERSON, (mute.account_id,))).fetchone()
        assert person is not None
        body = {
            "account_id": str(mute.account_id),
            "name": person[0],
            "why": mute.why,
            "end": mute.end.value,
            "tried": list(mute.tried),
        }
        # Who has no channel is known before anybody presses: it stands in the timeline, and no screen sounds for it.
        after = alert
        if mute.end is not End.NO_CHANNEL:
            others = await (await connection.execute(_UNREACHED, (mute.alert_id, str(mute.account_id)))).fetchone()
            assert others is not None
            after = replace(alert, version=alert.version + 1, unreached=others[0] + 1)
        await ledger.save(connection, alert, Change(after, (Entry("unreached", body=body),)), now)
        return True


@dataclass(frozen=True, slots=True)
class _Known:
    rows: Mapping[UUID, Mapping[str, Any]]
    channels: Mapping[UUID, Mapping[UUID, Channel]]
    attempts: Mapping[UUID, list[Attempt]]
    labels: Mapping[UUID, list[str]]
    others: Sequence[Notice]
    worked: Mapping[tuple[UUID | None, UUID], UUID]
    recent: Mapping[UUID, list[datetime]]


async def _known(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
    limits: Limits,
    gateways: Sequence[str],
    keys: Keys,
) -> _Known:
    """All that the decisions about a batch need, in one round trip."""
    accounts = list({row["account_id"] for row in rows})
    alerts = list({row["alert_id"] for row in rows if row["alert_id"]})
    async with connection.cursor(row_factory=dict_row) as cursor:
        kept = await (await cursor.execute(_CHANNELS, (accounts,))).fetchall()
        if gateways:
            phones = await (await cursor.execute(_TELEPHONES, (accounts,))).fetchall()
            for row in phones:
                number = opened(keys, row["phone"])
                if number is not None and number != UNREADABLE:
                    kept += _by_telephone(row["account_id"], number, gateways)
        tried = await (await cursor.execute(_ATTEMPTS, ([row["id"] for row in rows],))).fetchall()
        others = await (await cursor.execute(_OTHERS, (alerts, accounts))).fetchall()
        worked = await (await cursor.execute(_WORKED, (alerts, accounts))).fetchall()
        recent = await (await cursor.execute(_RECENT, (accounts, now - limits.window))).fetchall()
    channels: dict[UUID, dict[UUID, Channel]] = defaultdict(dict)
    for row in kept:
        channels[row["account_id"]][row["id"]] = Channel(
            row["id"], row["kind"], row["label"], row["position"], Severity(row["least"]), row["gone_at"] is not None
        )
    attempts: dict[UUID, list[Attempt]] = defaultdict(list)
    labels: dict[UUID, list[str]] = defaultdict(list)
    for row in tried:
        outcome = Outcome(row["outcome"]) if row["outcome"] else None
        attempts[row["notice_id"]].append(
            Attempt(row["channel_id"], row["started_at"], row["ended_at"], outcome, row["not_before"])
        )
        labels[row["notice_id"]].append(row["label"])
    times: dict[UUID, list[datetime]] = defaultdict(list)
    for row in recent:
        times[row["account_id"]].append(row["started_at"])
    return _Known(
        {row["id"]: row for row in kept},
        channels,
        attempts,
        labels,
        [_other(row) for row in others],
        {(row["alert_id"], row["account_id"]): row["channel_id"] for row in worked},
        times,
    )


def _by_telephone(account_id: UUID, phone: str, gateways: Sequence[str]) -> list[dict[str, Any]]:
    """As rows of `channels`, which they are not: nobody has entered them."""
    return [
        {
            "id": uuid5(_BY_TELEPHONE, f"{gateway} {account_id}"),
            "account_id": account_id,
            "kind": "gateway",
            "label": WORDS[gateway],
            "position": place,
            "least": Severity.BLUE.value,
            "gone_at": None,
            "target": {"gateway": gateway, "to": number_of(phone)},
            "target_sealed": None,
        }
        for place, gateway in enumerate(gateways)
    ]


def _before(row: Mapping[str, Any], notice: Notice, others: Sequence[Notice]) -> Done | None:
    """Whether it is not to be told at all."""
    if row["disabled_at"] is not None:
        return Done(End.DISABLED)
    if row["unwanted"]:
        return Done(End.NO_CONSENT)
    return Done(End.FOLDED) if folded(notice, others) else None


def _notice(row: Mapping[str, Any]) -> Notice:
    severity = Severity(row["severity"])
    if row["alert_severity"]:
        severity = worse(severity, Severity(row["alert_severity"]))
    state = row["alert_state"]
    return Notice(
        id=row["id"],
        account_id=row["account_id"],
        alert_id=row["alert_id"],
        why=row["why"],
        severity=severity,
        asked_at=row["asked_at"],
        open_alert=state is None or State(state) in UNRESOLVED,
        shown_at=row["shown_at"],
        opened_at=row["opened_at"] or (row["acted_at"] if row["why"] != UPDATE else None),
        channel_id=row["channel_id"],
    )


def _other(row: Mapping[str, Any]) -> Notice:
    return Notice(row["id"], row["account_id"], row["alert_id"], row["why"], Severity(row["severity"]), row["asked_at"])


def _message(row: Mapping[str, Any], notice: Notice, now: datetime, address: str, secret_key: str) -> Message:
    return render(
        notice_id=notice.id,
        alert_id=notice.alert_id,
        why=notice.why,
        about=row["about"],
        severity=notice.severity,
        drill=bool(row["drill"]),
        happened_at=row["raised_at"] or now,
        bed=row["bed"],
        closed=None if notice.open_alert else "cancelled" if row["alert_state"] == "cancelled" else "resolved",
        at=now,
        # Without our key nobody could prove that a link is ours: the page itself, then, where one signs in.
        url=f"{address}/n/{links.sign(secret_key, notice.id)}" if secret_key else f"{address}/family/",
    )
