"""What an episode does to alerts, in the caller's transaction: one alert is written, by the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.domain.alert import RaisedBy
from alerts.domain.rules.covering import Ask
from alerts.domain.rules.flapping import cleared_before, fluctuates, fold_quietly
from alerts.domain.rules.following import Ended, Kept
from alerts.domain.rules.model import Episode, Rule
from alerts.domain.rules.raising import Said, fold, fold_target, go_on, raise_alert, recover, refute
from alerts.domain.rules.scope import severity_for, title_for
from alerts.domain.rules.sentence import sentence
from alerts.samples import Samples, Worn, position_of
from alerts.subjects import Known

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Look:
    """One elder, and all that a look knows of them."""

    known: Known
    devices: Sequence[Worn]
    samples: Samples
    kept: Sequence[Kept]
    ask: Ask
    now: datetime


async def raise_or_fold(
    connection: Connection, look: Look, episode_id: UUID, rule: Rule, episode: Episode, *, damped: bool
) -> UUID:
    """Raises or folds; the alert that it is in. `damped`: folds quietly what comes and goes."""
    said = await _said(connection, look, episode_id, rule, episode)
    candidates, now = await ledger.lock_same_cause(connection, said.type, look.known.home.elder, said.device_id)
    before = fold_target(candidates, said, now)
    if before is None:
        change = raise_alert(said, look.known.home, uuid7(), now)
    elif damped and fluctuates(said.severity, episode.began_at, cleared_before(rule, look.kept)):
        change = fold_quietly(before, said)
    else:
        change = fold(before, said)
    await ledger.save(connection, before, change, now)
    return change.alert.id


async def _said(connection: Connection, look: Look, episode_id: UUID, rule: Rule, episode: Episode) -> Said:
    device_id = episode.evidence["device_id"]
    return Said(
        episode_id,
        rule.key,
        severity_for(rule, look.known.subject),
        title_for(rule, look.known.subject),
        RaisedBy(rule.id, rule.version, sentence(rule, episode, look.now), episode.evidence),
        occurred_at=episode.raised_at,
        received_at=look.samples.came_at.get((device_id, episode.raised_at), look.now),
        device_id=device_id,
        device_kind=next((device.kind for device in look.devices if device.device_id == device_id), None),
        position=await position_of(connection, look.devices, episode.raised_at),
        cleared_at=episode.cleared_at,
    )


async def tell_end(connection: Connection, kept: Kept, at: datetime, ended: Ended) -> None:
    assert kept.alert_id is not None
    locked = await ledger.lock_alert(connection, kept.alert_id)
    assert locked is not None
    alert, now = locked
    if alert.unresolved and ended is not Ended.ANSWERED:
        change = refute(alert) if ended is Ended.REFUTED else recover(alert, at)
        await ledger.save(connection, alert, change, now)


async def tell_resumed(connection: Connection, kept: Kept) -> None:
    assert kept.alert_id is not None
    locked = await ledger.lock_alert(connection, kept.alert_id)
    assert locked is not None
    alert, now = locked
    if alert.unresolved:
        await ledger.save(connection, alert, go_on(alert), now)
