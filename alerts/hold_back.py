"""What a look writes of episodes that make no alert, in the caller's transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.holding import Candidate, Hold, Whose, of_rule
from alerts.domain.rules.following import Begin, Held, Kept
from alerts.domain.rules.model import Rule
from alerts.domain.rules.scope import severity_for, title_for
from alerts.held_ledger import hold_episode, inhibit_episode
from alerts.speak import Look

Connection = AsyncConnection[Any]

_KEEP = "UPDATE rule_episodes SET held = %s, held_by = NULL WHERE id = %s"


async def begin_held_back(
    connection: Connection, look: Look, step: Begin, episode_id: UUID, worse: UUID | None
) -> None:
    """`worse`: the episode that inhibits it, if one does."""
    rule, evidence = step.rule, step.episode.evidence
    if step.held is Held.SILENCED:
        await _hold(connection, look, look.ask(rule, evidence), episode_id, rule)
    elif step.held is Held.COVERED:
        await _inhibit(connection, look, rule, evidence, episode_id, worse)


async def keep_back(connection: Connection, look: Look, kept: Kept, by: Hold | None) -> None:
    """Another cover has it now, or (None) a worse episode."""
    await connection.execute(_KEEP, ((Held.SILENCED if by else Held.COVERED).value, kept.id))
    if by is not None:
        await _hold(connection, look, by, kept.id, kept.rule)
    else:
        await _inhibit(connection, look, kept.rule, kept.evidence, kept.id, None)


async def _hold(connection: Connection, look: Look, hold: Hold | None, episode_id: UUID, rule: Rule) -> None:
    assert hold is not None  # it is the same question as when it was decided, at the same time
    title, organization_id = title_for(rule, look.known.subject), look.known.home.organization_id
    await hold_episode(connection, hold, episode_id, title, organization_id, look.now)


async def _inhibit(
    connection: Connection, look: Look, rule: Rule, evidence: Mapping[str, Any], episode_id: UUID, worse: UUID | None
) -> None:
    candidate = _candidate(look, rule, evidence)
    title, organization_id = title_for(rule, look.known.subject), look.known.home.organization_id
    if candidate is not None:
        await inhibit_episode(connection, candidate, worse, episode_id, title, organization_id, look.now)


def _candidate(look: Look, rule: Rule, evidence: Mapping[str, Any]) -> Candidate | None:
    subject = look.known.subject
    whose = Whose(subject.organization_path, subject.elder_id, evidence["device_id"])
    return of_rule(rule.key, severity_for(rule, subject), whose)
