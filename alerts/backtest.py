"""Runs a rule over stored history: what it would have raised, beside the rule in force, and which known incidents it
would have caught. What the database preselects (`domain/rules/preselecting.py`), the one evaluator decides."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.rules.judging import measured_by
from alerts.domain.rules.limits import envelope
from alerts.domain.rules.model import Rule, Score, Subject
from alerts.domain.rules.preselecting import Suspicion, points_in, width_of
from alerts.domain.rules.trying import Incident, Pair, Period, pair_in_force, pair_of, told
from alerts.history import days, quietly
from alerts.outside import Watched, outside, readings_in
from alerts.played import Case, is_living, play_all
from alerts.rulebook import RuleBook
from alerts.samples import Worn
from alerts.subjects import load_subjects

Connection = AsyncConnection[Any]

#: Of the work, what is done when all that lies outside is found.
_FOUND: Final = 0.5

_ELDERS = """
SELECT p.id FROM elders p JOIN organizations o ON o.id = p.organization_id
WHERE o.path && %(organizations)s::uuid[] AND (%(elder_id)s::uuid IS NULL OR p.id = %(elder_id)s)
  AND (%(organization_id)s::uuid IS NULL OR o.path @> ARRAY[%(organization_id)s::uuid]) ORDER BY p.id
"""
# What a device measured before it came to its elder is another person's.
_DEVICES = "SELECT elder_id, key, device_id, kind, elder_since FROM devices WHERE elder_id = ANY(%s) ORDER BY key"
# Closed as real, of those that a rule could have told of; an index leads to when they were raised, which a device's
# clock may be ahead of.
_INCIDENTS = """
SELECT a.id, a.type, a.occurred_at, a.elder_id FROM alerts a
WHERE a.elder_id = ANY(%(elders)s) AND a.raised_at >= %(start)s::timestamptz - interval '5 minutes'
  AND a.occurred_at >= %(start)s AND a.occurred_at < %(end)s
  AND NOT a.drill AND a.state IN ('resolved', 'followed_up') AND a.outcome IN ('assisted', 'hospital')
  AND (a.type IN ('sos', 'fall') OR a.type LIKE 'rule.%%')
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is run: a rule (`trying.TRIED_ID`), or the one in force of a key; for whom, at most; over which time."""

    rule: Rule | str
    organizations: Sequence[UUID]
    period: Period


async def backtest(
    database_url: str,
    trial: Trial,
    *,
    processes: int = 2,
    server_processes: int = 1,
    tell: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """The result as `told` makes it, with `elders`, `readings` and `seconds`. `processes` play what so many
    `server_processes` found. `tell` is told which share is done; to cancel it ends all that was begun. Raises
    psycopg.Error."""
    begun = time.monotonic()
    async with await AsyncConnection.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        await quietly(connection, server_processes)
        pairs = await _pairs(connection, trial)
        devices = await _devices(connection, [subject.elder_id for subject, _ in pairs])
        readings, cases = await _preselected(
            connection, trial.period, pairs, devices, lambda share: tell(_FOUND * share)
        )
        found = await play_all(
            connection, database_url, cases, processes, lambda share: tell(_FOUND + (1 - _FOUND) * share)
        )
        organization_of = {subject.elder_id: subject.organization_path[-1] for subject, _ in pairs}
        incidents = await _incidents(connection, list(organization_of), trial.period)
        result = told(trial.period, found.tried, found.in_force, incidents, organization_of)
    return {"elders": len(pairs), "readings": readings, "seconds": round(time.monotonic() - begun, 1), **result}


async def _pairs(connection: Connection, trial: Trial) -> list[tuple[Subject, Pair]]:
    """Whom it is about, and what is compared for each."""
    rule = trial.rule
    scope = None if isinstance(rule, str) else rule.scope
    asked = {
        "organizations": list(trial.organizations),
        "elder_id": scope and scope.elder_id,
        "organization_id": scope and scope.organization_id,
    }
    elders = [elder_id for (elder_id,) in await (await connection.execute(_ELDERS, asked)).fetchall()]
    book = RuleBook()
    await book.refresh(connection)
    key = rule if isinstance(rule, str) else rule.key
    found = []
    for number, (elder_id, known) in enumerate((await load_subjects(connection, elders)).items()):
        if number % 1000 == 0:
            await asyncio.sleep(0)
        rules = [one for one in book.of(elder_id) if one.key == key]
        subject = known.subject
        pair = pair_in_force(rules, subject) if isinstance(rule, str) else pair_of(rule, rules, subject)
        if pair is not None:
            found.append((subject, pair))
    return found


async def _devices(connection: Connection, elders: Sequence[UUID]) -> dict[UUID, list[Worn]]:
    found: dict[UUID, list[Worn]] = {}
    for elder_id, *of_device in await (await connection.execute(_DEVICES, (elders,))).fetchall():
        found.setdefault(elder_id, []).append(Worn(*of_device))
    return found


async def _preselected(
    connection: Connection,
    period: Period,
    pairs: Sequence[tuple[Subject, Pair]],
    devices: Mapping[UUID, list[Worn]],
    tell: Callable[[float], None],
) -> tuple[int, list[Case]]:
    """How many readings there are within the period, and who may have an episode there, and where."""
    measuring = [[rule for rule in pair.rules if not is_living(rule)] for _, pair in pairs]
    begins = [min((period.begin_of(rule) for rule in pair.rules), default=period.start) for _, pair in pairs]
    watched = [
        Watched(devices.get(subject.elder_id, ()), envelope(rules, subject))
        for (subject, _), rules in zip(pairs, measuring, strict=True)
    ]
    suspicions = [
        [Suspicion(rule, subject) for rule in rules] for (subject, _), rules in zip(pairs, measuring, strict=True)
    ]
    used = {rule for rules in measuring for rule in rules}
    fields, width = sorted({field for rule in used for field in measured_by(rule)}), width_of(used)
    scored = any(isinstance(rule.condition, Score) for rule in used)
    readings = 0
    begin = min(begins, default=period.start)
    for day in days(begin, period.until):
        readings += await readings_in(connection, watched, day, period)
        for place, buckets in (await outside(connection, watched, fields, width, day)).items():
            for bucket in buckets:
                points = points_in(bucket, pairs[place][0]) if scored else {}
                for suspicion in suspicions[place]:
                    suspicion.take(bucket, points)
        tell((day[1] - begin) / (period.until - begin))
    cases = []
    for (subject, pair), begin_of, of_person, one in zip(pairs, begins, suspicions, watched, strict=True):
        chains = tuple(chain for suspicion in of_person for chain in suspicion.chains())
        if one.devices and (chains or any(map(is_living, pair.rules))):
            cases.append(Case(subject, tuple(one.devices), pair, begin_of, period.until, chains))
    return readings, cases


async def _incidents(connection: Connection, elders: Sequence[UUID], period: Period) -> list[Incident]:
    asked = {"elders": elders, "start": period.start, "end": period.end}
    return [Incident(*row) for row in await (await connection.execute(_INCIDENTS, asked)).fetchall()]
