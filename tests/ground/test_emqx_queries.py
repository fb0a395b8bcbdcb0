"""The queries of deploy/emqx/emqx.conf on a real PostgreSQL, and what EMQX would make of their answers."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from services.broker.accounts import DEVICE_RIGHTS
from services.broker.passwords import ITERATIONS, hash_password, new_secret

FOLDER = Path(__file__).parents[2] / "deploy" / "emqx"
CONF = (FOLDER / "emqx.conf").read_text("utf-8")
# EMQX makes a prepared statement of it, with the placeholder as its parameter.
AUTHENTICATION, AUTHORIZATION = (
    query.replace("%", "%%").replace("${username}", "%(username)s")
    for query in re.findall(r'query = """(.*?)"""', CONF, re.DOTALL)
)
GRANTS = re.findall(r"^ +(GRANT .*;)$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
SECRETS = {name: new_secret() for name in ("watch-1", "revoked", "old-rounds", "anhu-gateway", "gone-bridge")}


@pytest.fixture
def emqx(database_url: str) -> Iterator["psycopg.Connection[dict[str, Any]]"]:
    """A session of EMQX's role, which ends with all that was made for it."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        connection.execute("INSERT INTO organizations (id, tier, name) VALUES (gen_random_uuid(), 'community', 'x')")
        for name, rounds in (("watch-1", ITERATIONS), ("revoked", ITERATIONS), ("old-rounds", 101)):
            connection.execute(
                "INSERT INTO devices (device_id, kind, organization_id, credential_hash, revoked_at)"
                " SELECT %s, 'wristband', id, %s, CASE WHEN %s THEN now() END FROM organizations",
                (name, hash_password(SECRETS[name], iterations=rounds), name == "revoked"),
            )
        for name, revoked in (("anhu-gateway", False), ("gone-bridge", True)):
            connection.execute(
                "INSERT INTO service_accounts (username, credential_hash, rights, revoked_at)"
                " VALUES (%s, %s, %s, CASE WHEN %s THEN now() END)",
                (name, hash_password(SECRETS[name]), ["read anhu/v1/+/up/#", "readwrite a b/c"], revoked),
            )
        connection.execute("CREATE ROLE anhu_emqx")
        for grant in GRANTS:
            connection.execute(grant)
        connection.execute("SET ROLE anhu_emqx")
        yield connection
        connection.rollback()


def signs_in(emqx: "psycopg.Connection[dict[str, Any]]", username: str, password: str) -> bool:
    """As emqx_passwd does it, with the settings of emqx.conf."""
    rows = emqx.execute(AUTHENTICATION, {"username": username}).fetchall()
    settings = re.search(r"mac_fun = (\w+), iterations = (\d+), dk_length = (\d+)", CONF)
    assert settings
    if not rows:
        return False
    [row] = rows
    assert row["is_superuser"] is False
    salt, length = bytes(row["salt"]), int(settings[3])
    found = hashlib.pbkdf2_hmac(settings[1], password.encode(), salt, int(settings[2]), length)
    return found.hex() == row["password_hash"]


def test_who_may_sign_in(emqx: "psycopg.Connection[dict[str, Any]]") -> None:
    assert len(GRANTS) == 2
    let_in = {name for name, secret in SECRETS.items() if signs_in(emqx, name, secret)}
    assert let_in == {"watch-1", "anhu-gateway"}
    assert not signs_in(emqx, "watch-1", SECRETS["revoked"])
    assert not signs_in(emqx, "nobody' OR true --", SECRETS["watch-1"])


def test_the_conf_has_the_rounds_that_we_hash_with() -> None:
    assert f"iterations = {ITERATIONS}," in CONF
    assert f"LIKE '$7${ITERATIONS}$%'" in CONF


def rules(emqx: "psycopg.Connection[dict[str, Any]]", username: str) -> set[tuple[str, str, str]]:
    rows = emqx.execute(AUTHORIZATION, {"username": username}).fetchall()
    return {(row["permission"], row["action"], row["topic"]) for row in rows}


def test_a_device_has_the_rights_that_mosquitto_gives_it(emqx: "psycopg.Connection[dict[str, Any]]") -> None:
    expected = set()
    for right in DEVICE_RIGHTS:
        way, topic = right.replace("%u", "watch-1").split(" ")
        expected.add(("allow", {"read": "subscribe", "write": "publish"}[way], topic))
    assert rules(emqx, "watch-1") == expected
    assert rules(emqx, "anhu-gateway") == {
        ("allow", "subscribe", "anhu/v1/+/up/#"),
        ("allow", "all", "a b/c"),
    }
    for nobody in ("revoked", "gone-bridge", "nobody"):
        assert rules(emqx, nobody) == set()


def test_emqxs_role_sees_nothing_else(emqx: "psycopg.Connection[dict[str, Any]]") -> None:
    for statement in ("SELECT elder_id FROM devices", "SELECT * FROM elders", "DELETE FROM devices"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), emqx.transaction():
            emqx.execute(statement)
