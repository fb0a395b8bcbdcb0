"""An elder's ability is assessed by the form: 26 items, and what makes the level worse than their total."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from psycopg.types.json import Jsonb

from services.registry.ability import level_of, total_of
from services.registry.changing import changes_by
from services.registry.names import Actor
from services.storage.pool import Connection

_LOCK = "SELECT FROM elders WHERE id = %s FOR NO KEY UPDATE"
# One a day: what is entered again is a correction, whatever level it gives.
_BEFORE = "DELETE FROM ability_assessments WHERE elder_id = %s AND assessed_on = %s"
_KEEP = """
INSERT INTO ability_assessments (elder_id, assessed_on, level, score, assessor, form) VALUES (%s, %s, %s, %s, %s, %s)
"""
# One that is entered late does not undo a later one.
_IN_FORCE = """
UPDATE elders SET ability_level = %(level)s
WHERE id = %(elder)s AND ability_level IS DISTINCT FROM %(level)s AND NOT EXISTS (
    SELECT FROM ability_assessments a WHERE a.elder_id = %(elder)s AND a.assessed_on > %(on)s)
"""


@dataclass(frozen=True, slots=True)
class Form:
    """`points` as `ability.ITEMS`. `mental_disorder`: dementia (F00 to F03) or another one (F04 to F99).
    `risk_events`: of the last 30 days."""

    assessed_on: date
    assessor: str | None
    points: Mapping[str, int]
    coma: bool = False
    mental_disorder: bool = False
    risk_events: int = 0

    @property
    def score(self) -> int:
        """Raises FormError."""
        return total_of(self.points)

    @property
    def level(self) -> str:
        """Raises FormError."""
        return level_of(self.score, coma=self.coma, mental_disorder=self.mental_disorder, risk_events=self.risk_events)


async def assess(connection: Connection, actor: Actor, elder_id: UUID, form: Form) -> None:
    """In the place of what was entered for that day. Raises FormError."""
    level = form.level
    kept = {"points": dict(form.points), "coma": form.coma, "mental_disorder": form.mental_disorder}
    kept["risk_events"] = form.risk_events
    async with changes_by(connection, actor):
        await connection.execute(_LOCK, (elder_id,))
        values = (elder_id, form.assessed_on, level, form.score, form.assessor, Jsonb(kept))
        await connection.execute(_BEFORE, (elder_id, form.assessed_on))
        await connection.execute(_KEEP, values)
        await connection.execute(_IN_FORCE, {"level": level, "elder": elder_id, "on": form.assessed_on})
