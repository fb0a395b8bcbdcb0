"""Files that are as they should be, in all the ways in which offices write them."""

from datetime import date, datetime

import pytest

from services.registry.imports.columns import KINDS
from services.registry.imports.forms import template, written
from services.registry.pinyin import initials
from tests.unit.registry.files import (
    BEICHAN,
    HEAD,
    OTHER_BEICHAN,
    ROW,
    book_of,
    bytes_of,
    csv_of,
    number,
    records,
    xlsx_of,
)

_EXPORTED = ["陈某", number(), "", "", "023-00000011", "", "北禅社区"]
_EXPORTED += [""] * (len(KINDS["elders"].columns) - len(_EXPORTED))


@pytest.mark.parametrize(
    "data",
    [
        csv_of(HEAD, ROW),
        csv_of(HEAD, ROW, encoding="utf-8-sig"),
        csv_of(HEAD, ROW, encoding="gbk"),
        csv_of(HEAD, ROW, encoding="gb18030"),
        csv_of(HEAD, ROW, encoding="utf-16"),
        csv_of(HEAD, ROW, encoding="utf-16-be"),
        csv_of(HEAD, ROW, encoding="utf-16-le"),
        csv_of(HEAD, ROW, separator=";"),
        csv_of(HEAD, ROW, separator="\t", encoding="utf-16"),
        csv_of(("北禅社区老年人花名册",), (), HEAD, ROW),
        csv_of((" 姓 名*", "公民身份号码（18位）", "手机号码：", "所属村（社区）"), ROW, (), ("", "", "", "")),
        csv_of(HEAD, ("陈　某", f"'{number()}", "０２３—００００００１１", "龙岗街道北禅社区")),
        csv_of(HEAD, ("陈某", f'="{number()}"', "023-00000011", "500199001003")),
        csv_of(("序号", *HEAD, "备注"), ("1", *ROW, "无")),
        xlsx_of(HEAD, ROW),
        xlsx_of(("北禅社区老年人花名册",), HEAD, ROW, ()),
        xlsx_of(HEAD, ROW, 说明=[["填表说明：身份证号按文本填写"]]),
        written(KINDS["elders"], "xlsx", [_EXPORTED]),
        written(KINDS["elders"], "csv", [_EXPORTED]),
    ],
)  # fmt: skip
def test_one_elder_comes_out_of_each(data: bytes) -> None:
    good, flaws = records(data)
    assert flaws == []
    [elder] = good
    assert (elder.name, elder.organization_id, elder.phone) == ("陈某", BEICHAN, "023-00000011")
    assert (elder.identity.number, elder.birth_date, elder.gender) == (number(), date(1950, 3, 5), "female")


@pytest.mark.parametrize(
    "day",
    [
        *(
            "1950-03-05",
            "1950.3.5",
            "1950/3/5",
            "1950年3月5日",
            "19500305",
            "18327",
            "１９５０．３．５",
            "1950-3-5 0:00:00",
        ),
        *(datetime(1950, 3, 5, tzinfo=None), date(1950, 3, 5), 18327, 18327.0, 19500305),  # noqa: DTZ001
    ],
)
def test_days(day: object) -> None:
    rows = (("姓名", "出生日期", "所属社区"), ("陈某", day, "北禅社区"))
    good, flaws = records(csv_of(*rows) if isinstance(day, str) else xlsx_of(*rows))
    assert flaws == []
    assert good[0].birth_date == date(1950, 3, 5)


def test_words_of_offices() -> None:
    head = (
        "老人姓名",
        "出生年月日",
        "社区",
        "街道",
        "自理能力",
        "人员类别",
        "居住状况",
        "过敏史",
        "监护人",
        "监护人电话",
        "与老人关系",
    )
    row = (
        "陈某",
        "1950.3.5",
        "红星社区",
        "棠香街道",
        "中度失能",
        "五保户、失独；高龄",
        "夫妻同住",
        "无",
        "陈某丽",
        "13800000000",
        "女儿",
    )
    good, flaws = records(csv_of(head, row))
    assert flaws == []
    [elder] = good
    assert elder.organization_id == OTHER_BEICHAN
    assert elder.ability_level == "moderate"
    assert elder.care_categories == ["特困", "计划生育特殊家庭", "高龄"]
    assert (elder.living_situation, elder.allergies) == ("与配偶同住", [])
    assert elder.contacts == [{"name": "陈某丽", "relation": "女儿", "phone": "13800000000"}]


def test_an_empty_cell_says_nothing() -> None:
    [elder] = records(csv_of(("姓名", "身份证号", "所属社区", "住址"), ("陈某", number(), "北禅社区", "")))[0]
    assert (elder.address, elder.care_categories, elder.contacts) == (None, None, None)


def test_a_title_may_be_merged() -> None:
    book = book_of(("北禅社区老年人花名册", "", "", ""), HEAD, ROW)
    book.active.merge_cells("A1:D1")
    book.active.row_dimensions[2].hidden = True
    assert records(bytes_of(book))[1] == []


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_template_is_read_again_and_its_example_refused(kind: str, form: str) -> None:
    good, flaws = records(template(KINDS[kind], form), kind)
    assert not good
    assert any("示例" in flaw.message for flaw in flaws)


def test_devices_in_the_words_of_offices() -> None:
    head = ("设备编号", "设备类型", "使用人", "身份证号", "所属社区", "来源", "IMEI")
    good, flaws = records(
        csv_of(
            head,
            ("wb-1", "手环", "陈某", number(), "", "", ""),
            ("sd-1", "烟感", "", "", "北禅社区", "clouds", "861234567890123"),
            ("x-1", "wristband", "陈某", "", "北禅社区", "", ""),
        ),
        "devices",
    )
    assert flaws == []
    assert [one.kind for one in good] == ["wristband", "smoke_detector", "wristband"]
    assert good[1].whose is None
    assert (good[1].source, good[1].hardware_id) == ("clouds", "861234567890123")


def test_people() -> None:
    head = ("姓名", "登录名", "岗位", "单位", "照护老人身份证号")
    rows = (("王某", "beichan-9", "值班员", "北禅社区", ""), ("陈某丽", "chen-1", "家属", "", number()))
    good, flaws = records(csv_of(head, *rows), "accounts")
    assert flaws == []
    assert [one.role for one in good] == ["operator", "caregiver"]
    assert (good[0].organization_id, good[1].organization_id) == (BEICHAN, None)


def test_initials() -> None:
    assert [initials(name) for name in ("张桂兰", "曾德明", "欧阳正清", "John Smith", "")] == [
        "zgl",
        "cdm zdm",
        "oyzq",
        "js",
        "",
    ]


RESPONDER_HEAD = ("姓名", "人员类别", "手机号", "工作单位", "特长", "可出动时间", "经度", "纬度", "坐标系", "住址")


def test_responders_in_the_words_of_offices() -> None:
    rows = (
        (
            "冉某",
            "社区网格员",
            "13800000001",
            "北禅社区",
            "急救；有钥匙",
            "工作日 8:00-18:00",
            "105.7",
            "29.7",
            "高德",
            "x",
        ),
        ("秦某", "低龄健康老年人", "023-00020002", "西禅社区居委会", "", "", "", "", "", ""),
    )
    good, flaws = records(csv_of(RESPONDER_HEAD, *rows), "responders")
    assert flaws == []
    first, second = good
    assert (first.kind, first.organization_id, first.skills) == ("grid_worker", BEICHAN, ["急救", "有钥匙"])
    assert first.hours == [{"weekdays": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}]
    assert (first.lat, first.lon, first.datum) == (29.7, 105.7, "gcj02")
    assert (second.kind, second.skills, second.hours, second.lat) == ("young_elder", None, None, None)
