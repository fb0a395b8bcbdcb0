"""Looks at one elder: plays their readings through the rules that hold for them, and does what follows. One look, one
transaction, and at most one alert written in it, as everywhere: what is left to do is a mark for the next look."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.covers import decide
from alerts.domain.alert import Severity
from alerts.domain.rules.covering import Keep
from alerts.domain.rules.following import (
    LATE_AT_MOST,
    Begin,
    End,
    Ended,
    Kept,
    Release,
    Resume,
    Step,
    follow,
    lineages,
    wanted,
)
from alerts.domain.rules.marking import comes_together, holds, quiet, standing
from alerts.domain.rules.model import Episode, Mode
from alerts.domain.rules.scope import severity_for
from alerts.domain.rules.sentence import sentence
from alerts.domain.rules.silence import Extremes, quite_silent, untouched
from alerts.follow_living import follow_living, is_living
from alerts.held_ledger import raised_after_all
from alerts.hold_back import begin_held_back, keep_back
from alerts.kept import kept_of
from alerts.rulebook import RuleBook
from alerts.samples import devices_of, samples_of
from alerts.speak import Look, raise_or_fold, tell_end, tell_resumed
from alerts.subjects import load_subjects, quiet_json
from services.storage.errors import is_conflict, is_outage

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

# Who is marked goes before who is swept; the first mark of an elder is the claim.
# Two marks of one elder may be claimed by two workers, when the earlier one is committed later: one after the other.
_CLAIM = """
WITH claimed AS MATERIALIZED (
    SELECT q.elder_id FROM rule_checks q
    WHERE q.not_before <= clock_timestamp()
      AND NOT EXISTS (SELECT FROM rule_checks e
                      WHERE e.elder_id = q.elder_id AND (e.swept, e.number) < (q.swept, q.number)
                        AND e.not_before <= clock_timestamp())
    ORDER BY q.swept, q.number LIMIT 1 FOR UPDATE OF q SKIP LOCKED)
SELECT elder_id, pg_advisory_xact_lock(hashtextextended('look at ' || elder_id, 0)) FROM claimed
"""
_CLAIM_THIS = "SELECT %s::uuid, pg_advisory_xact_lock(hashtextextended('look at ' || %s::uuid, 0))"
# All marks that are there now, since their readings are there too; but for one that another worker has claimed.
_TAKE = """
WITH taken AS (
    DELETE FROM rule_checks WHERE number IN (
        SELECT number FROM rule_checks WHERE elder_id = %s AND (not_before <= clock_timestamp() OR attempts > 0)
        FOR UPDATE SKIP LOCKED)
    RETURNING since)
SELECT min(since), clock_timestamp() FROM taken
"""
_FAILED = """
UPDATE rule_checks SET attempts = attempts + 1, last_error = %s,
       not_before = clock_timestamp() + make_interval(secs => least(power(2, attempts), 60))
WHERE elder_id = %s
"""
_AGAIN = "INSERT INTO rule_checks (elder_id, since) VALUES (%s, %s)"
_LOOKED = """
INSERT INTO rule_subjects (elder_id, checked_at, points, together, quiet) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (elder_id) DO UPDATE
    SET checked_at = excluded.checked_at, points = excluded.points, together = excluded.together,
        quiet = excluded.quiet
"""
_BEGIN = """
INSERT INTO rule_episodes (id, rule_id, version, key, mode, severity, elder_id, device_id, began_at, raised_at,
                           cleared_at, ended, noted_at, evidence, sentence, alert_id, held, held_by)
VALUES (%(id)s, %(rule_id)s, %(version)s, %(key)s, %(mode)s, %(severity)s, %(elder_id)s, %(device_id)s, %(began_at)s,
        %(raised_at)s, %(cleared_at)s, %(ended)s, %(noted_at)s, %(evidence)s, %(sentence)s, %(alert_id)s, %(held)s,
        %(held_by)s)
"""
_END = "UPDATE rule_episodes SET cleared_at = %s, ended = %s WHERE id = %s"
_RESUME = "UPDATE rule_episodes SET cleared_at = NULL, ended = NULL WHERE id = %s"
_RELEASE = "UPDATE rule_episodes SET alert_id = %s, held = NULL, held_by = NULL WHERE id = %s"
# What was found changes what gateways mark by.
_LIMITS_STALE = "INSERT INTO limits_stale (elder_id) VALUES (%s)"


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of an elder who could not be looked at: the marks stay, and it is tried again later."""

    elder_id: UUID
    error: Exception


async def look_at_next(connection: Connection, book: RuleBook, elder_id: UUID | None = None) -> bool | Failure:
    """Claims and looks at one elder, or at this one; False when nobody is marked. Raises psycopg.Error when the
    database takes nothing now, whoever the elder."""
    try:
        async with connection.transaction():
            asked = connection.execute(_CLAIM) if elder_id is None else connection.execute(_CLAIM_THIS, (elder_id,) * 2)
            claimed = await (await asked).fetchone()
            if claimed is None:
                return False
            elder_id = claimed[0]
            await _look_at(connection, book, claimed[0])
        return True
    except Exception as error:
        if is_conflict(error):
            return True
        if elder_id is None or connection.closed or is_outage(error):
            raise
        async with connection.transaction():
            await connection.execute(_FAILED, (str(error)[:1000], elder_id))
        return Failure(elder_id, error)


async def _look_at(connection: Connection, book: RuleBook, elder_id: UUID) -> None:
    taken = await (await connection.execute(_TAKE, (elder_id,))).fetchone()
    assert taken is not None
    marked: datetime | None = taken[0]
    now: datetime = taken[1]
    await book.refresh(connection)
    known = (await load_subjects(connection, [elder_id])).get(elder_id)
    if known is None or marked is None:  # gone, or looked at by another worker meanwhile
        return
    oldest_new = max(min(now, marked), now - LATE_AT_MOST)
    kept = await kept_of(connection, book, elder_id, now - 2 * LATE_AT_MOST)
    rules = book.in_force(known.subject)
    lines = lineages(rules, kept)
    devices = await devices_of(connection, elder_id)
    living = [line for line in lines if is_living(line)]
    measuring = [line for line in lines if not is_living(line)]
    samples = await samples_of(connection, devices, wanted(measuring, oldest_new, now))
    steps: list[Step] = []
    extremes = Extremes(samples.all)
    touched = [line for line in measuring if not untouched(line, extremes, known.subject)]
    for line in touched:
        if quite_silent(line, extremes, known.subject):
            continue
        severity = severity_for(line.rule, known.subject) if line.rule else Severity.BLUE
        steps += follow(line, severity, known.subject, samples.all, oldest_new, now)
        await asyncio.sleep(0)  # a press that has come meanwhile goes first
    lived, came_at = await follow_living(connection, known, devices, living, oldest_new, now)
    samples.came_at.update(came_at)
    steps += lived
    decided = await decide(connection, known.subject, [one.device_id for one in devices], kept, steps, now)
    done = await _do(connection, Look(known, devices, samples, kept, decided.ask, now), decided.steps)
    if not done or not decided.all:
        await connection.execute(_AGAIN, (elder_id, oldest_new))
    seen = standing(samples.all, known.subject, oldest_new)
    together = comes_together(samples.all, known.together)
    if together == known.together and holds(rules, known.seen, seen, together):
        seen = known.seen
    silence = None if steps else quiet(touched, known.subject, samples.all, extremes, now)
    if steps or (seen, together, silence) != (known.seen, known.together, known.quiet):
        await connection.execute(_LIMITS_STALE, (elder_id,))
    kept_quiet = Jsonb(quiet_json(silence)) if silence else None
    await connection.execute(_LOOKED, (elder_id, now, Jsonb(seen), sorted(together), kept_quiet))


async def _do(connection: Connection, look: Look, steps: Sequence[Step | Keep]) -> bool:
    """Whether all of it is done: what writes a second alert has to wait."""
    begun: dict[int, UUID] = {}
    spoken = False
    for step in steps:
        if _speaks(step):
            if spoken:
                return False
            spoken = True
        match step:
            case Begin():
                begun[id(step)] = await _begin(connection, look, step, begun)
            case End(kept, at, ended):
                await connection.execute(_END, (at, ended.value, kept.id))
                if _speaks(step):
                    await tell_end(connection, kept, at, ended)
            case Resume(kept):
                await connection.execute(_RESUME, (kept.id,))
                if _speaks(step):
                    await tell_resumed(connection, kept)
            case Release(kept):
                episode = Episode(kept.began_at, kept.raised_at, None, kept.evidence)
                alert_id = await raise_or_fold(connection, look, kept.id, kept.rule, episode, damped=False)
                await connection.execute(_RELEASE, (alert_id, kept.id))
                await raised_after_all(connection, kept.id, alert_id)
            case Keep(kept, by):
                await keep_back(connection, look, kept, by)
    return True


def _speaks(step: Step | Keep) -> bool:
    """Whether it writes an alert."""
    match step:
        case Keep():
            return False
        case Begin(rule=rule, held=kept_back):
            return rule.mode is Mode.LIVE and kept_back is None
        case End(kept=kept) | Resume(kept=kept):
            return kept.alert_id is not None and kept.alert_closed_at is None
        case Release():
            return True


async def _begin(connection: Connection, look: Look, step: Begin, begun: dict[int, UUID]) -> UUID:
    rule, episode, episode_id = step.rule, step.episode, uuid7()
    alert_id = None
    if _speaks(step):
        alert_id = await raise_or_fold(connection, look, episode_id, rule, episode, damped=True)
    by = step.held_by.id if isinstance(step.held_by, Kept) else begun.get(id(step.held_by))
    row = {
        "id": episode_id,
        "rule_id": rule.id,
        "version": rule.version,
        "key": rule.key,
        "mode": rule.mode.value,
        "severity": step.severity.value,
        "elder_id": look.known.subject.elder_id,
        "device_id": episode.evidence["device_id"],
        "began_at": episode.began_at,
        "raised_at": episode.raised_at,
        "cleared_at": episode.cleared_at,
        "ended": Ended.CLEAR.value if episode.cleared_at else None,
        "noted_at": look.now,
        "evidence": Jsonb(dict(episode.evidence)),
        "sentence": sentence(rule, episode, look.now),
        "alert_id": alert_id,
        "held": step.held.value if step.held else None,
        "held_by": by,
    }
    await connection.execute(_BEGIN, row)
    if rule.mode is Mode.LIVE:
        await begin_held_back(connection, look, step, episode_id, by)
    return episode_id
