"""A file of people, places or devices into the registry: checked first, all or row by row, and safe to do again."""

from collections.abc import Callable

from services.registry.bulk.contacts import take_contacts
from services.registry.bulk.devices import take_devices
from services.registry.bulk.elders import take_elders
from services.registry.bulk.few import take_accounts, take_organizations
from services.registry.bulk.responders import take_responders
from services.registry.bulk.staging import Import, Mode, Progress, Result, known_to
from services.registry.imports.flaws import FileFlawError
from services.registry.imports.reading import read
from services.registry.names import Actor
from services.registry.sealing import Keys
from services.storage.pool import Connection

_TAKE = {
    "organizations": take_organizations,
    "elders": take_elders,
    "contacts": take_contacts,
    "devices": take_devices,
    "accounts": take_accounts,
    "responders": take_responders,
}
KINDS = tuple(_TAKE)
_IDENTITIES = frozenset({"identity", "elder_identity"})
#: Of the tables that an import fills: or the next list is planned as if they were empty.
_ANALYZE = {
    "elders": "ANALYZE elders, elder_contacts",
    "devices": "ANALYZE devices",
    "organizations": "ANALYZE organizations",
}
_MANY = 1000


def _silent(_step: str, _rows: int) -> None:
    pass


def _kept_by_caller(_secrets: list[tuple[str, str]]) -> None:
    pass


async def take_in_file(
    connection: Connection,
    actor: Actor,
    keys: Keys,
    kind: str,
    data: bytes,
    mode: Mode,
    *,
    from_map: Callable[[float, float], tuple[float, float]],
    tell: Progress = _silent,
    keep: Callable[[list[tuple[str, str]]], None] = _kept_by_caller,
) -> Result:
    """`mode`: check changes nothing; all: every row or none; skip: the rows that are right. The connection is in
    autocommit. `from_map`: a position in GCJ-02 as WGS 84."""
    result = Result(kind)
    known = await known_to(connection, actor)
    try:
        reading = read(kind, data, known)
    except FileFlawError as error:
        result.note([error.flaw])
        return result
    result.ignored = reading.ignored
    if not keys and (column := next(iter(_IDENTITIES & reading.rows.header.places.keys()), None)):
        told = "系统还没有设置加密密钥，不能保存身份证号"
        mend = "请技术人员设置 ANHU_DATA_KEYS（anhu data-key 可生成），或删去这一列"
        result.note([FileFlawError(told, mend, 1, reading.rows.header.names[column]).flaw])
        return result
    work = Import(connection, actor, keys, mode, result, known, tell, from_map, keep)
    await _TAKE[kind](work, reading)
    if result.applied and result.new + result.changed > _MANY and kind in _ANALYZE:
        await connection.execute(_ANALYZE[kind])
    result.flaws.sort(key=lambda flaw: flaw.line)
    return result
