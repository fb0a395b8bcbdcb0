"""Columns of each kind of file, and by what names offices call them. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.registry.imports.flaws import FileFlawError
from services.registry.imports.table import Value

#: Contacts that stand in an elder's own row: 紧急联系人1 to 5.
CONTACTS = 5
#: Is in the example of each template, and in no row that may be imported.
INVENTED = "（虚构）"


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    name: str  # as templates and exports have it
    synonyms: tuple[str, ...] = ()
    required: bool = False
    example: str = ""
    #: A number here has lost something: kept as text in templates and exports.
    text: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file. `one_of`: of each group at least one column has to be there."""

    key: str
    title: str
    columns: tuple[Column, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    by_word: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        words = {normal(word): one.key for one in self.columns for word in (one.name, *one.synonyms, one.key)}
        object.__setattr__(self, "by_word", words)

    def column(self, key: str) -> Column:
        return next(one for one in self.columns if one.key == key)

    def key_of(self, name: object) -> str | None:
        """Of 所属村（社区） what is in brackets is a part, of 住址（必填） it is a remark."""
        return self.by_word.get(normal(name, whole=True)) or self.by_word.get(normal(name))

    def score(self, cells: list[Value]) -> int:
        """How many columns a row names, when it may be the header: two of them, and one that has to be there."""
        keys = {self.key_of(cell) for cell in cells if isinstance(cell, str)} - {None}
        wanted = {one.key for one in self.columns if one.required} | {key for group in self.one_of for key in group}
        return len(keys) if len(keys) > 1 or (keys & wanted and sum(cell is not None for cell in cells) == 1) else 0


def normal(name: object, *, whole: bool = False) -> str:
    """A column's name without what forms add to it: spaces, line breaks, stars; unless `whole`, remarks in brackets."""
    text = unicodedata.normalize("NFKC", str(name or ""))
    text = re.sub(r"[()\[\]【】]" if whole else r"[(\[【].*?[)\]】]", "", text)
    return re.sub(r"[\s*:：。、_\ufeff\u200b-]", "", text).lower()


@dataclass(frozen=True, slots=True)
class Header:
    """Which cell is which column, by what name, and which are of no use here."""

    places: Mapping[str, int]
    names: Mapping[str, str]
    ignored: tuple[str, ...]
    width: int


def read_header(kind: Kind, line: int, cells: list[Value]) -> Header:
    """Raises FileFlawError for a column that is missing or there twice."""
    places: dict[str, int] = {}
    names: dict[str, str] = {}
    ignored: list[str] = []
    for place, cell in enumerate(cells):
        name = " ".join(str(cell).split()) if cell is not None else ""
        if not name:
            continue
        key = kind.key_of(cell)
        if key is None:
            ignored.append(name)
        elif key in places:
            raise FileFlawError(
                f"有两列都是“{kind.column(key).name}”（“{names[key]}”和“{name}”）",
                "请只留一列，或改掉其中一个列名",
                line,
                name,
            )
        else:
            places[key], names[key] = place, name
    missing = [one.name for one in kind.columns if one.required and one.key not in places]
    missing += [
        "或".join(kind.column(key).name for key in group) for group in kind.one_of if not set(group) & places.keys()
    ]
    if missing:
        told = "、".join(f"“{name}”" for name in missing)
        raise FileFlawError(
            f"缺少必需的列：{told}",
            "请加上这些列，或下载空白模板；若表头占两行，请合并成一行",
            line,
            value="、".join(ignored[:6]),
        )
    return Header(places, names, tuple(ignored), len(cells))


def _contact_columns() -> tuple[Column, ...]:
    columns: list[Column] = []
    for number, chinese in zip(range(1, CONTACTS + 1), "一二三四五", strict=True):
        marks = [str(number), chinese] + ([""] if number == 1 else [])
        starts = [f"{word}{mark}" for word in ("紧急联系人", "联系人", "监护人", "家属") for mark in marks]
        starts += [f"第{chinese}联系人", f"第{chinese}紧急联系人"]

        def named(*ends: str, starts: list[str] = starts) -> tuple[str, ...]:
            return tuple(f"{start}{end}" for start in starts for end in ends)

        relation = ("与老人关系", "关系", "与本人关系") if number == 1 else ()
        phone = ("紧急联系电话", "紧急电话", "应急电话") if number == 1 else ()
        example = ("陈某丽（虚构）", "女儿", "023-0000-0012") if number == 1 else ("", "", "")
        columns += [
            Column(f"contact{number}_name", f"紧急联系人{number}", named("", "姓名"), example=example[0]),
            Column(
                f"contact{number}_relation",
                f"紧急联系人{number}关系",
                named("关系", "与老人关系") + relation,
                example=example[1],
            ),
            Column(
                f"contact{number}_phone",
                f"紧急联系人{number}电话",
                named("电话", "联系电话", "手机", "手机号", "电话号码") + phone,
                example=example[2],
                text=True,
            ),
        ]
    return tuple(columns)


_NAME = Column("name", "姓名", ("老人姓名", "老年人姓名", "姓 名", "名字"), required=True, example="陈某（虚构）")
_IDENTITY_WORDS = (
    "身份证号",
    "身份证",
    "身份证号码",
    "公民身份号码",
    "公民身份证号码",
    "证件号码",
    "证件号",
    "身份证件号码",
    "老人身份证号",
)
_PLACE_WORDS = (
    "所属村社区",
    "社区",
    "村社区",
    "社区村",
    "所在社区",
    "所属机构",
    "所属站点",
    "服务站",
    "所属服务站",
    "机构",
    "管辖社区",
)
_STREET = Column(
    "street", "所属街道", ("街道", "乡镇", "街道乡镇", "乡镇街道", "所在街道", "所属乡镇", "镇街"), example="龙岗街道"
)


def _identity(example: str = "", name: str = "身份证号") -> Column:
    return Column("identity", name, _IDENTITY_WORDS, example=example, text=True)


_BORN = Column("birth_date", "出生日期", ("出生年月日", "生日", "出生年月", "出生时间"), example="1950-03-05")

ELDERS = Kind(
    "elders",
    "老人",
    (
        _NAME,
        _identity(),
        Column("gender", "性别", example="女"),
        _BORN,
        Column(
            "phone",
            "联系电话",
            ("电话", "手机", "手机号", "手机号码", "本人电话", "电话号码", "联系方式", "老人电话"),
            example="023-0000-0011",
            text=True,
        ),
        Column(
            "address",
            "住址",
            ("家庭住址", "居住地址", "现住址", "详细地址", "地址", "居住地", "家庭地址", "实际居住地址"),
            example="北禅社区安和路1号1幢101室（虚构）",
        ),
        Column("organization", "所属社区", _PLACE_WORDS, required=True, example="北禅社区"),
        _STREET,
        Column(
            "ability_level",
            "能力等级",
            ("老年人能力等级", "能力评估等级", "失能等级", "自理能力", "评估等级", "能力评估结果"),
            example="轻度失能",
        ),
        Column("assessed_on", "评估日期", ("能力评估日期", "评估时间"), example="2026-09-01"),
        Column("assessor", "评估人", ("评估员", "评估机构"), example="某评估机构（虚构）"),
        Column("long_term_care_grade", "长护险等级", ("长期护理等级", "长护等级", "长期护理失能等级"), example="1"),
        Column(
            "care_categories",
            "护理类别",
            ("人员类别", "老人类别", "类别", "保障类别", "对象类别", "困难类型", "人群类别"),
            example="低保、高龄",
        ),
        Column("living_situation", "居住情况", ("居住状况", "居住方式", "居住类型", "家庭状况"), example="独居"),
        Column("conditions", "疾病", ("病史", "既往病史", "基础疾病", "慢性病", "患病情况"), example="高血压、冠心病"),
        Column("medicines", "用药", ("长期用药", "服药情况", "常用药"), example="氨氯地平"),
        Column("allergies", "过敏", ("过敏史", "药物过敏", "过敏情况"), example="青霉素"),
        Column("health_notes", "健康备注", ("健康状况", "健康情况", "身体状况")),
        Column("entry_notes", "入户说明", ("入户备注", "钥匙存放", "开门说明"), example="钥匙在社区站钥匙柜"),
        Column("doctor_name", "家庭医生", ("签约医生", "家庭医生姓名"), example="王某（虚构）"),
        Column("doctor_phone", "家庭医生电话", ("签约医生电话", "医生电话"), example="023-0000-0013", text=True),
        Column("lon", "经度", ("lng", "东经")),
        Column("lat", "纬度", ("北纬",)),
        Column("datum", "坐标系", ("坐标类型",), example="WGS84"),
        *_contact_columns(),
    ),
    one_of=(("identity", "birth_date"),),
)

_WHOSE = (
    Column("elder_identity", "老人身份证号", _IDENTITY_WORDS, text=True),
    Column("elder_name", "老人姓名", ("老年人姓名", "使用人", "使用老人", "佩戴人", "姓名"), example="陈某（虚构）"),
    Column("elder_birth_date", "老人出生日期", ("出生日期", "出生年月日"), example="1950-03-05"),
    Column("organization", "所属社区", _PLACE_WORDS, example="北禅社区"),
    _STREET,
)

CONTACTS_KIND = Kind(
    "contacts",
    "联系人",
    (
        *_WHOSE,
        Column(
            "name",
            "联系人姓名",
            ("联系人", "紧急联系人", "紧急联系人姓名", "家属姓名"),
            required=True,
            example="陈某丽（虚构）",
        ),
        Column("relation", "与老人关系", ("关系", "联系人关系"), example="女儿"),
        Column(
            "phone",
            "联系人电话",
            ("联系电话", "电话", "手机", "手机号", "紧急联系电话"),
            required=True,
            example="023-0000-0012",
            text=True,
        ),
        Column("position", "顺序", ("联系顺序", "次序", "优先级"), example="1"),
    ),
    one_of=(("elder_identity", "elder_name"),),
)

DEVICES = Kind(
    "devices",
    "设备",
    (
        Column(
            "device_id",
            "设备编号",
            ("设备号", "设备id", "编号", "终端编号"),
            required=True,
            example="wb-0100",
            text=True,
        ),
        Column("kind", "设备类型", ("类型", "设备种类", "设备名称"), required=True, example="手环"),
        Column("model", "型号", ("设备型号", "规格型号")),
        *_WHOSE,
        Column("source", "来源", ("接入来源", "网络")),
        Column("hardware_id", "硬件编号", ("imei", "eui", "硬件号", "序列号", "mac"), text=True),
    ),
    one_of=(("organization", "elder_identity", "elder_name"),),
)

ACCOUNTS = Kind(
    "accounts",
    "人员",
    (
        Column("name", "姓名", ("人员姓名", "工作人员", "姓 名"), required=True, example="王某（虚构）"),
        Column(
            "username", "登录名", ("用户名", "账号", "登录账号", "帐号"), required=True, example="beichan-9", text=True
        ),
        Column("role", "角色", ("岗位", "身份", "权限", "职务"), required=True, example="值班员"),
        Column(
            "organization", "所属机构", (*_PLACE_WORDS, "所属社区", "单位", "工作单位", "所在机构"), example="北禅社区"
        ),
        _STREET,
        Column("elder_identity", "照护老人身份证号", ("老人身份证号", "照护对象身份证号", *_IDENTITY_WORDS), text=True),
        Column("password", "初始密码", ("密码", "登录密码"), text=True),
    ),
)

ORGANIZATIONS = Kind(
    "organizations",
    "机构",
    (
        Column(
            "name",
            "机构名称",
            ("名称", "站点名称", "单位名称", "机构"),
            required=True,
            example="安和苑小区养老服务点（虚构）",
        ),
        Column("tier", "机构类型", ("类型", "层级", "级别", "机构级别", "机构层级"), required=True, example="服务点"),
        Column(
            "parent",
            "上级机构",
            ("上级", "上级单位", "主管机构", "所属机构", "隶属机构"),
            required=True,
            example="北禅社区",
        ),
        Column(
            "division_code",
            "区划代码",
            ("行政区划代码", "区域代码", "代码", "统计用区划代码"),
            text=True,
            example="500111001003",
        ),
        Column("address", "地址", ("机构地址", "详细地址", "住址")),
        Column("phone", "电话", ("联系电话", "机构电话", "值班电话"), text=True, example="023-0001-0009"),
    ),
)

RESPONDERS = Kind(
    "responders",
    "响应者",
    (
        Column("name", "姓名", ("响应者", "响应者姓名", "人员姓名", "姓 名"), required=True, example="冉某（虚构）"),
        Column("kind", "类别", ("人员类别", "响应者类别", "身份", "类型", "岗位"), required=True, example="网格员"),
        Column(
            "phone",
            "联系电话",
            ("电话", "手机", "手机号", "手机号码", "电话号码", "联系方式"),
            required=True,
            example="023-0002-0001",
            text=True,
        ),
        Column(
            "organization",
            "所属机构",
            (*_PLACE_WORDS, "所属社区", "单位", "工作单位", "所在机构"),
            required=True,
            example="北禅社区",
        ),
        _STREET,
        Column("skills", "技能", ("特长", "专长", "能力", "持有证书"), example="急救、有钥匙"),
        Column(
            "hours",
            "值守时间",
            ("可出动时间", "可服务时间", "服务时间", "值班时间", "在岗时间"),
            example="周一至周五 08:00-20:00",
        ),
        Column("lon", "经度", ("lng", "东经")),
        Column("lat", "纬度", ("北纬",)),
        Column("datum", "坐标系", ("坐标类型",), example="WGS84"),
    ),
)

KINDS = {kind.key: kind for kind in (ORGANIZATIONS, ELDERS, CONTACTS_KIND, DEVICES, ACCOUNTS, RESPONDERS)}
