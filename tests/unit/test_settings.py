"""Settings from the environment."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from services.runtime.settings import Settings, SettingsError, load


@pytest.mark.parametrize(
    "url", ["postgresql://a:b@host:5432/name", "postgresql://a@/name?host=%2Ftmp%2Fx", "postgresql:///name"]
)
def test_a_silent_database_is_given_up_soon(url: str) -> None:
    wanted = conninfo_to_dict(Settings(database_url=url).database_url)
    assert wanted["tcp_user_timeout"] == "10000"
    assert wanted["keepalives_idle"] == "5"
    assert {**wanted, **conninfo_to_dict(url)} == wanted, "and the rest is as it was"


def test_limits_of_ones_own_are_kept() -> None:
    url = Settings(database_url="postgresql://host/name?keepalives_idle=60").database_url
    assert conninfo_to_dict(url)["keepalives_idle"] == "60"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ANHU_DATABASE_URL", "mysql://host/name", "must begin with postgresql://"),
        ("ANHU_MQTT_URL", "http://host", "must begin with mqtt:// or mqtts://"),
        ("ANHU_HTTP_PORT", "70000", "ANHU_HTTP_PORT"),
        ("ANHU_DATABASE_URL", "", "ANHU_DATABASE_URL is not set"),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv("ANHU_DATABASE_URL", "postgresql://host/name")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=says):
        load()


def test_a_bridge_needs_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANHU_DATABASE_URL", "")
    assert load(needs_database=False).database_url == ""
