"""Which elder a row means: by the identity number, else by name, with where they live and when they were born."""

from collections.abc import Sequence
from typing import Any

from services.registry import reach
from services.registry.bulk.staging import Import, drop_lines
from services.registry.imports.flaws import Flaw
from services.registry.imports.others import Whose

#: Of a staging table of rows that name an elder; `elder_id` is found.
COLUMNS = ("elder_hashes", "elder_name", "elder_birth_date", "elder_organization", "named")
DEFINITIONS = (
    "elder_hashes bytea[], elder_name text, elder_birth_date date, elder_organization uuid, named boolean,"
    " elder_id uuid, matches integer NOT NULL DEFAULT 0"
)
_BY_IDENTITY = """
UPDATE {table} s SET elder_id = m.id, matches = 1 FROM (
    SELECT n.line, p.id FROM {table} n CROSS JOIN LATERAL unnest(n.elder_hashes) AS h (hash)
    JOIN elders p ON p.identity_hash = h.hash WHERE {reach}) m
WHERE m.line = s.line
"""
_BY_NAME = """
UPDATE {table} s SET elder_id = m.id, matches = m.matches FROM (
    SELECT n.line, (array_agg(p.id))[1] AS id, count(*)::integer AS matches
    FROM {table} n JOIN organizations o ON n.elder_organization = ANY(o.path)
    JOIN elders p ON p.organization_id = o.id AND p.name = n.elder_name
     AND (n.elder_birth_date IS NULL OR p.birth_date = n.elder_birth_date)
    WHERE n.elder_hashes IS NULL AND {reach} GROUP BY n.line) m
WHERE m.line = s.line
"""
_WRONG = "SELECT line, coalesce(elder_name, ''), matches FROM {table} WHERE named AND matches <> 1"
_OTHER_NAME = """
SELECT s.line, s.elder_name, p.name FROM {table} s JOIN elders p ON p.id = s.elder_id
WHERE s.elder_hashes IS NOT NULL AND s.elder_name IS NOT NULL AND s.elder_name <> p.name
"""


def cells_of(whose: Whose | None, work: Import) -> Sequence[Any]:
    """In the order of COLUMNS."""
    if whose is None:
        return (None, None, None, None, False)
    hashes = work.keys.hashes(whose.identity.number) if whose.identity else None
    return (hashes, whose.name, whose.birth_date, whose.organization_id, True)


async def find_elders(work: Import, table: str) -> None:
    """Rows whose elder is not found, or is one of several, are out."""
    within, values = "true", {}
    if work.actor.caller is not None:
        within, values = reach.ELDER_P, work.actor.caller.parameters
    for statement in (_BY_IDENTITY, _BY_NAME):
        await work.connection.execute(statement.format(table=table, reach=within), values)
    await drop_lines(work, table, _WRONG.format(table=table), _wrong)
    await drop_lines(work, table, _OTHER_NAME.format(table=table), _other_name)


def _wrong(line: int, name: str, matches: int) -> Flaw:
    if matches:
        return Flaw(line, "老人姓名", name, f"这里有 {matches} 位老人叫这个名字", "请填身份证号或出生日期，以便分清")
    return Flaw(
        line,
        "老人姓名",
        name,
        "档案里没有这位老人，或不在您的管辖范围内",
        "请核对身份证号、姓名和社区；新老人先导入老人档案",
    )


def _other_name(line: int, name: str, kept: str) -> Flaw:
    return Flaw(line, "老人姓名", name, f"这个身份证号在档案里是“{kept}”", "请核对身份证号和姓名")
