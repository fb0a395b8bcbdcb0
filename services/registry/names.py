"""One name space for all who sign in to the broker, and who did what to whose secret."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.registry.reach import Caller
from services.storage.pool import Connection

# Held until the commit: of two who want the same name one wins, and the other sees it.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('anhu names', 0))"
_LOG = """
INSERT INTO identity_log (subject, kind, what, account_id, actor, address)
SELECT subject, %(kind)s, %(what)s, %(account_id)s, %(actor)s, %(address)s FROM unnest(%(subjects)s::text[]) AS subject
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change: somebody signed in, who reaches their organisations, or (caller None) whoever has the
    command line, who reaches all."""

    name: str
    address: str | None = None
    caller: Caller | None = None

    @property
    def account_id(self) -> UUID | None:
        return self.caller.account_id if self.caller else None


class UnknownNameError(Exception):
    """No such device or account, or not within the actor's reach."""


class NotPossibleError(Exception):
    """It is there, but in a state in which this cannot be done; the text says why, in English, `message` in Chinese."""

    def __init__(self, text: str, message: str) -> None:
        super().__init__(text)
        self.message = message


async def lock_names(connection: Connection) -> None:
    """Within a transaction: nobody else adds a name until it ends."""
    await connection.execute(_LOCK)


async def record(connection: Connection, actor: Actor, kind: str, what: str, subjects: Iterable[str]) -> None:
    """`kind`: device or service_account; `what` as identity_log has it."""
    parameters = {
        "subjects": list(subjects),
        "kind": kind,
        "what": what,
        "account_id": actor.account_id,
        "actor": actor.name,
        "address": actor.address,
    }
    await connection.execute(_LOG, parameters)
