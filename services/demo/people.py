"""Invented people and their devices, the same each time: nobody here exists, and every note says so.

Telephone numbers are in 023-0000 to 023-0002: no number in a Chinese town begins with 0, so a tap on one
reaches nobody.
"""

import random
from dataclasses import dataclass
from datetime import date

FICTION = "演示数据，纯属虚构"


@dataclass(frozen=True)
class Organization:
    """`key` and `parent` are names within this file; `lat` and `lon` are where it is, and its elders live, WGS 84."""

    key: str
    parent: str | None
    tier: str
    name: str
    division_code: str
    address: str
    lat: float = 29.704
    lon: float = 105.716


# Division codes: National Bureau of Statistics, 2023. The institutions and their addresses are invented.
ORGANIZATIONS = (
    Organization("city", None, "city", "重庆市养老服务应急救援中心", "500000", "重庆市（虚构地址）", 29.5630, 106.5516),
    Organization("district", "city", "district", "大足区养老服务应急救援中心", "500111", "重庆市大足区（虚构地址）"),
    Organization(
        "street",
        "district",
        "street",
        "龙岗街道养老服务中心",
        "500111001",
        "重庆市大足区龙岗街道（虚构地址）",
    ),
    Organization(
        "beichan",
        "street",
        "community",
        "北禅社区养老服务站",
        "500111001003",
        "重庆市大足区龙岗街道北禅社区安和路1号",
        29.7080,
        105.7135,
    ),
    Organization(
        "xichan",
        "street",
        "community",
        "西禅社区养老服务站",
        "500111001005",
        "重庆市大足区龙岗街道西禅社区康宁路9号",
        29.7015,
        105.7060,
    ),
    Organization(
        "anheyuan",
        "beichan",
        "point",
        "安和苑小区养老服务点",
        "500111001003",
        "重庆市大足区龙岗街道北禅社区安和苑1幢底楼",
        29.7092,
        105.7151,
    ),
)
FIRST_STATION = "beichan"


@dataclass(frozen=True)
class Account:
    username: str
    name: str
    role: str
    organization: str


ACCOUNTS = (
    Account("beichan-1", "陈静", "operator", "beichan"),
    Account("beichan-2", "黄志勇", "operator", "beichan"),
    Account("xichan-1", "罗小燕", "operator", "xichan"),
    Account("anheyuan-1", "唐敏", "operator", "anheyuan"),
    Account("street-1", "周建军", "operator", "street"),
    Account("district-1", "吴海燕", "operator", "district"),
    Account("city-1", "何伟", "operator", "city"),
    Account("admin", "系统管理员", "administrator", "city"),
    # Cares for the first elder, and reaches no organisation.
    Account("caregiver-1", "张晓兰", "caregiver", "beichan"),
)


@dataclass(frozen=True)
class Responder:
    """One of table `responders`, in its terms; `lat` and `lon` are of their home."""

    username: str
    name: str
    organization: str
    kind: str
    skills: tuple[str, ...]
    lat: float
    lon: float
    #: (weekdays, from, to); none: always
    hours: tuple[tuple[tuple[int, ...], str, str], ...] = ()


_WEEK = (1, 2, 3, 4, 5, 6, 7)
RESPONDERS = (
    Responder("near-1", "冉红梅", "beichan", "grid_worker", ("有钥匙", "会开车"), 29.7086, 105.7142),
    Responder("near-2", "谭志强", "beichan", "village_doctor", ("急救",), 29.7069, 105.7121),
    Responder("near-3", "龙建国", "beichan", "neighbour", (), 29.7091, 105.7128, ((_WEEK, "07:00", "22:00"),)),
    Responder("near-4", "覃丽", "beichan", "volunteer", ("急救", "会手语"), 29.7102, 105.7155),
    Responder("near-5", "向勇", "anheyuan", "young_elder", ("有钥匙",), 29.7093, 105.7149),
    Responder("near-6", "秦红梅", "xichan", "social_worker", ("会开车",), 29.7021, 105.7066),
    Responder("near-7", "邓建国", "xichan", "party_member", ("急救", "会开车"), 29.7008, 105.7052),
    Responder("near-8", "蒋丽", "xichan", "neighbour", (), 29.7018, 105.7071, ((_WEEK, "08:00", "20:00"),)),
)


@dataclass(frozen=True)
class Contact:
    name: str
    relation: str
    phone: str


@dataclass(frozen=True)
class Elder:
    """One elder of table `elders`, in its terms, with contacts and the kinds of devices at home."""

    organization: str
    name: str
    gender: str
    birth_date: date
    phone: str
    address: str
    lat: float
    lon: float
    ability_level: str
    living_situation: str
    care_categories: tuple[str, ...]
    health_notes: str
    entry_notes: str
    contacts: tuple[Contact, ...]
    device_kinds: tuple[str, ...]


SURNAMES = "张王李刘陈杨黄周吴唐罗何邓蒋冉谭龙覃向秦"
GIVEN_NAMES = {
    "female": (
        "桂兰",
        "秀英",
        "素珍",
        "淑芬",
        "玉华",
        "光碧",
        "世琼",
        "朝秀",
        "德芳",
        "永珍",
        "兴惠",
        "明淑",
    ),
    "male": ("德明", "国华", "永福", "光荣", "世全", "朝贵", "兴财", "明义", "安邦", "正清", "学文", "维忠"),
}
# Where an organisation's elders live. The second station's second street is on a hill with stairs.
STREETS = {
    "beichan": ("北禅社区安和路", "北禅社区松柏巷"),
    "xichan": ("西禅社区康宁路", "西禅社区石梯巷"),
    "anheyuan": ("北禅社区安和苑", "北禅社区安和苑"),
}
ILLNESSES = (
    "高血压",
    "2 型糖尿病",
    "冠心病，随身带硝酸甘油",
    "慢性阻塞性肺病，家中有制氧机",
    "骨质疏松，去年髋部骨折",
    "脑梗后遗症，右侧肢体无力",
    "白内障术后，视力差",
    "双耳重听，说话要大声",
    "无特殊病史",
)
ABILITIES = ("intact", "mild", "moderate", "severe", "total")
ABILITY_WEIGHTS = (45, 28, 14, 8, 5)
RELATIONS = ("女儿", "儿子", "侄女", "邻居", "网格员")
ENTRY_NOTES = (
    "钥匙在社区站钥匙柜",
    "敲门要久一点，听力不好",
    "电梯到 4 楼后左转",
    "家里有狗，会叫，不咬人",
    "楼道灯坏，带手电",
)


def elders(count: int) -> list[Elder]:
    """The first `count` elders; a larger count begins with the same ones."""
    return [_elder(number) for number in range(1, count + 1)]


def _elder(number: int) -> Elder:
    draw = random.Random(number)  # noqa: S311 - the same people each time
    first = number == 1
    # Of ten: five at the first station, one at the point below it, four at its neighbour.
    organization = "anheyuan" if number % 10 == 5 else FIRST_STATION if number % 2 else "xichan"
    home = next(place for place in ORGANIZATIONS if place.key == organization)
    gender = "female" if first or draw.random() < 0.56 else "male"
    name = "张桂兰" if first else draw.choice(SURNAMES) + draw.choice(GIVEN_NAMES[gender])
    age = 78 if first else draw.randint(66, 94)
    ability = "mild" if first else draw.choices(ABILITIES, ABILITY_WEIGHTS)[0]
    alone = first or draw.random() < 0.4
    living = "独居" if alone else draw.choice(("与配偶同住", "与子女同住"))
    categories = _categories(draw, age, ability, alone)
    street = draw.choice(STREETS[organization])
    house, building, floor = draw.randint(2, 60), draw.randint(1, 6), draw.randint(1, 8)
    return Elder(
        organization=organization,
        name=name,
        gender=gender,
        birth_date=date(2026 - age, draw.randint(1, 12), draw.randint(1, 28)),
        phone=_phone(number, 0),
        address=f"重庆市大足区龙岗街道{street}{house}号{building}幢{floor}楼{floor}0{draw.randint(1, 4)}室",
        lat=round(home.lat + draw.uniform(-0.003, 0.003), 5),
        lon=round(home.lon + draw.uniform(-0.003, 0.003), 5),
        ability_level=ability,
        living_situation=living,
        care_categories=categories,
        health_notes=f"{'；'.join(draw.sample(ILLNESSES, 1 if ability == 'intact' else 2))}。（{FICTION}）",
        entry_notes=f"{draw.choice(ENTRY_NOTES)}。（{FICTION}）",
        contacts=_contacts(draw, number, name[0]),
        device_kinds=("wristband",) if first else _device_kinds(number, ability, alone, "认知障碍" in categories),
    )


def _categories(draw: random.Random, age: int, ability: str, alone: bool) -> tuple[str, ...]:
    chosen = {
        "特困": draw.random() < 0.1,
        "低保": draw.random() < 0.15,
        "失能": ability in ("moderate", "severe", "total"),
        "独居": alone,
        "空巢": not alone and draw.random() < 0.3,
        "高龄": age >= 80,
        "认知障碍": ability != "intact" and draw.random() < 0.2,
    }
    return tuple(category for category, applies in chosen.items() if applies)


def _contacts(draw: random.Random, number: int, surname: str) -> tuple[Contact, ...]:
    return tuple(
        Contact(
            (surname if relation in ("女儿", "儿子", "侄女") else draw.choice(SURNAMES))
            + draw.choice(("晓兰", "建国", "丽", "勇", "红梅", "志强")),
            relation,
            _phone(number, place),
        )
        for place, relation in enumerate(draw.sample(RELATIONS, 2), start=1)
    )


def _device_kinds(number: int, ability: str, alone: bool, wanders: bool) -> tuple[str, ...]:
    has = {
        "wristband": True,
        "fall_detector": ability in ("mild", "moderate") or number % 5 == 0,
        "emergency_button": alone or number % 4 == 0,
        "bed_sensor": ability in ("severe", "total"),
        "smoke_detector": number % 3 == 0,
        "gas_detector": number % 4 == 2,
        "water_detector": number % 7 == 3,
        "door_sensor": wanders,
    }
    return tuple(kind for kind, there in has.items() if there)


def station_phone(key: str) -> str:
    """An organisation's number, of the same invented town."""
    return f"023-0001-{[one.key for one in ORGANIZATIONS].index(key):04d}"


def responder_phone(username: str) -> str:
    """As of the stations, so that a tap on one reaches nobody."""
    return f"023-0002-{[one.username for one in RESPONDERS].index(username) + 1:04d}"


def _phone(number: int, place: int) -> str:
    """`place`: 0 is the elder's own, 1 and 2 the contacts'."""
    return f"023-0000-{(number - 1) * 3 + place + 1:04d}"
