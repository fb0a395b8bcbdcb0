"""`anhu watch`: a synthetic press for every station every few minutes, and an audit every few seconds. Any number may
run; one at a time does it. Nothing that a press needs waits for this process."""

import asyncio
import contextlib
import logging
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiomqtt
import anyio
import psycopg
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from psycopg import AsyncConnection

from alerts.deliver import mqtt_client
from services.registry.sign_in import sign_in_prober
from services.runtime.beats import Pulse
from services.runtime.metrics import told as told_metrics
from services.runtime.settings import Settings
from services.runtime.stopping import until_stopped
from services.watch import snapshot
from services.watch.audit import LOOKS, Finding, Kept, database_away, examine, remember
from services.watch.probe import PRESS_SECONDS, Mqtt, Result, connected, probe
from services.watch.second_way import SecondWay

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

#: Presses under way at once: one that does not come must not hold up the round.
AT_ONCE = 4
#: Between two presses at least: synthetic ones are few beside real ones, however many stations there are.
LEAST_PAUSE = 0.15
#: A station's press that did not come is tried again so soon: the second miss is a finding.
AGAIN_SECONDS = 5.0
#: As long as an api may take to start.
START_SECONDS = 60.0
#: A database that does not answer for so long does not answer.
LOOK_SECONDS = 8.0

_ELECT = "SELECT pg_try_advisory_lock(hashtextextended('anhu watch', 0))"
_STATIONS = """
SELECT o.id FROM organizations o LEFT JOIN probe_results p ON p.organization_id = o.id
WHERE p.tried_at IS NULL OR p.tried_at < clock_timestamp() - make_interval(secs => %(every)s)
   OR p.missing_since IS NOT NULL AND p.tried_at < clock_timestamp() - make_interval(secs => %(again)s)
   -- One that is missing for certain: the others tell whether it is the station, or the way.
   OR EXISTS (SELECT FROM probe_results m WHERE m.misses >= 2 AND p.tried_at < m.missing_since)
ORDER BY p.tried_at NULLS FIRST LIMIT 50
"""
_COUNT = "SELECT count(*) FROM organizations"
_CAME = """
INSERT INTO probe_results (organization_id, tried_at, shown_at, seconds)
SELECT id, clock_timestamp(), clock_timestamp(), %(seconds)s FROM organizations WHERE id = %(id)s
ON CONFLICT (organization_id) DO UPDATE SET tried_at = excluded.tried_at, shown_at = excluded.shown_at,
    seconds = excluded.seconds, missing_since = NULL, misses = 0, stopped_at = NULL
"""
_MISSED = """
INSERT INTO probe_results (organization_id, tried_at, missing_since, misses, stopped_at)
SELECT id, clock_timestamp(), clock_timestamp(), 1, %(stopped_at)s FROM organizations WHERE id = %(id)s
ON CONFLICT (organization_id) DO UPDATE SET tried_at = excluded.tried_at, stopped_at = excluded.stopped_at,
    missing_since = coalesce(probe_results.missing_since, excluded.missing_since), misses = probe_results.misses + 1
"""
_OPEN_FINDINGS = """
SELECT code, message, detail, grave, subject, organization_id, first_seen_at, last_seen_at
FROM audit_findings WHERE ended_at IS NULL
"""


class Watch:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.watch_url or _own_url(settings)
        self._pulse = Pulse()
        self._way = SecondWay(settings.audit_webhook, settings.audit_command)
        self._findings: tuple[Kept, ...] = ()
        self._leads = False
        self._leading_since: datetime | None = None
        self._audited_at = time.monotonic()
        self._token: tuple[str, float] = ("", 0.0)
        self._counters = {"looks": 0, "probes": 0, "probes_missed": 0}
        registry = self._registry = CollectorRegistry()
        buckets = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
        self._latency = Histogram(
            "anhu_probe_seconds", "from a synthetic press to its station's screen", buckets=buckets, registry=registry
        )
        self._missed = Counter("anhu_probe_missed", "synthetic presses that did not come", ["at"], registry=registry)
        self._on = Gauge("anhu_audit_findings", "what the audit finds wrong now", ["grave"], registry=registry)

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        auditing = not self._leads or time.monotonic() - self._audited_at < 10 * self._settings.watch_audit_seconds + 20
        return {
            "ok": self._pulse.age() < 10 and auditing,
            "leads": self._leads,
            "findings": [f"{one.finding.code} {one.finding.subject}".strip() for one in self._findings][:20],
            "told": self._way.told,
            "second_way": self._way.failing,
            "counters": dict(self._counters),
            "metrics": told_metrics(self._registry),
        }

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._beat)
                tasks.start_soon(self._audit)
                if self._settings.watch_probe_seconds > 0:
                    tasks.start_soon(self._probe)
        finally:
            with anyio.CancelScope(shield=True):
                await self._way.finish(3)

    async def _beat(self) -> None:
        while True:
            self._pulse.beat()
            await asyncio.sleep(0.5)

    # The audit ------------------------------------------------------------------------------------------

    async def _audit(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    connection = await self._connect("anhu-watch")
            except (psycopg.Error, OSError, TimeoutError) as error:
                self._blind(str(error).strip() or "no answer")
                await asyncio.sleep(self._settings.watch_audit_seconds)
                continue
            try:
                await self._audit_over(connection)
            except (psycopg.Error, OSError, TimeoutError) as error:
                why = str(error).strip() or "no answer"
                log.error("the audit has lost the database, trying again: %s", why)
                # A look as well: of a database that hangs each takes seconds, and the next one tells.
                self._blind(why)
            finally:
                self._leads = False
                with anyio.CancelScope(shield=True):
                    await connection.close()

    async def _audit_over(self, connection: Connection) -> None:
        """Looks, until the database is lost. Whoever holds the lock does it; the others wait for it."""
        while not await self._lead(connection):
            self._found([])  # the other one finds; what we had told while the database was away is over
            await asyncio.sleep(self._settings.watch_audit_seconds)
        while True:
            begun = time.monotonic()
            async with asyncio.timeout(LOOK_SECONDS):
                seen = await snapshot.look(connection, self._settings.watch_probe_seconds, self._leading_since)
                self._found(examine(seen))
                await snapshot.keep(connection, self._findings)
            self._counters["looks"] += 1
            await asyncio.sleep(max(self._settings.watch_audit_seconds - (time.monotonic() - begun), 0.2))

    async def _lead(self, connection: Connection) -> bool:
        """Whether we do it now; then we know what was found before us."""
        async with asyncio.timeout(LOOK_SECONDS):
            row = await (await connection.execute(_ELECT)).fetchone()
            if row is None or not row[0]:
                return False
            kept = await (await connection.execute(_OPEN_FINDINGS)).fetchall()
        known = {one.key for one in self._findings}
        before = (Kept(Finding(*row[:6]), row[6], row[7], LOOKS, row[7]) for row in kept)
        self._findings += tuple(one for one in before if one.key not in known)
        self._leading_since = datetime.now(UTC)
        self._leads = True
        return True

    def _found(self, found: list[Finding]) -> None:
        turn = remember(self._findings, found, datetime.now(UTC))
        self._findings = turn.on
        self._audited_at = time.monotonic()
        for grave in (True, False):
            self._on.labels(str(grave).lower()).set(sum(one.finding.grave is grave for one in turn.on))
        self._way.tell(turn.tell, turn.over)

    def _blind(self, why: str) -> None:
        """What was found before is not over because nobody can look."""
        self._found([*(one.finding for one in self._findings), database_away(why)])

    # The synthetic press --------------------------------------------------------------------------------

    async def _probe(self) -> None:
        """Beside the audit: when the broker or the api is away, that is what it finds."""
        await self._until_started()
        told = False
        while True:
            try:
                async with connected(mqtt_client(self._settings)) as mqtt, anyio.create_task_group() as tasks:
                    told = False
                    tasks.start_soon(mqtt.listen)
                    await self._rounds(mqtt)
            except* aiomqtt.MqttError as errors:
                if not told:
                    log.error("the prober has no broker, trying again: %s", errors.exceptions[0])
                told = True
                await self._nobody_could_press()
            except* (psycopg.Error, OSError, TimeoutError) as errors:
                log.error("the prober has no database, trying again: %s", str(errors.exceptions[0]).strip())
            await asyncio.sleep(2)

    async def _until_started(self) -> None:
        """All may have been started at once: an api that is not there yet is no finding, for so long."""
        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        begun = time.monotonic()
        while time.monotonic() - begun < START_SECONDS:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    _, writer = await asyncio.open_connection(parts.hostname or "", port)
                writer.close()
                return
            await asyncio.sleep(0.5)

    async def _rounds(self, mqtt: Mqtt) -> None:
        async with await self._connect("anhu-watch-probe") as connection:
            while True:
                if not self._leads:
                    await asyncio.sleep(1)
                    continue
                every = self._settings.watch_probe_seconds
                due = await (await connection.execute(_STATIONS, {"every": every, "again": AGAIN_SECONDS})).fetchall()
                row = await (await connection.execute(_COUNT)).fetchone()
                pause = max(LEAST_PAUSE, min(every / (2 * max(row[0] if row else 1, 1)), 1.0))
                await self._press_each(connection, mqtt, [one[0] for one in due], pause)
                await asyncio.sleep(0.5)

    async def _press_each(self, connection: Connection, mqtt: Mqtt, stations: list[UUID], pause: float) -> None:
        """Spread out, a few at once; each is written down as soon as it is known."""
        results: asyncio.Queue[Result] = asyncio.Queue()
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(organization_id: UUID) -> None:
            async with turns:
                results.put_nowait(await probe(mqtt, self._url, await self._bearer(), organization_id))

        async with asyncio.TaskGroup() as tasks:
            for station in stations:
                tasks.create_task(one(station))
                await asyncio.sleep(pause)
                while not results.empty():
                    await self._note(connection, results.get_nowait())
        while not results.empty():
            await self._note(connection, results.get_nowait())

    async def _note(self, connection: Connection, result: Result) -> None:
        self._counters["probes"] += 1
        if result.seconds is not None:
            self._latency.observe(result.seconds)
            await connection.execute(_CAME, {"id": result.organization_id, "seconds": result.seconds})
            return
        self._counters["probes_missed"] += 1
        self._missed.labels(result.stopped_at or "?").inc()
        log.warning(
            "the synthetic press of %s stopped at %s: %s", result.organization_id, result.stopped_at, result.why
        )
        await connection.execute(_MISSED, {"id": result.organization_id, "stopped_at": result.stopped_at})

    async def _nobody_could_press(self) -> None:
        """Without a broker no station can be reached: as many misses as there are stations."""
        if not self._leads:
            return
        try:
            async with asyncio.timeout(PRESS_SECONDS), await self._connect("anhu-watch-probe") as connection:
                every = self._settings.watch_probe_seconds
                due = await (await connection.execute(_STATIONS, {"every": every, "again": AGAIN_SECONDS})).fetchall()
                for (station,) in due:
                    await self._note(connection, Result(station, None, "publish", "the broker is away"))
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.debug("misses could not be noted: %s", error)

    async def _bearer(self) -> str:
        token, until = self._token
        if time.monotonic() >= until:
            async with await self._connect("anhu-watch-probe") as connection:
                tokens = await sign_in_prober(connection, self._settings)
            token = tokens.access_token
            self._token = (token, time.monotonic() + tokens.expires_in / 2)
        return token

    async def _connect(self, name: str) -> Connection:
        connection = await AsyncConnection.connect(
            self._settings.database_url, autocommit=True, connect_timeout=5, application_name=name
        )
        await connection.execute("SET statement_timeout = '8s'")
        return connection


def _own_url(settings: Settings) -> str:
    host = "127.0.0.1" if settings.http_host in ("0.0.0.0", "::") else settings.http_host  # noqa: S104 - not bound to
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    watch = Watch(settings)
    asyncio.run(until_stopped("watch", settings.database_url, watch.status, watch.run))
