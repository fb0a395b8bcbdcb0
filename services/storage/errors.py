"""What a database error means for whoever wanted something stored."""

import psycopg

#: SQLSTATE classes that say "not now" rather than "never this": connection, read-only, sign-in, missing database,
#: missing schema, resources (a full disk), locks, shutdown, system.
NOT_NOW = frozenset({"08", "25", "28", "3D", "42", "53", "55", "57", "58"})


def is_outage(error: Exception) -> bool:
    """Whether the same thing may be stored later: else it is that thing which is at fault."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        # Said by the client: a lost connection, or (DataError) a value that no server could ever be sent.
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in NOT_NOW


def is_conflict(error: Exception) -> bool:
    """A deadlock, a lock that did not come in time or the like: rolled back, nothing wrong with anybody, to be tried
    again at once."""
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return False
    return error.sqlstate[:2] == "40" or isinstance(error, psycopg.errors.LockNotAvailable)
