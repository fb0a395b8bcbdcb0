"""A rule is tried on stored history, on a real database: what it would have raised, for whom, and what it would have
caught."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from alerts.backtest import Trial, backtest
from alerts.built_in_rules import store_built_in
from alerts.domain.rules.fence import BEIJING
from alerts.domain.rules.trying import Period
from alerts.trials import tried
from services.cli import app
from tests.parts.ward import HIGH, Ward, ward_at

LOWER = HIGH | {"condition": HIGH["condition"] | {"value": 100, "clear": 95}}
NEWS2 = {
    "key": "news2_medium",
    "title": "早期预警评分升高",
    "severity": "orange",
    "condition": {"kind": "score", "total": 5},
    "lasting_seconds": 600,
    "clear_after_seconds": 1800,
    "gap_seconds": 1800,
}
BED = {
    "key": "out_of_bed",
    "title": "夜间离床未回",
    "severity": "orange",
    "condition": {"kind": "out_of_bed"},
    "lasting_seconds": 1800,
}


@pytest.fixture
async def ward(database_url: str) -> AsyncIterator[Ward]:
    async with ward_at(database_url) as ward:
        yield ward


async def tries(ward: Ward, rule: dict[str, Any] | str, of: Sequence[UUID] = (), **more: Any) -> dict[str, Any]:
    """Over the six hours since the ward's beginning."""
    wanted = rule if isinstance(rule, str) else tried(rule)
    period = Period(ward.at(0), ward.at(330))
    return await backtest(ward.url, Trial(wanted, of or [ward.city], period), processes=0, **more)


async def moves_in(ward: Ward, elder: UUID, organization: UUID, device_id: str) -> None:
    """Somebody else who is invented."""
    await ward.connection.execute(
        "INSERT INTO elders (id, organization_id, name) VALUES (%s, %s, '赵某（虚构）')", (elder, organization)
    )
    await ward.connection.execute(
        "INSERT INTO devices (device_id, kind, organization_id, elder_id) VALUES (%s, 'wristband', %s, %s)",
        (device_id, organization, elder),
    )


async def happened(ward: Ward, minute: float, kind: str = "sos", **changes: Any) -> UUID:
    """An alert that people closed as real, unless another thing is said."""
    row = {"id": uuid7(), "state": "resolved", "outcome": "assisted", "drill": False} | changes
    await ward.connection.execute(
        "INSERT INTO alerts (id, type, severity, title, state, outcome, elder_id, device_id, organization_id,"
        " event_id, occurred_at, received_at, raised_at, last_move_at, drill)"
        " VALUES (%(id)s, %(type)s, 'red', '紧急救援 · 本人呼救', %(state)s, %(outcome)s, %(elder)s, 'wb-1',"
        " %(station)s, %(id)s::text, %(at)s, %(at)s, %(at)s, %(at)s, %(drill)s)",
        row | {"type": kind, "elder": ward.elder, "station": ward.station, "at": ward.at(minute)},
    )
    return UUID(str(row["id"]))


async def test_a_lower_limit_is_told_beside_the_one_in_force(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(60), heart_rate=72)
    ward.measured(range(60, 80), heart_rate=110)  # for the lower limit alone
    ward.measured(range(80, 140), heart_rate=72)
    ward.measured(range(140, 160), heart_rate=134)  # for both
    ward.measured(range(160, 170), heart_rate=72)
    result = await tries(ward, LOWER)
    assert (result["elders"], result["readings"]) == (1, 170)
    assert (result["tried"]["alerts"], result["in_force"]["alerts"]) == (2, 1)
    assert result["tried"]["by_severity"]["yellow"] == 2
    assert result["tried"]["by_organization"] == [{"id": str(ward.station), "alerts": 2}]
    late, early = result["episodes"]
    assert early == {
        "elder_id": str(ward.elder),
        "began_at": ward.at(60).isoformat(),
        "raised_at": ward.at(70).isoformat(),
        "ended_at": ward.at(85).isoformat(),
        "severity": "yellow",
        "sentence": "心率 110 次/分，持续 10 分钟，高于本人上限 100",
        "also_in_force": False,
    }
    assert (late["raised_at"], late["also_in_force"]) == (ward.at(150).isoformat(), True)
    assert await ward.alerts() == await ward.episodes() == [], "to try changes nothing"


async def test_incidents_are_those_that_people_closed_as_real(ward: Ward) -> None:
    await ward.has_rule()
    ward.measured(range(60, 80), heart_rate=110)
    caught, missed = await happened(ward, 100), await happened(ward, 300, "fall", outcome="hospital")
    for changes in ({"outcome": "false_alarm"}, {"outcome": "test"}, {"state": "triggered", "outcome": None}):
        await happened(ward, 101, **changes)
    await happened(ward, 101, "device.offline")
    await happened(ward, 101, drill=True)
    await happened(ward, -100)
    incidents = (await tries(ward, LOWER))["incidents"]
    assert [(one["alert_id"], one["tried"], one["in_force"]) for one in incidents["items"]] == [
        (str(missed), False, False),
        (str(caught), True, False),
    ]
    assert (incidents["known"], incidents["caught"], incidents["missed"]) == (2, 1, 1)
    assert incidents["caught_in_force"] == 0


async def test_nobody_beyond_the_askers_reach_is_in_it(ward: Ward) -> None:
    street, other = uuid7(), uuid7()
    await ward.connection.execute(
        "INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, 'community', '另一社区（虚构）')",
        (street, ward.city),
    )
    await moves_in(ward, other, street, "wb-2")
    for device_id in ("wb-1", "wb-2"):
        ward.measured(range(20), device_id, heart_rate=134)
    assert (await tries(ward, HIGH))["tried"]["alerts"] == 2
    result = await tries(ward, HIGH, of=[street])
    assert (result["elders"], result["readings"]) == (1, 20)
    assert [one["elder_id"] for one in result["episodes"]] == [str(other)]
    scoped = await tries(ward, HIGH | {"scope": {"organization_id": str(ward.station)}}, of=[street])
    assert (scoped["elders"], scoped["tried"]["alerts"]) == (0, 0)


async def test_what_another_person_wore_before_is_not_theirs(ward: Ward) -> None:
    await ward.connection.execute("UPDATE devices SET elder_since = %s", (ward.at(30),))
    ward.measured(range(20), heart_rate=134)
    ward.measured(range(40, 55), heart_rate=134)
    result = await tries(ward, HIGH)
    assert (result["readings"], result["tried"]["alerts"]) == (15, 1)
    assert result["episodes"][0]["began_at"] == ward.at(40).isoformat()


async def test_a_rule_for_the_first_time_and_one_that_is_switched_off(ward: Ward) -> None:
    ward.measured(range(20), heart_rate=134)
    assert (await tries(ward, HIGH))["in_force"]["alerts"] == 0
    await ward.has_rule()
    result = await tries(ward, HIGH | {"mode": "off"})
    assert (result["tried"]["alerts"], result["in_force"]["alerts"]) == (0, 1)


async def test_a_score_of_two_devices(ward: Ward) -> None:
    await ward.wears("bed-1")
    ward.measured(range(0, 100, 5), "bed-1", respiratory_rate=16)
    ward.measured(range(0, 100, 2), heart_rate=134, spo2=97)
    ward.measured(range(100, 150, 5), "bed-1", respiratory_rate=23)
    ward.measured(range(100, 150, 2), heart_rate=134, spo2=97)
    result = await tries(ward, NEWS2)
    [episode] = result["episodes"]
    assert (episode["began_at"], episode["raised_at"]) == (ward.at(100).isoformat(), ward.at(110).isoformat())
    assert episode["sentence"].startswith("NEWS2 评分 5 分")


async def test_a_watch_on_the_table_takes_no_points_away(ward: Ward) -> None:
    """What it measures there counts for nothing: the pulse of before it was taken off still does."""
    await ward.wears("bed-1")
    ward.measured(range(90, 100), heart_rate=134, worn=True)
    ward.measured(range(100, 115), heart_rate=72, worn=False)
    ward.measured(range(100, 115), "bed-1", respiratory_rate=25)
    [episode] = (await tries(ward, NEWS2))["episodes"]
    assert episode["raised_at"] == ward.at(110).isoformat()


async def test_rules_that_speak_because_nothing_comes_are_tried_in_processes_of_their_own(ward: Ward) -> None:
    """Of each person a month is read: one is a portion."""
    await ward.wears("bed-1")
    for number in (2, 3):
        await moves_in(ward, uuid7(), ward.station, f"bed-{number}")
    for device_id in ("bed-1", "bed-2", "bed-3"):
        ward.measured([0, 1, 2], device_id, in_bed=True)
        ward.measured([3, 4], device_id, in_bed=False)
    ward.measured([10], "bed-3", in_bed=True)
    shares: list[float] = []
    period = Period(ward.at(330) - timedelta(days=31), ward.at(330))
    # A night that neither begins nor ends while they are out of bed, whenever this runs.
    night = {"from": f"{ward.at(-60).astimezone(BEIJING):%H:%M}", "to": f"{ward.at(600).astimezone(BEIJING):%H:%M}"}
    rule = BED | {"condition": BED["condition"] | {"night": night}}
    result = await backtest(ward.url, Trial(tried(rule), [ward.city], period), processes=2, tell=shares.append)
    assert result["tried"]["alerts"] == 2
    assert {one["raised_at"] for one in result["episodes"]} == {ward.at(33).isoformat()}
    assert (shares == sorted(shares), shares[-1]) == (True, 1.0)


def command(ward: Ward, *arguments: str) -> Result:
    times = ("--from", ward.at(0).isoformat(), "--to", ward.at(330).isoformat())
    return CliRunner().invoke(
        app, ["rules", "backtest", "--processes", "1", *arguments, *times], env={"ANHU_DATABASE_URL": ward.url}
    )


def test_the_command(database_url: str, tmp_path: Path) -> None:
    """Runs a loop of its own, and so does not share one with the ward."""

    async def prepared() -> Ward:
        async with ward_at(database_url) as ward:
            await ward.has_rule()
            ward.measured(range(60, 80), heart_rate=110)
            ward.measured(range(80, 140), heart_rate=72)
            ward.measured(range(140, 160), heart_rate=134)
            await happened(ward, 300)
            return ward

    ward = asyncio.run(prepared())
    file = tmp_path / "lower.json"
    file.write_text(json.dumps(LOWER), "utf-8")
    shown = command(ward, str(file))
    assert shown.exit_code == 0, shown.output
    table = {line[:18].strip(): line[18:].split() for line in shown.stdout.splitlines()}
    assert table["alerts"] == table["yellow"] == ["2", "1"]
    assert table["incidents caught"] == ["0", "of", "1", "0"]
    assert "心率 110 次/分，持续 10 分钟，高于本人上限 100" in shown.stdout
    assert "陈某（虚构）" in shown.stdout

    told = json.loads(command(ward, "heart_rate_high", "--json", "--organization", "某社区养老服务站（虚构）").stdout)
    assert (told["tried"], told["more"]) == (told["in_force"], 0)
    assert told["episodes"][0]["elder"] == {"id": str(ward.elder), "name": "陈某（虚构）"}
    assert told["tried"]["by_organization"] == [
        {"id": str(ward.station), "name": "某社区养老服务站（虚构）", "alerts": 1}
    ]

    for wrong, said in (
        (["heart_rate_hgih"], "keys are: heart_rate_high"),
        (["heart_rate_high", "--organization", "某处"], "no organisation 某处"),
    ):
        answer = command(ward, *wrong)
        assert (answer.exit_code, said in answer.output) == (1, True), answer.output
    file.write_text(json.dumps(LOWER | {"severity": "red"}), "utf-8")
    assert "title: 红色规则的标题" in command(ward, str(file)).output


async def test_a_sick_day_finds_what_the_built_in_rules_had_found_live(ward: Ward) -> None:
    """The same readings, looked at as they came."""
    await store_built_in(ward.connection)
    await ward.compiled()
    for minute in range(0, 300, 2):
        ward.measured(
            [minute],
            heart_rate=70 + 35 * (minute // 60 % 3),
            spo2=97 - 5 * (minute // 90 % 3),
            respiratory_rate=14 + 6 * (minute // 45 % 3),
        )
    await ward.looked()
    live = [one for one in await ward.episodes() if one["mode"] == "live"]
    assert len({one["key"] for one in live}) >= 5
    for key in {one["key"] for one in live}:
        result = await tries(ward, key)
        wanted = {(one["began_at"], one["raised_at"], one["severity"]) for one in live if one["key"] == key}
        found = {
            (datetime.fromisoformat(one["began_at"]), datetime.fromisoformat(one["raised_at"]), one["severity"])
            for one in result["episodes"]
        }
        assert found == wanted, key
        assert result["tried"] == result["in_force"]
    assert datetime.now(UTC) > ward.at(330)
    with psycopg.connect(ward.url) as connection:
        [(trials,)] = connection.execute("SELECT count(*) FROM rule_trials").fetchall()
    assert trials == 0
