"""Tells other systems what changed: for each subscription one after the other, at least once, by signed webhooks.

How far each is stands in its row, moved on after the other side has said yes. Who sends holds a claim for a while, so
that nobody else sends beside it; after a death the claim runs out, and what was not recorded is sent again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import anyio
import httpx
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row

from alerts.change_feed import Place, Settled, read_batch
from alerts.channels.addresses import public_alone
from alerts.channels.http import make_client
from alerts.channels.port import SEND_SECONDS, Answer
from alerts.channels.webhook import post_signed
from alerts.domain.delivery import Outcome
from alerts.domain.pushing import Event, Paused, Stream, body_of, given_up, test_body, wait_after
from services.registry.changing import changes_by
from services.registry.names import Actor
from services.registry.sealing import Keys, KeysError

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

#: Other systems that are told at once; and of these, those that failed the last time: they wait for each other, and
#: whoever answers does not wait for them.
MOST_AT_ONCE: Final = 16
MOST_FAILING: Final = 8
SWEEP_SECONDS: Final = 1.0
#: Longer than any send; so much later somebody else goes on after a death.
LEASE: Final = timedelta(seconds=SEND_SECONDS + 12)
#: Attempts of each that are kept.
KEPT: Final = 50
#: By whom the trail says that one was paused.
_ACTOR: Final = Actor("anhu alerts")

# A repeat is harmless, so that no delivery has to wait for the disk, which presses need.
_NO_HURRY = "SET synchronous_commit = off"
_ANY = "SELECT FROM webhooks LIMIT 1"
# Chosen once: as a subquery of the update it might be run again, and find more than it may.
_CLAIM = """
WITH chosen AS MATERIALIZED (
    SELECT q.webhook_id FROM webhook_states q JOIN webhooks v ON v.id = q.webhook_id
    WHERE (q.failures > 0) = %(failing)s AND (q.claimed_until IS NULL OR q.claimed_until < clock_timestamp())
      AND (q.test_asked_at IS NOT NULL
           OR v.paused_at IS NULL AND q.next_at <= clock_timestamp()
              AND (q.changes_after < %(changes)s OR q.timeline_after < %(timeline)s))
    ORDER BY q.next_at LIMIT %(most)s FOR UPDATE OF q SKIP LOCKED)
UPDATE webhook_states s SET claim = %(claim)s, claimed_until = clock_timestamp() + %(lease)s
FROM webhooks w, chosen c WHERE w.id = s.webhook_id AND c.webhook_id = s.webhook_id
RETURNING w.id, w.organization_id, w.label, w.url, w.subjects, s.secret, s.changes_after, s.timeline_after, s.failures,
          s.test_asked_at IS NOT NULL AS tested, w.paused_at IS NULL AND s.next_at <= clock_timestamp() AS due
"""
_LOG = """
INSERT INTO webhook_deliveries (webhook_id, event, subject, action, outcome, detail, milliseconds)
SELECT %(id)s, %(event)s, %(subject)s, %(action)s, %(outcome)s, %(detail)s, %(milliseconds)s
WHERE EXISTS (SELECT FROM {})
"""
# It was paused, changed or deleted meanwhile, or somebody else goes on: then no row is ours.
_OURS = "webhook_id = %(id)s AND claim = %(claim)s"
_DELIVERED = f"""
WITH ours AS (
    UPDATE webhook_states s SET {{}}_after = %(after)s, failures = 0, failing_since = NULL, failure = NULL,
        delivered_at = clock_timestamp(), next_at = clock_timestamp(), claimed_until = clock_timestamp() + %(lease)s
    WHERE {_OURS} RETURNING webhook_id),
kept AS ({_LOG.format("ours")})
SELECT NOT EXISTS (SELECT FROM webhooks w WHERE w.id = ours.webhook_id AND w.paused_at IS NOT NULL) FROM ours
"""
_FAILED = f"""
WITH ours AS (
    UPDATE webhook_states SET failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
        failure = %(detail)s, next_at = clock_timestamp() + %(wait)s, claim = NULL, claimed_until = NULL
    WHERE {_OURS} RETURNING failing_since),
kept AS ({_LOG.format("ours")})
SELECT failing_since, clock_timestamp() FROM ours
"""
_TESTED = f"""
WITH ours AS (
    UPDATE webhook_states SET test_asked_at = NULL, claimed_until = clock_timestamp() + %(lease)s
    WHERE {_OURS} RETURNING webhook_id),
kept AS ({_LOG.format("ours")})
SELECT FROM ours
"""
_PASSED = f"""
UPDATE webhook_states SET changes_after = greatest(changes_after, %(changes)s),
    timeline_after = greatest(timeline_after, %(timeline)s), claimed_until = clock_timestamp() + %(lease)s
WHERE {_OURS} RETURNING webhook_id
"""
_RELEASE = f"UPDATE webhook_states SET claim = NULL, claimed_until = NULL WHERE {_OURS}"
_FORGET = """
DELETE FROM webhook_deliveries WHERE webhook_id = %(id)s AND id <= (
    SELECT id FROM webhook_deliveries WHERE webhook_id = %(id)s ORDER BY id DESC OFFSET %(kept)s LIMIT 1)
"""
_PAUSE = """
UPDATE webhooks SET paused_at = clock_timestamp(), paused_why = %s WHERE id = %s AND paused_at IS NULL RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    id: UUID
    organization_id: UUID
    label: str
    url: str
    subjects: list[str]
    secret: bytes
    changes_after: int
    timeline_after: int
    failures: int
    tested: bool
    due: bool


class Pusher:
    """`local`: whether it may lead to addresses of this machine and its network."""

    def __init__(self, keys: Keys, *, local: bool, told: Callable[[str], None]) -> None:
        self.keys, self.local, self._told = keys, local, told
        self.settled = Settled()
        self.lock = asyncio.Lock()
        #: of those that answered the last time, and of those that did not
        self._sending = {False: 0, True: 0}
        self.pushed = self.failures = 0

    @property
    def held_seconds(self) -> float:
        return self.settled.held_seconds

    async def run(self, connection: Connection, works: Callable[[], None]) -> None:
        """Without end. Raises psycopg.Error when the database refuses something."""
        await connection.execute(_NO_HURRY)
        lost: psycopg.Error | None = None
        async with make_client() as client, anyio.create_task_group() as sends:
            try:
                while True:
                    claim = uuid4()
                    claimed = await self._claim(connection, claim) if await self._is_asked(connection) else []
                    works()
                    for one in claimed:
                        self._sending[one.failures > 0] += 1
                        sends.start_soon(self._push, connection, client, one, claim)
                    if not claimed or sum(self._sending.values()) >= MOST_AT_ONCE:
                        await asyncio.sleep(SWEEP_SECONDS)
            except psycopg.Error as error:
                lost = error
                sends.cancel_scope.cancel()
        if lost is not None:
            raise lost

    async def _is_asked(self, connection: Connection) -> bool:
        async with self.lock:
            return await (await connection.execute(_ANY)).fetchone() is not None

    async def _claim(self, connection: Connection, claim: UUID) -> list[Claimed]:
        settled = await self.settled.look(connection)
        async with self.lock:
            values = {"claim": claim, "lease": LEASE, "changes": settled.changes, "timeline": settled.timeline}
            claimed: list[Claimed] = []
            for failing in (False, True):
                most = MOST_AT_ONCE - sum(self._sending.values()) - len(claimed)
                most = min(most, MOST_FAILING - self._sending[True]) if failing else most
                if most <= 0:
                    continue
                async with connection.cursor(row_factory=class_row(Claimed)) as cursor:
                    asked = values | {"failing": failing, "most": most}
                    claimed += await (await cursor.execute(_CLAIM, asked)).fetchall()
            return claimed

    async def _push(self, connection: Connection, client: httpx.AsyncClient, one: Claimed, claim: UUID) -> None:
        try:
            await _Turn(self, connection, client, one, claim).run()
        except Exception as error:
            # Whatever it is, no other system waits for it, nor does anything else that this process does. The claim
            # runs out, and the next turn begins where this one was.
            log.error("the webhook %s failed, trying again", one.id, exc_info=error)
            self._told(f"the webhook {one.id}: {error}")
        finally:
            self._sending[one.failures > 0] -= 1


class _Turn:
    """Some events to one other system."""

    def __init__(
        self, pusher: Pusher, connection: Connection, client: httpx.AsyncClient, one: Claimed, claim: UUID
    ) -> None:
        self._pusher, self._connection, self._client, self._one = pusher, connection, client, one
        self._failures = one.failures
        self._ids: Mapping[str, Any] = {"id": one.id, "claim": claim, "lease": LEASE}

    async def run(self) -> None:
        one, pusher = self._one, self._pusher
        if one.tested:
            await self._test()
        after, goes_on = Place(one.changes_after, one.timeline_after), one.due
        while goes_on and (settled := pusher.settled.place) != after:
            async with pusher.lock:
                batch = await read_batch(self._connection, one.organization_id, one.subjects, after, settled)
            if not await self._tell(batch.events):
                return
            after = batch.end
            places = {"changes": after.changes, "timeline": after.timeline}
            goes_on = await self._ask(_PASSED, places) is not None
            if batch.events:
                await self._ask(_FORGET, {"kept": KEPT})
            if after.changes >= settled.changes and after.timeline >= settled.timeline:
                break
        await self._ask(_RELEASE)

    async def _tell(self, events: Sequence[Event]) -> bool:
        """False: not all were taken, and the claim is no longer ours."""
        pusher = self._pusher
        for event in events:
            answer, took = await self._send(event.key, body_of(event))
            row = self._row(event.key, event.subject, event.action, answer, took)
            if answer.outcome is not Outcome.ACCEPTED:
                await self._failed(row, event, answer)
                return False
            column = "changes" if event.stream is Stream.CHANGES else "timeline"
            goes_on = await self._ask(_DELIVERED.format(column), row | {"after": event.id})
            pusher.pushed += 1
            self._failures = 0
            if goes_on is None or not goes_on[0]:
                # Changed or paused meanwhile.
                await self._ask(_RELEASE)
                return False
        return True

    async def _test(self) -> None:
        key = f"test-{uuid4()}"
        row = await (await self._connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        answer, took = await self._send(key, test_body(key, self._one.id, self._one.organization_id, row[0]))
        await self._ask(_TESTED, self._row(key, "webhook", "test", answer, took))

    async def _failed(self, row: Mapping[str, Any], event: Event, answer: Answer) -> None:
        one, pusher = self._one, self._pusher
        pusher.failures += 1
        since = await self._ask(_FAILED, {**row, "wait": wait_after(self._failures + 1, answer.retry_after)})
        await self._ask(_FORGET, {"kept": KEPT})
        if since is None:
            return
        failing_since, now = since
        log.warning("webhook %s: %s %s %s", one.id, event.key, answer.outcome, answer.detail)
        if (why := given_up(failing_since, now, answer.outcome)) is None:
            return
        async with pusher.lock, changes_by(self._connection, _ACTOR):
            paused = await (await self._connection.execute(_PAUSE, (why, one.id))).fetchone()
        if paused is not None:
            log.error("webhook %s is paused before %s: %s, since %s", one.id, event.key, _SAYS[why], failing_since)

    async def _send(self, key: str, told: Mapping[str, Any]) -> tuple[Answer, int]:
        """And how many milliseconds it took."""
        begun = time.monotonic()
        try:
            secret = self._pusher.keys.open(self._one.secret)
        except KeysError as error:
            return Answer(Outcome.FAILED, f"its secret cannot be opened: {error}"), 0
        try:
            with contextlib.nullcontext() if self._pusher.local else public_alone():
                # More than the send takes care of itself, and less than the claim.
                async with asyncio.timeout(1.5 * SEND_SECONDS):
                    answer = await post_signed(self._client, self._one.url, secret, key, told)
        except TimeoutError:
            answer = Answer(Outcome.FAILED, "no answer")
        except Exception as error:
            # A fault of ours is a failure like another: seen, tried again, paused in the end.
            log.error("a send of the webhook %s failed", self._one.id, exc_info=error)
            answer = Answer(Outcome.FAILED, f"a fault ({type(error).__name__})")
        return answer, round(1000 * (time.monotonic() - begun))

    def _row(self, key: str, subject: str, action: str, answer: Answer, took: int) -> dict[str, Any]:
        return {
            "event": key,
            "subject": subject,
            "action": action,
            "outcome": answer.outcome,
            "detail": answer.detail,
            "milliseconds": took,
        }

    async def _ask(self, statement: str, values: Mapping[str, Any] = {}) -> Any:
        async with self._pusher.lock:
            cursor = await self._connection.execute(statement, {**self._ids, **values})
            return await cursor.fetchone() if cursor.description else None


_SAYS: Final = {
    Paused.GONE: "it says that it is no more",
    Paused.FAILING: "nothing was taken for a day",
}
