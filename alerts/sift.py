"""Sifts those who are marked: for most of them a look would find nothing to say, and of many at once that is known by
four statements. Whoever is left is looked at by `watch`, one by one.

Nothing is judged otherwise here: the same rules are played on the same readings, and where anything followed from it,
or anything about where somebody is and what they do may matter, the mark stays for the look.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts.domain.rules.evaluate import AHEAD
from alerts.domain.rules.following import LATE_AT_MOST, Kept, Lineage, lineages, wanted
from alerts.domain.rules.judging import measured_by
from alerts.domain.rules.limits import Band, fence_bands, tightest
from alerts.domain.rules.living import may_speak
from alerts.domain.rules.model import Beyond, Living, Rule, Sample
from alerts.domain.rules.sifting import Marked, Seen, conclusion, is_far
from alerts.kept import kept_of_all
from alerts.living_samples import BED_SIGNS
from alerts.rulebook import RuleBook
from alerts.subjects import SUBJECT_COLUMNS, SUBJECT_TABLES, known_of, quiet_json
from alerts.watch import Failure, look_at_next
from services.storage.errors import is_conflict, is_outage

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

AT_ONCE = 100

# As a look claims them; whom another process looks at is left to it. What somebody is quiet about: rules on beds and
# stillness cannot speak before the next look that is due. Where no bed was known of, none may have been heard of since.
_MARKED = f"""
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
claimed AS MATERIALIZED (
    SELECT q.elder_id FROM rule_checks q
    WHERE q.not_before <= clock_timestamp()
      AND NOT EXISTS (SELECT FROM rule_checks e
                      WHERE e.elder_id = q.elder_id AND (e.swept, e.number) < (q.swept, q.number)
                        AND e.not_before <= clock_timestamp())
    ORDER BY q.swept, q.number LIMIT %(most)s FOR UPDATE OF q SKIP LOCKED),
mine AS MATERIALIZED (
    SELECT elder_id FROM claimed WHERE pg_try_advisory_xact_lock(hashtextextended('look at ' || elder_id, 0))),
marked AS MATERIALIZED (
    SELECT q.elder_id, array_agg(q.number) AS numbers, max(q.attempts) AS attempts,
           greatest(least(min(q.since), min(c.now)), min(c.now) - %(late)s::interval) AS oldest_new
    FROM mine JOIN rule_checks q USING (elder_id), clock c WHERE q.not_before <= c.now GROUP BY q.elder_id)
SELECT (SELECT generation FROM rules_generation) AS generation,
       m.elder_id, m.numbers, m.oldest_new, m.attempts, c.now,
       l.due_at > c.now AND l.looked_at <= m.oldest_new AND (isfinite(l.due_at) OR NOT EXISTS (
           SELECT FROM devices d JOIN readings r ON r.device_key = d.key
           WHERE d.elder_id = m.elder_id AND r.ts >= l.looked_at AND r.in_bed IS NOT NULL
       ) AND NOT EXISTS (
           SELECT FROM events e
           WHERE e.elder_id = m.elder_id AND e.occurred_at >= l.looked_at AND e.type = ANY(%(beds)s)
       )) AS quiet_otherwise,
       EXISTS (SELECT FROM rule_episodes e WHERE e.elder_id = m.elder_id
               AND (e.cleared_at IS NULL OR e.cleared_at >= c.now - 2 * %(late)s::interval)) AS has_episodes,
       {SUBJECT_COLUMNS}
FROM marked m CROSS JOIN clock c {SUBJECT_TABLES.format(join="LEFT JOIN", on="ON p.id = m.elder_id")}
LEFT JOIN elder_looks l ON l.elder_id = m.elder_id
"""
_ANYBODY = "SELECT EXISTS (SELECT FROM rule_checks WHERE not_before <= clock_timestamp())"
# A row for each device and stretch of time, of columns: a tenth of what a row for each reading takes here.
_SAMPLES = """
SELECT w.place, d.device_id, array_agg(r.ts),
       CASE WHEN NOT bool_and(r.worn) THEN array_agg(r.worn) END{fields}
FROM unnest(%s::int[], %s::uuid[], %s::timestamptz[], %s::timestamptz[]) AS w (place, elder_id, first, last)
JOIN devices d ON d.elder_id = w.elder_id
JOIN readings r ON r.device_key = d.key AND r.ts BETWEEN w.first AND w.last AND r.ts >= d.elder_since
WHERE r.ts BETWEEN %s AND %s
GROUP BY w.place, w.first, d.device_id
"""
_COLUMN = ", CASE WHEN count(r.{field}) > 0 THEN array_agg(r.{field}) END"
_DONE = """
WITH done AS (DELETE FROM rule_checks WHERE number = ANY(%s))
INSERT INTO rule_subjects (elder_id, checked_at) SELECT id, %s FROM unnest(%s::uuid[]) AS e (id)
ON CONFLICT (elder_id) DO UPDATE SET checked_at = excluded.checked_at
"""
# What was found changes what gateways mark by.
_SEEN = """
WITH seen AS (
    SELECT elder_id, points, quiet, together
    FROM unnest(%s::uuid[], %s::jsonb[], %s::jsonb[], %s::jsonb[]) AS s (elder_id, points, quiet, together)),
told AS (INSERT INTO limits_stale (elder_id) SELECT elder_id FROM seen)
INSERT INTO rule_subjects (elder_id, checked_at, points, together, quiet)
SELECT elder_id, %s, points, ARRAY(SELECT jsonb_array_elements_text(together)), nullif(quiet, 'null')
FROM seen
ON CONFLICT (elder_id) DO UPDATE
    SET checked_at = excluded.checked_at, points = excluded.points, together = excluded.together,
        quiet = excluded.quiet
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody of whom it may be known without a look."""

    marked: Marked
    numbers: Sequence[int]

    @property
    def elder_id(self) -> UUID:
        return self.marked.subject.elder_id


@dataclass(frozen=True, slots=True)
class Sifted:
    done: int
    #: who is to be looked at
    left: Sequence[UUID]


async def look_at_some(connection: Connection, book: RuleBook) -> tuple[int, Sequence[Failure]]:
    """Looks at some of those who are marked; how many, and of whom nothing is known yet. Raises psycopg.Error when the
    database takes nothing now."""
    try:
        anybody = await (await connection.execute(_ANYBODY)).fetchone()
        if anybody is None or not anybody[0]:
            return 0, ()
        sifted = await sift(connection, book)
    except Exception as error:
        if is_conflict(error):
            return 1, ()
        if connection.closed or is_outage(error):
            raise
        # One of them has something that nobody reads: the looks say who.
        log.error("those who are marked cannot be sifted, looking at one: %s", str(error).strip(), exc_info=error)
        looked = await look_at_next(connection, book)
        return (1, (looked,)) if isinstance(looked, Failure) else (int(looked), ())
    failures = []
    for elder_id in sifted.left:
        looked = await look_at_next(connection, book, elder_id)
        if isinstance(looked, Failure):
            failures.append(looked)
    return sifted.done + len(sifted.left), failures


async def sift(connection: Connection, book: RuleBook) -> Sifted:
    async with connection.transaction():
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_MARKED, {"most": AT_ONCE, "late": LATE_AT_MOST, "beds": BED_SIGNS})
            rows = await cursor.fetchall()
        if not rows:
            return Sifted(0, ())
        await book.refresh(connection, rows[0]["generation"])
        now: datetime = rows[0]["now"]
        with_episodes = [row["elder_id"] for row in rows if row["has_episodes"]]
        kept = await kept_of_all(connection, book, with_episodes, now - 2 * LATE_AT_MOST) if with_episodes else {}
        asked, left = [], []
        for row in rows:
            one = _asked(book, row, kept.get(row["elder_id"], ()))
            if one is None:
                left.append(row["elder_id"])
            else:
                asked.append(one)
        done: list[Asked] = []
        changed: list[tuple[Asked, Seen]] = []
        for one, samples in zip(asked, await _samples(connection, [one.marked for one in asked]), strict=True):
            seen = conclusion(one.marked, samples)
            if seen is None:
                left.append(one.elder_id)
                continue
            done.append(one)
            if seen is not one.marked.before:
                changed.append((one, seen))
        if done:
            numbers = [number for one in done for number in one.numbers]
            await connection.execute(_DONE, (numbers, now, [one.elder_id for one in done]))
        if changed:
            await connection.execute(_SEEN, (*_columns(changed), now))
        return Sifted(len(done), left)


def _asked(book: RuleBook, row: Mapping[str, Any], kept: Sequence[Kept]) -> Asked | None:
    """None: a look is due in any case."""
    if row["id"] is None or row["attempts"]:
        return None
    known = book.known(row["id"], [row[name] for name in _OF_SUBJECT], lambda: known_of(row))
    rules = book.in_force(known.subject)
    if any(one.cleared_at is None and (one.held is not None or _living(one.rule)) for one in kept):
        return None
    lines: list[Lineage] = []
    far: list[Lineage] = []
    fences: dict[str, Band] = {}
    for line in lineages(rules, kept):
        rule = line.rule or line.kept[0].rule
        if not _living(rule):
            (far if is_far(line) else lines).append(line)
        elif line.rule is None or not may_speak(rule, known.subject):
            continue
        elif isinstance(rule.condition, Beyond):
            fences.update(tightest(fence_bands(known.subject)))
        elif not row["quiet_otherwise"]:
            return None
    before = Seen(known.seen, known.together, known.quiet)
    marked = Marked(known.subject, before, rules, lines, far, row["oldest_new"], row["now"], fences)
    return Asked(marked, row["numbers"])


_OF_SUBJECT = (
    *("path", "ability_level", "care_categories", "spo2_scale_2", "baselines", "points", "together", "quiet"),
    *("fences", "pauses", "days", "rises", "name", "organization_id", "address"),
)


def _living(rule: Rule) -> bool:
    return isinstance(rule.condition, Living)


async def _samples(connection: Connection, asked: Sequence[Marked]) -> list[list[Sample]]:
    found: list[list[Sample]] = [[] for _ in asked]
    stretches = [
        (place, one.subject.elder_id, first, last)
        for place, one in enumerate(asked)
        for first, last in wanted(one.lines, one.oldest_new, one.now) or _of_what_is_new(one)
    ]
    if not stretches:
        return found
    fields = sorted({field for one in asked for field in (*fields_of((*one.lines, *one.far)), *one.fences)})
    statement = _SAMPLES.format(fields="".join(_COLUMN.format(field=field) for field in fields))
    columns = [list(column) for column in zip(*stretches, strict=True)]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(statement, (*columns, min(columns[2]), max(columns[3])))
        for place, device_id, times, worn, *values in await cursor.fetchall():
            measured = [(field, column) for field, column in zip(fields, values, strict=True) if column is not None]
            names = [field for field, _ in measured]
            rows: Iterable[tuple[float | None, ...]] = zip(*(column for _, column in measured), strict=True)
            if not measured:
                rows = ((),) * len(times)
            of_one = found[place]
            for number, (at, row) in enumerate(zip(times, rows, strict=True)):
                known: dict[str, float | bool] = {
                    name: value for name, value in zip(names, row, strict=True) if value is not None
                }
                if worn is not None and worn[number] is False:
                    known["worn"] = False
                of_one.append(Sample(at, known, device_id))
    return found


def _of_what_is_new(one: Marked) -> list[tuple[datetime, datetime]]:
    return [(one.oldest_new, one.now + AHEAD)] if one.fences or one.far else []


def fields_of(lines: Iterable[Lineage]) -> set[str]:
    """What their rules, in force or kept, look at."""
    rules = [rule for line in lines for rule in (line.rule, *(one.rule for one in line.kept)) if rule is not None]
    return {field for rule in rules for field in measured_by(rule)}


def _columns(changed: Iterable[tuple[Asked, Seen]]) -> list[list[Any]]:
    rows = [
        (one.elder_id, Jsonb(dict(seen.points)), Jsonb(quiet_json(seen.quiet)), Jsonb(sorted(seen.together)))
        for one, seen in changed
    ]
    return [list(column) for column in zip(*rows, strict=True)]
