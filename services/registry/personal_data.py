"""All that is kept of a person: as JSON, and as a page that they can read.

Whatever refers to an elder is found by its foreign key, so that a table that comes later is in it too.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any, Final
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.rows import dict_row
from psycopg.types.datetime import TimestamptzLoader

from services.registry import reach
from services.registry.changing import changes_by
from services.registry.names import Actor, UnknownNameError
from services.registry.sealing import Keys
from services.registry.telephones import FIELDS, opened, opened_or_raise
from services.storage.pool import Connection

_ELDER = "SELECT p.* FROM elders p WHERE p.id = %(id)s"
_REFERRING = """
SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.confrelid = 'elders'::regclass AND cardinality(c.conkey) = 1 AND c.conparentid = 0
ORDER BY 1, 2
"""
#: Tables of what is said elsewhere, or nothing of a person: marks of work to do.
_LEFT_OUT: Final = frozenset({"elder_looks", "rule_subjects"})
#: Beside what refers to them itself.
_MORE: Final = {
    "alert_timeline": "SELECT t.* FROM alert_timeline t JOIN alerts a ON a.id = t.alert_id WHERE a.elder_id = %(id)s"
    " ORDER BY t.id",
    "service_request_log": "SELECT l.* FROM service_request_log l JOIN service_requests s ON s.id = l.request_id"
    " WHERE s.elder_id = %(id)s ORDER BY l.id",
    "elder_fence_versions": "SELECT v.* FROM elder_fence_versions v JOIN elder_fences f ON f.id = v.fence_id"
    " WHERE f.elder_id = %(id)s ORDER BY v.fence_id, v.version",
    "changes": "SELECT c.* FROM changes c WHERE c.subject = 'elder' AND c.subject_id = %(id)s::text ORDER BY c.id",
    # A year of days: the readings themselves are asked for by GET /devices/{id}/readings.
    "readings_1d": "SELECT d.device_id, r.* FROM readings_1d r JOIN devices d ON d.key = r.device_key"
    " WHERE d.elder_id = %(id)s AND r.bucket > now() - interval '366 days' ORDER BY r.device_key, r.bucket",
}
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address) VALUES ('elder', %s, 'exported', %s, %s, %s)
"""
#: Hashes, seals and what is made of the other fields: of no use to the person, and secret.
_SECRET: Final = frozenset(
    {
        "identity_sealed",
        "identity_hash",
        "link_sealed",
        "phone_marks",
        "password_hash",
        "credential_hash",
        "salt",
        "said",
    }
)
_TITLES: Final = {
    "elder": "档案",
    "elder_contacts": "联系人",
    "ability_assessments": "能力评估",
    "consents": "知情同意",
    "account_elders": "可以查看的家属账号",
    "devices": "设备",
    "alerts": "告警",
    "alert_timeline": "告警处置经过",
    "events": "设备事件",
    "service_requests": "服务请求",
    "service_request_log": "服务请求经过",
    "access_log": "谁看过",
    "openings": "紧急查看",
    "elder_fences": "围栏",
    "elder_fence_versions": "围栏内容",
    "elder_habits": "作息规律",
    "elder_baselines": "平时水平",
    "rule_episodes": "规则判断",
    "cameras": "家里的摄像头",
    "covers": "静默、维护、住院和外出",
    "held_alerts": "没有单独告警的提示",
    "drill_presses": "演练",
    "changes": "档案变更记录",
    "readings_1d": "每日体征汇总（最近一年）",
}


class _Timestamps(TimestamptzLoader):
    """At once, or never (infinity): times to PostgreSQL, and none to Python."""

    def load(self, data: Buffer) -> datetime | None:  # type: ignore[override]
        return None if bytes(data) in (b"infinity", b"-infinity") else super().load(data)


async def referring(connection: Connection) -> list[tuple[str, str]]:
    """Tables and columns that refer to an elder."""
    return [(row[0], row[1]) for row in await (await connection.execute(_REFERRING)).fetchall()]


async def personal_data(connection: Connection, actor: Actor, keys: Keys, elder_id: UUID) -> dict[str, Any]:
    """By table, in one moment; that it was asked for is kept. Raises UnknownNameError, KeysError."""
    values = {"id": elder_id} | (actor.caller.parameters if actor.caller else {})
    within = f" AND {reach.ELDER_P}" if actor.caller else ""
    async with changes_by(connection, actor), connection.cursor(row_factory=dict_row) as cursor:
        elder = await (await cursor.execute(_ELDER + within, values)).fetchone()
        if elder is None:
            raise UnknownNameError(f"elder {elder_id}")
        cursor.adapters.register_loader("timestamptz", _Timestamps)
        told: dict[str, Any] = {"elder": [elder | _identity(elder, keys)]}
        for table, column in await referring(connection):
            if table not in _LEFT_OUT:
                statement = f"SELECT t.* FROM {table} t WHERE t.{column} = %(id)s"
                told[table] = await (await cursor.execute(statement, values)).fetchall()
        for table, statement in _MORE.items():
            told[table] = await (await cursor.execute(statement, values)).fetchall()
        who = (str(elder_id), actor.account_id, actor.name, actor.address)
        await connection.execute(_TOLD, who)
    return {table: [_plain(row, keys) for row in rows] for table, rows in told.items()}


def as_json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1, default=str)


def as_page(told: Mapping[str, Any]) -> str:
    """HTML that needs nothing else. Every row is a list of what is filled in."""
    name = escape(str(told["elder"][0].get("name", "")))
    parts = [
        "<!doctype html><html lang='zh-CN'><meta charset='utf-8'>",
        f"<title>{name}：个人信息副本</title>",
        "<style>body{font:15px/1.6 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "dl{display:grid;grid-template-columns:14rem 1fr;gap:0 1rem;border-top:1px solid #ccc;padding:.5rem 0}"
        "dt{color:#555}dd{margin:0;overflow-wrap:anywhere}</style>",
        f"<h1>{name}：个人信息副本</h1><p>以下是系统里保存的与本人有关的全部内容，按种类列出。空的种类表示没有保存。</p>",
    ]
    for table, rows in told.items():
        parts.append(f"<h2>{escape(_TITLES.get(table, table))}（{len(rows)}）</h2>")
        for row in rows:
            filled = ((key, value) for key, value in row.items() if value not in (None, "", [], {}))
            parts.append("<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{_text(value)}</dd>" for key, value in filled))
            parts.append("</dl>")
    return "\n".join([*parts, "</html>\n"])


def _text(value: Any) -> str:
    return escape(json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value))


def _identity(elder: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    return {"identity": keys.open(elder["identity_sealed"]) if elder["identity_sealed"] else None}


def _plain(row: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Numbers opened, also of changes; bytes as the text that they are."""
    told: dict[str, Any] = {}
    for key, value in row.items():
        if key in _SECRET:
            continue
        if key in ("before", "after") and value:
            told[key] = {name: _number(one, keys) if name in FIELDS else one for name, one in value.items()}
        elif isinstance(value, bytes | memoryview):
            told[key] = bytes(value).decode("utf-8", "replace")
        else:
            told[key] = opened_or_raise(keys, value) if key in FIELDS else value
    return told


def _number(stored: Any, keys: Keys) -> Any:
    """As it was then: by a key that may be gone since."""
    return opened(keys, stored) if isinstance(stored, str) else stored
