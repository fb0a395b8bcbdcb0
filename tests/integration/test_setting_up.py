"""From an empty database to a district that works, by commands alone. Places, people and numbers are invented; the form
of the files of divisions is that of the National Bureau of Statistics' 统计用区划代码."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli import app
from services.registry.sealing import Keys, new_key
from services.registry.telephones import opened
from tests.unit.registry.files import csv_of, number, xlsx_of

Run = Callable[..., Result]

DIVISIONS = {
    "areas.csv": (("code", "name", "cityCode"), ("500199", "某区", "5001"), ("500198", "另一区", "5001")),
    "streets.csv": (
        ("code", "name", "areaCode"),
        ("500199001", "龙岗街道", "500199"),
        ("500198001", "别街道", "500198"),
    ),
    "villages.csv": (
        ("code", "name", "streetCode"),
        ("500199001003", "北禅社区居民委员会", "500199001"),
        ("500199001005", "西禅社区居民委员会", "500199001"),
        ("500198001001", "别社区居民委员会", "500198001"),
    ),
}
ELDERS = (
    (
        "姓名",
        "身份证号",
        "联系电话",
        "住址",
        "所属社区",
        "护理类别",
        "紧急联系人1",
        "紧急联系人1电话",
        "评估日期",
        "能力等级",
    ),
    (
        "陈某",
        number(),
        "023-00000011",
        "安和路1号",
        "北禅社区",
        "低保",
        "陈某丽",
        "13800000000",
        "2026-09-01",
        "轻度失能",
    ),
    ("李某", number(sequence=4), "", "", "西禅社区", "", "", "", "", ""),
)


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`anhu …` on a database of its own, in a folder of its own."""
    monkeypatch.setenv("ANHU_DATABASE_URL", database_url)
    monkeypatch.setenv("ANHU_DATA_KEYS", new_key("k1"))
    monkeypatch.chdir(tmp_path)
    for name, rows in DIVISIONS.items():
        Path(name).write_bytes(csv_of(*rows))

    def command(*words: str, ends: int = 0) -> Result:
        result = CliRunner().invoke(app, words)
        assert result.exit_code == ends, (result.output, result.exception)
        return result

    return command


@pytest.fixture
def district(run: Run) -> Run:
    run("init", *(f"--divisions={name}" for name in DIVISIONS), "--division=500199")
    return run


@pytest.fixture
def rows() -> Callable[..., list[tuple[Any, ...]]]:
    def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(os.environ["ANHU_DATABASE_URL"]) as connection:
            return connection.execute(statement, values).fetchall()

    return ask


def _file(name: str, *lines: Sequence[Any]) -> str:
    Path(name).write_bytes(xlsx_of(*lines) if name.endswith("x") else csv_of(*lines))
    return name


def test_a_district_by_commands_alone(
    run: Run, rows: Any, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANHU_DATABASE_URL", empty_database_url)
    first = run("init", *(f"--divisions={name}" for name in DIVISIONS), "--division=500199")
    assert "4 organisations added" in first.stderr
    assert len(first.stdout.strip()) == 14
    again = run("init", *(f"--divisions={name}" for name in DIVISIONS))
    assert "name the root" not in again.stderr
    assert again.stdout == ""
    assert rows("SELECT name FROM organizations WHERE parent_id IS NULL") == [("某区",)]

    run(
        "import",
        "organizations",
        _file("o.csv", ("机构名称", "机构类型", "上级机构"), ("安和苑服务点", "服务点", "北禅社区")),
    )
    elders = _file("elders.xlsx", *ELDERS)
    dry = run("import", "elders", elders, "--dry-run")
    assert "2 would be new" in dry.stderr
    assert rows("SELECT count(*) FROM elders") == [(0,)]
    assert "2 new" in run("import", "elders", elders).stderr
    assert "0 new, 0 changed, 2 as they are" in run("import", "elders", elders).stderr
    [sealed] = rows("SELECT identity_sealed, name_initials, ability_level FROM elders WHERE name = '陈某'")
    assert number().encode() not in bytes(sealed[0])
    assert sealed[1:] == ("cm", "mild")

    devices = _file(
        "devices.csv",
        ("设备编号", "设备类型", "老人身份证号", "所属社区"),
        ("wb-1", "手环", number(), ""),
        ("sd-1", "烟感", "", "西禅社区"),
    )
    run("import", "devices", devices, "--secrets=secrets.csv")
    told = Path("secrets.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in told] == ["device_id", "wb-1", "sd-1"]
    again = run("import", "devices", devices, "--secrets=none.csv")
    assert "2 as they are" in again.stderr
    assert not Path("none.csv").exists()

    people = _file(
        "people.csv",
        ("姓名", "登录名", "角色", "所属机构", "照护老人身份证号"),
        ("王某", "beichan-1", "值班员", "北禅社区", ""),
        ("陈某丽", "chen-1", "家属", "", number()),
    )
    run("import", "accounts", people, "--secrets=passwords.csv")
    assert "2 as they are" in run("import", "accounts", people, "--secrets=none.csv").stderr
    more = ("老人身份证号", "联系人姓名", "电话", "关系"), (number(), "陈某国", "13900000000", "儿子")
    run("import", "contacts", _file("contacts.csv", *more))
    assert rows("SELECT position, name FROM elder_contacts ORDER BY position") == [(1, "陈某丽"), (2, "陈某国")]

    responders = _file(
        "responders.xlsx",
        ("姓名", "类别", "联系电话", "所属机构", "技能", "值守时间", "经度", "纬度", "坐标系"),
        ("冉某", "网格员", "13800000001", "北禅社区", "急救、有钥匙", "工作日 8:00-18:00", "105.7", "29.7", "GCJ02"),
        ("秦某", "村医", "023-00020002", "西禅社区", "", "", "", "", ""),
    )
    assert "2 would be new" in run("import", "responders", responders, "--dry-run").stderr
    assert rows("SELECT count(*) FROM responders") == [(0,)]
    assert "2 new" in run("import", "responders", responders).stderr
    assert "0 new, 0 changed, 2 as they are" in run("import", "responders", responders).stderr
    [(phone, lat, hours)] = rows("SELECT phone, lat, hours FROM responders WHERE skills = '{急救,有钥匙}'")
    assert "13800000001" not in phone
    assert abs(lat - 29.7) < 0.01
    assert lat != 29.7
    assert hours == [{"weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}]

    # What went in comes out, and may go in again.
    for kind in ("organizations", "elders", "contacts", "devices", "accounts", "responders"):
        for form in ("csv", "xlsx"):
            run("export", kind, f"out-{kind}.{form}")
            told = run("import", kind, f"out-{kind}.{form}", "--secrets=none.csv").stderr
            assert ": 0 new, 0 changed" in told, (kind, form, told)

    monkeypatch.setenv("ANHU_DATA_KEYS", f"{new_key('k2')},{os.environ['ANHU_DATA_KEYS']}")
    assert "7 rows are sealed anew, with the key k2" in run("rotate-keys").stderr
    monkeypatch.setenv("ANHU_DATA_KEYS", os.environ["ANHU_DATA_KEYS"].split(",")[0])
    assert "2 as they are" in run("import", "elders", elders).stderr

    who = rows("SELECT DISTINCT actor FROM changes WHERE subject = 'elder'")
    assert len(who) == 1
    assert "(command line)" in who[0][0]


def test_what_is_different_is_changed_and_kept(district: Run, rows: Any) -> None:
    district("import", "elders", _file("a.csv", *ELDERS))
    head = ("姓名", "身份证号", "住址", "所属社区", "紧急联系人1", "紧急联系人1电话")
    changed = ("陈某", number(), "康宁路9号", "西禅社区", "陈某红", "13700000000")
    told = district("import", "elders", _file("b.csv", head, changed)).stderr
    assert "0 new, 1 changed" in told
    [elder] = rows("SELECT address, phone, care_categories FROM elders WHERE name = '陈某'")
    keys = Keys(os.environ["ANHU_DATA_KEYS"])
    assert (elder[0], opened(keys, elder[1]), elder[2]) == ("康宁路9号", "023-00000011", ["低保"])
    assert "00000011" not in elder[1]
    kept = rows("SELECT before, after FROM changes WHERE subject = 'elder' AND what = 'changed' ORDER BY id")
    assert kept[0][0]["address"] == "安和路1号"
    assert kept[0][1]["address"] == "康宁路9号"
    assert "identity_hash" not in kept[0][1]
    assert (kept[1][1]["name"], opened(keys, kept[1][1]["phone"])) == ("陈某红", "13700000000")
    assert set(kept[1][1]) == {"name", "phone"}


def test_all_or_nothing_or_row_by_row(district: Run, rows: Any) -> None:
    wrong = ("王某", "5.00199E+17", "", "", "北禅社区", "", "", "", "", "")
    far = ("刘某", number(sequence=6), "", "", "别社区", "", "", "", "", "")
    file = _file("a.csv", *ELDERS, wrong, far)
    for words, there in (([], 0), (["--skip-bad"], 2)):
        result = district("import", "elders", file, *words, ends=1)
        assert "第 4 行“身份证号”" in result.stderr
        assert "第 5 行“所属社区”" in result.stderr
        assert rows("SELECT count(*) FROM elders") == [(there,)]


def test_what_only_the_database_knows(district: Run, rows: Any) -> None:
    district("import", "elders", _file("a.csv", *ELDERS))
    head = ("姓名", "身份证号", "所属社区")
    told = district("import", "elders", _file("b.csv", head, ("刘某", number(), "北禅社区")), ends=1).stderr
    assert "在档案里是“陈某”" in told
    devices = ("设备编号", "设备类型", "使用人", "身份证号", "所属社区")
    told = district(
        "import",
        "devices",
        _file(
            "d.csv",
            devices,
            ("wb-1", "手环", "", number(sequence=8), ""),
            ("wb-2", "手环", "陈某", number(sequence=4), ""),
            ("wb-3", "手环", "", number(), "西禅社区"),
        ),
        "--secrets=s.csv",
        ends=1,
    ).stderr
    assert "没有这位老人" in told
    assert "在档案里是“李某”" in told
    assert "与所属社区不一致" in told
    assert not Path("s.csv").exists()
    assert rows("SELECT count(*) FROM devices") == [(0,)]


def test_responders_are_known_again(district: Run, rows: Any) -> None:
    head = ("姓名", "类别", "联系电话", "所属机构", "技能")
    ran, qin = ("冉某", "网格员", "13800000001", "北禅社区", "急救"), ("秦某", "村医", "13800000002", "西禅社区", "")
    district("import", "responders", _file("a.csv", head, ran, qin))
    changed = _file("b.csv", head, ("冉某某", "志愿者", *ran[2:4], ""), (*qin[:3], "北禅社区", ""))
    assert "1 new, 1 changed" in district("import", "responders", changed).stderr
    kept = "SELECT a.name, w.kind, w.skills, w.version FROM responders w JOIN accounts a ON a.id = w.account_id"
    assert rows(f"{kept} WHERE w.kind = 'volunteer'") == [("冉某某", "volunteer", ["急救"], 2)]
    with psycopg.connect(os.environ["ANHU_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("UPDATE responders SET ended_at = now() WHERE kind = 'volunteer'")
    told = district("import", "responders", _file("c.csv", head, qin, ran), ends=1).stderr
    assert "第 3 行“姓名”（冉某）：这位响应者已从名册移除" in told
    district("import", "responders", _file("d.csv", head, qin, ("王某", "网管员", *ran[2:])), ends=1)
    assert rows("SELECT count(*) FROM responders") == [(3,)]
    assert "2 rows" in district("export", "responders", "out.xlsx").stderr


def test_without_a_key_no_identity_number(district: Run, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANHU_DATA_KEYS", "")
    assert "ANHU_DATA_KEYS" in district("import", "elders", _file("a.csv", *ELDERS), ends=1).stderr
    head, row = ("姓名", "出生日期", "所属社区"), ("陈某", "1950.3.5", "北禅社区")
    for told in ("1 new", "1 as they are"):
        assert told in district("import", "elders", _file("b.csv", head, row)).stderr


def test_what_init_cannot_do(run: Run) -> None:
    for words, told in (
        (["--division=500199"], "name them with --divisions"),
        (["--divisions=areas.csv"], "2 divisions have nothing above them"),
        (["--divisions=villages.csv"], "which is in no file"),
        (["--divisions=areas.csv", "--division=510000"], "no file has the division 510000"),
        (["--divisions=no.csv"], "cannot read no.csv"),
        ([], "there is no root yet"),
    ):
        assert told in str(run("init", *words, ends=1).exception)
