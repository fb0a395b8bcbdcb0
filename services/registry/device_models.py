"""What is known of a model of devices. A device is of a model by the word it is enrolled with, whatever its case."""

from typing import Any

from psycopg.types.json import Jsonb

from services.registry.changing import changes_by
from services.registry.names import Actor
from services.storage.pool import Connection

_OTHER = "SELECT model FROM device_models WHERE lower(model) = lower(%(model)s) AND model <> %(model)s"
_SAVE = """
INSERT INTO device_models (model, maker, kind, decoder, measures, says, every_seconds, settings, note)
VALUES (%(model)s, %(maker)s, %(kind)s, %(decoder)s, %(measures)s, %(says)s, %(every_seconds)s, %(settings)s, %(note)s)
ON CONFLICT (model) DO UPDATE
SET maker = excluded.maker, kind = excluded.kind, decoder = excluded.decoder, measures = excluded.measures,
    says = excluded.says, every_seconds = excluded.every_seconds, settings = excluded.settings, note = excluded.note,
    changed_at = now()
"""
_REMOVE = "DELETE FROM device_models WHERE model = %s"


class SameWordError(Exception):
    """Another model is written the same but for the case."""

    def __init__(self, model: str) -> None:
        super().__init__(f"{model} is there already")
        self.model = model


async def save_model(connection: Connection, actor: Actor, wanted: dict[str, Any]) -> None:
    """Makes it, or puts it in the place of what was known. Raises SameWordError."""
    async with changes_by(connection, actor):
        other = await (await connection.execute(_OTHER, wanted)).fetchone()
        if other is not None:
            raise SameWordError(other[0])
        await connection.execute(_SAVE, wanted | {"settings": Jsonb(wanted["settings"])})


async def remove_model(connection: Connection, actor: Actor, model: str) -> bool:
    """False: there is none. Devices of it keep their word."""
    async with changes_by(connection, actor):
        return (await connection.execute(_REMOVE, (model,))).rowcount == 1
