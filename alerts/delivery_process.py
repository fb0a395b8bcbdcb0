"""What `anhu alerts` does in a process beside the one that takes presses in: tells people, by the channels they have.

A service on the internet may be slow, dead or lying: presses, and every other service, go on without it (ADR 17).
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import anyio
import psycopg

from alerts import delivery
from alerts.channels import vapid
from alerts.channels.addresses import forbid_private
from alerts.channels.apprise_urls import AppriseUrls
from alerts.channels.gateways import OF_TELEPHONES, Gateways
from alerts.channels.http import make_client
from alerts.channels.lanes import FullError, Lanes
from alerts.channels.port import SEND_SECONDS, Answer, Channel
from alerts.channels.robots import Robots
from alerts.channels.web_push import WebPush
from alerts.channels.webhook import Webhook
from alerts.delivery import Ready
from alerts.domain.delivery import Limits, Outcome
from alerts.worker import SWEEP_SECONDS, Connection, Work, Worker, Works, run_worker
from services.registry.sealing import NO_KEYS, Keys, KeysError
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: Presses go first, and then the rules.
NICENESS: Final = 3
#: Sends at once, and how long one waits for its turn.
ALL_LANES: Final = 512
PATIENCE_SECONDS: Final = 3.0
#: Beyond so many nothing more is claimed until some are done.
MOST_SENDING: Final = 64
#: A notice that is due waits no longer than this, or the delivery does not keep up.
LATE_SECONDS: Final = 15.0
#: Whom nothing reached is a warning in /readyz for so long.
LOUD_MINUTES: Final = 60

_BACKLOG = """
SELECT count(*) FILTER (WHERE next_at <= clock_timestamp()),
       coalesce(extract(epoch FROM clock_timestamp() - min(greatest(next_at, asked_at))
                        FILTER (WHERE next_at <= clock_timestamp())), 0)::float,
       count(*)
FROM notices WHERE ended_at IS NULL
"""
_UNREACHED = """
SELECT count(*) FROM notices
WHERE ended = 'unreached' AND ended_at > clock_timestamp() - make_interval(mins => %s)
  AND why NOT IN ('tier', 'operator', 'update', 'test')
"""


class Delivery(Worker):
    kind = "delivery"
    takes_from_queues = True

    def __init__(self, settings: Settings, limits: Limits | None = None) -> None:
        counted = ("sent", "failed", "unreached", "unopened", "no_channel", "notices", "faults")
        super().__init__(settings, ("anhu_notices",), counted)
        self._limits = limits or Limits()
        self._lanes = Lanes(ALL_LANES, PATIENCE_SECONDS)
        self._sending = 0
        self._answers: list[tuple[Ready, Answer]] = []
        self._answered = asyncio.Event()
        self._kinds: Mapping[str, Channel] = {}
        self._backlog: tuple[int, float, int] = (0, 0.0, 0)
        self._unreached = 0
        self._fault: str | None = None
        self._keys = NO_KEYS
        try:
            self._keys = Keys(settings.data_keys.get_secret_value())
        except KeysError as error:
            # Who is reached otherwise is told all the same.
            self._fault = f"ANHU_DATA_KEYS: {error}"
            log.error("%s; no sealed channel or number can be used", self._fault)

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        due, oldest, open_notices = self._backlog
        secret = bool(self.settings.secret_key.get_secret_value())
        behind = oldest >= LATE_SECONDS
        return {
            "ok": self.turning
            and self.database_ok
            and not behind
            and not self._unreached
            and secret
            and self._fault is None,
            "database": "connected" if self.database_ok else "disconnected",
            "stuck": not self.turning,
            "due": due,
            "oldest_seconds": round(oldest, 1),
            "open": open_notices,
            "unreached_last_hour": self._unreached,
            "links": secret,
            "fault": self._fault,
            "counters": dict(self.counters),
        }

    def tasks(self) -> dict[str, Work]:
        return {"notices": self._deliver, "watch": self._watch_over}

    async def _deliver(self, connection: Connection, works: Works) -> None:
        async with make_client() as client:
            apprises = AppriseUrls(Robots(client))
            try:
                self._kinds = await self._channels(connection, client, apprises)
                # Of their own: a database that refuses something ends the sends, and they are made again.
                async with anyio.create_task_group() as sends:
                    lock = asyncio.Lock()
                    self._answers.clear()
                    sends.start_soon(self._record, connection, lock)
                    while True:
                        turn = await self._turn(connection, lock)
                        works()
                        for ready in turn.ready:
                            self._sending += 1
                            sends.start_soon(self._send, ready)
                        # What is claimed has to be sent soon: the rest of a burst waits as rows.
                        if not turn.claimed or self._sending >= MOST_SENDING:
                            await self.wakes["anhu_notices"].wait(SWEEP_SECONDS)
            except BaseExceptionGroup as errors:
                lost, others = errors.split(psycopg.Error)
                if lost is None or others is not None:
                    raise
                raise _first(lost) from None
            finally:
                apprises.close()

    async def _channels(self, connection: Connection, client: Any, apprises: AppriseUrls) -> Mapping[str, Channel]:
        kinds: dict[str, Channel] = {"webhook": Webhook(client), "apprise": apprises}
        kinds["gateway"] = Gateways(self.settings.gateways, apprises)
        used = await connection.execute("SELECT FROM channels WHERE kind = 'apprise' LIMIT 1")
        if self.settings.gateways or await used.fetchone():
            await apprises.load()  # now, and not when somebody presses
        if await (await connection.execute("SELECT FROM channels WHERE kind = 'web_push' LIMIT 1")).fetchone():
            await asyncio.to_thread(WebPush.load)
        try:
            key = await vapid.private_key(connection, self.settings.vapid_private_key.get_secret_value())
        except ValueError as error:
            # The other channels go on.
            self._fault = f"ANHU_VAPID_PRIVATE_KEY is no key: {error}"
            log.error("%s; nothing goes by Web Push", self._fault)
        else:
            kinds["web_push"] = WebPush(client, key, self.settings.push_contact_address)
        return kinds

    async def _turn(self, connection: Connection, lock: asyncio.Lock) -> delivery.Turn:
        secret = self.settings.secret_key.get_secret_value()
        async with lock:
            turn = await delivery.claim(
                connection,
                self.settings.public_address,
                secret,
                self._limits,
                gateways=[one for one in OF_TELEPHONES if one in self.settings.gateways],
                keys=self._keys,
            )
        self.counters["notices"] += len(turn.ended)
        for mute in turn.loud:
            async with lock:
                said = await delivery.give_up(connection, mute)
            if said:
                self.counters["notices"] += 1
                self.counters[mute.end.value] += 1
                log.error("alert %s: %s was not reached (%s; %s)", mute.alert_id, mute.account_id, mute.end, mute.why)
        return turn

    async def _send(self, ready: Ready) -> None:
        try:
            answer = await self._answer(ready)
        finally:
            self._sending -= 1
        self.counters["sent" if answer.outcome is Outcome.ACCEPTED else "failed"] += 1
        if answer.outcome is not Outcome.ACCEPTED:
            log.warning("notice %s by %s: %s %s", ready.notice_id, ready.kind, answer.outcome, answer.detail)
        self._answers.append((ready, answer))
        self._answered.set()

    async def _record(self, connection: Connection, lock: asyncio.Lock) -> None:
        """All that were answered while the disk was busy with those before: one commit for each would hold up a
        burst."""
        while True:
            await self._answered.wait()
            self._answered.clear()
            async with lock:
                answers, self._answers = self._answers, []
                if answers:
                    await delivery.record(connection, answers)
            self.wakes["anhu_notices"].set()

    async def _answer(self, ready: Ready) -> Answer:
        channel = self._kinds.get(ready.kind)
        if channel is None:
            return Answer(Outcome.REFUSED, f"this process sends nothing by {ready.kind}")
        if ready.unopened is not None:
            if self._fault is None:
                self._fault = f"a channel cannot be opened: {ready.unopened}"
                log.error("%s; the next channel is used", self._fault)
            return Answer(Outcome.FAILED, ready.unopened)
        try:
            async with self._lanes.place(channel.lane(ready.target), channel.each):
                # Twice what the channel takes care of itself: nothing may keep a place for ever.
                async with asyncio.timeout(1.5 * SEND_SECONDS):
                    return await channel.send(ready.target, ready.message)
        except FullError:
            return Answer(Outcome.BUSY, "too many sends to it are unanswered", timedelta(seconds=5))
        except TimeoutError:
            return Answer(Outcome.FAILED, "no answer")
        except Exception as error:
            # A fault of ours in one channel must not take the others down; the next channel is tried.
            self.counters["faults"] += 1
            log.error("a channel of %s failed", ready.kind, exc_info=error)
            return Answer(Outcome.FAILED, f"a fault ({type(error).__name__})")

    async def _watch_over(self, connection: Connection, works: Works) -> None:
        while True:
            row = await (await connection.execute(_BACKLOG)).fetchone()
            lost = await (await connection.execute(_UNREACHED, (LOUD_MINUTES,))).fetchone()
            assert row is not None
            assert lost is not None
            self._backlog, self._unreached = (row[0], row[1], row[2]), lost[0]
            works()
            await asyncio.sleep(2)


def _first(errors: BaseException) -> psycopg.Error:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    assert isinstance(errors, psycopg.Error)
    return errors


def run(settings: Settings) -> None:
    """Runs until SIGTERM."""
    os.nice(NICENESS)
    os.environ["PGAPPNAME"] = "anhu-delivery"
    if not settings.channels_may_be_local:
        forbid_private()
    run_worker(Delivery(settings))
