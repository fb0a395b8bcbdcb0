"""The part of a look that is about where an elder is and what they do; and when the next one is due for that."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import UnionType
from typing import Any

from psycopg import AsyncConnection

from alerts.covers import stays_of
from alerts.domain.alert import Severity
from alerts.domain.rules.following import Lineage, Step, follow, wanted
from alerts.domain.rules.living import may_speak, next_look
from alerts.domain.rules.model import Beyond, Living, OutOfBed, Still
from alerts.domain.rules.scope import severity_for
from alerts.due import is_quiet, look_again
from alerts.living_samples import living_samples
from alerts.samples import Worn
from alerts.subjects import Known

Connection = AsyncConnection[Any]


def is_living(line: Lineage) -> bool:
    return _is(line, Living)


def _is(line: Lineage, kind: type[Living] | UnionType) -> bool:
    rule = line.rule or line.kept[0].rule
    return isinstance(rule.condition, kind)


async def follow_living(
    connection: Connection,
    known: Known,
    devices: Sequence[Worn],
    lines: Sequence[Lineage],
    oldest_new: datetime,
    now: datetime,
) -> tuple[list[Step], Mapping[tuple[str, datetime], datetime]]:
    """What has changed, and when each sample came. In the transaction of the look."""
    subject = known.subject
    lines = [line for line in lines if _on(line) or (line.rule is not None and may_speak(line.rule, subject))]
    on = any(map(_on, lines))
    quiet = not on and await is_quiet(connection, subject.elder_id, oldest_new, now)
    if quiet:  # a fence may be left at any time
        lines = [line for line in lines if _is(line, Beyond)]
    stretches = wanted(lines, oldest_new, now)
    if stretches and any(_is(line, Still | OutOfBed) for line in lines):
        # Others look after them there: they are neither still nor out of bed here.
        subject = replace(subject, absences=await stays_of(connection, subject.elder_id, stretches[0][0]))
    still = any(_is(line, Still) for line in lines)
    # Who has no bed sensor is not asked whether they are up and about.
    beds = any(_is(line, OutOfBed) for line in lines) and any(device.kind == "bed_sensor" for device in devices)
    steps_matter = still or beds
    places_matter = still or any(_is(line, Beyond) for line in lines)
    samples = await living_samples(
        connection, subject.elder_id, devices, stretches, steps=steps_matter, places=places_matter
    )
    steps: list[Step] = []
    for line in lines:
        severity = severity_for(line.rule, subject) if line.rule else Severity.BLUE
        steps += follow(line, severity, subject, samples.all, oldest_new, now)
        await asyncio.sleep(0)  # a press that has come meanwhile goes first
    if not quiet:
        off = [line.rule for line in lines if line.rule is not None and not _on(line)]
        due_at = next_look(off, subject, samples.all, now)
        await look_again(connection, subject.elder_id, due_at, now, quiet_until_then=not on, only_beds=not still)
    return steps, samples.came_at


def _on(line: Lineage) -> bool:
    return any(one.cleared_at is None for one in line.kept)
