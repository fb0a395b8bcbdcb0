"""The words of civil-affairs offices for what the records keep, and how they are known again. Pure."""

import difflib
from collections.abc import Iterable, Mapping

GENDERS = {"男": "male", "男性": "male", "m": "male", "女": "female", "女性": "female", "f": "female"}

#: GB/T 42195-2022, with what older standards and forms call the same.
ABILITY_LEVELS = {
    "能力完好": "intact",
    "完好": "intact",
    "自理": "intact",
    "能自理": "intact",
    "能力轻度受损": "mild",
    "轻度受损": "mild",
    "轻度失能": "mild",
    "轻度": "mild",
    "能力中度受损": "moderate",
    "中度受损": "moderate",
    "中度失能": "moderate",
    "中度": "moderate",
    "能力重度受损": "severe",
    "重度受损": "severe",
    "重度失能": "severe",
    "重度": "severe",
    "能力完全丧失": "total",
    "完全丧失": "total",
    "完全失能": "total",
}
ABILITY_WORDS = {
    "intact": "能力完好",
    "mild": "轻度失能",
    "moderate": "中度失能",
    "severe": "重度失能",
    "total": "完全失能",
}
GENDER_WORDS = {"male": "男", "female": "女"}

#: 长期护理失能等级评估标准（试行）.
LONG_TERM_CARE = {
    "0": 0,
    "0级": 0,
    "基本正常": 0,
    "1": 1,
    "1级": 1,
    "轻度失能": 1,
    "2": 2,
    "2级": 2,
    "中度失能": 2,
    "3": 3,
    "3级": 3,
    "重度失能i级": 3,
    "重度失能ⅰ级": 3,
    "4": 4,
    "4级": 4,
    "重度失能ii级": 4,
    "重度失能ⅱ级": 4,
    "5": 5,
    "5级": 5,
    "重度失能iii级": 5,
    "重度失能ⅲ级": 5,
}

LIVING_SITUATIONS = {
    one: one
    for one in (
        "独居",
        "空巢",
        "留守",
        "与配偶同住",
        "与子女同住",
        "与其他亲属同住",
        "与保姆同住",
        "集体居住",
        "机构养老",
    )
} | {
    "独自居住": "独居",
    "一人居住": "独居",
    "单独居住": "独居",
    "空巢老人": "空巢",
    "夫妻同住": "与配偶同住",
    "与老伴同住": "与配偶同住",
    "与配偶居住": "与配偶同住",
    "与子女居住": "与子女同住",
    "与儿女同住": "与子女同住",
    "同子女居住": "与子女同住",
    "养老机构": "机构养老",
    "住养老院": "机构养老",
    "与亲属同住": "与其他亲属同住",
    "留守老人": "留守",
    "独居老人": "独居",
}

#: What other forms call a category of the controlled list.
CATEGORY_SYNONYMS = {
    "特困人员": "特困",
    "特困供养": "特困",
    "五保": "特困",
    "五保户": "特困",
    "三无": "特困",
    "低保户": "低保",
    "最低生活保障": "低保",
    "低保对象": "低保",
    "低收入": "低保边缘",
    "低保边缘户": "低保边缘",
    "残疾人": "残疾",
    "失独": "计划生育特殊家庭",
    "计生特殊家庭": "计划生育特殊家庭",
    "计划生育特殊困难家庭": "计划生育特殊家庭",
    "优抚": "优抚对象",
    "重点优抚": "优抚对象",
    "高龄老人": "高龄",
    "独居老人": "独居",
    "空巢老人": "空巢",
    "留守老人": "留守",
    "失智": "认知障碍",
    "认知症": "认知障碍",
    "痴呆": "认知障碍",
}
#: A cell that says there is none.
NO_CATEGORY = frozenset({"无", "普通", "一般", "一般老人", "普通老人", "其他", "不属于"})

TIERS = {
    "市": "city",
    "市级": "city",
    "区县": "district",
    "区": "district",
    "县": "district",
    "区县级": "district",
    "街道": "street",
    "乡镇": "street",
    "镇": "street",
    "乡": "street",
    "街镇": "street",
    "街道养老服务中心": "street",
    "社区": "community",
    "村": "community",
    "社区养老服务站": "community",
    "站": "community",
    "服务站": "community",
    "服务点": "point",
    "点": "point",
    "小区养老服务点": "point",
    "互助养老点": "point",
    "村级互助养老点": "point",
    "养老院": "care_home",
    "养老机构": "care_home",
    "敬老院": "care_home",
    "福利院": "care_home",
    **{tier: tier for tier in ("city", "district", "street", "community", "point", "care_home")},
}
TIER_WORDS = {
    "city": "市级",
    "district": "区县",
    "street": "街道",
    "community": "社区",
    "point": "服务点",
    "care_home": "养老机构",
}

DEVICE_KINDS = {
    "手环": "wristband",
    "智能手环": "wristband",
    "安全防护手环": "wristband",
    "腕表": "wristband",
    "手表": "wristband",
    "跌倒报警器": "fall_detector",
    "跌倒探测器": "fall_detector",
    "跌倒雷达": "fall_detector",
    "紧急呼叫器": "emergency_button",
    "紧急按钮": "emergency_button",
    "一键呼叫": "emergency_button",
    "呼叫器": "emergency_button",
    "拉绳": "pull_cord",
    "拉绳报警器": "pull_cord",
    "床垫": "bed_sensor",
    "智能床垫": "bed_sensor",
    "床带": "bed_sensor",
    "烟感": "smoke_detector",
    "烟雾报警器": "smoke_detector",
    "烟雾探测器": "smoke_detector",
    "燃气报警器": "gas_detector",
    "可燃气体探测器": "gas_detector",
    "水浸": "water_detector",
    "水浸传感器": "water_detector",
    "漏水报警器": "water_detector",
    "门磁": "door_sensor",
    "门磁传感器": "door_sensor",
    "血压计": "blood_pressure_monitor",
    "定位器": "tracker",
}

ROLES = {
    "管理员": "administrator",
    "系统管理员": "administrator",
    "值班员": "operator",
    "坐席": "operator",
    "接线员": "operator",
    "监管人员": "supervisor",
    "督导员": "supervisor",
    "审计员": "auditor",
    "照护者": "caregiver",
    "家属": "caregiver",
    "监护人": "caregiver",
    "护理员": "caregiver",
    **{role: role for role in ("administrator", "operator", "supervisor", "auditor", "caregiver")},
}
ROLE_WORDS = {
    "administrator": "管理员",
    "operator": "值班员",
    "caregiver": "照护者",
    "supervisor": "监管人员",
    "responder": "响应者",
    "auditor": "审计员",
}


RESPONDER_KINDS = {
    "网格员": "grid_worker",
    "社区网格员": "grid_worker",
    "网格长": "grid_worker",
    "村医": "village_doctor",
    "乡村医生": "village_doctor",
    "社区医生": "village_doctor",
    "志愿者": "volunteer",
    "社区志愿者": "volunteer",
    "志愿服务者": "volunteer",
    "邻居": "neighbour",
    "邻里": "neighbour",
    "社工": "social_worker",
    "社会工作者": "social_worker",
    "党员": "party_member",
    "党员志愿者": "party_member",
    "低龄健康老人": "young_elder",
    "低龄健康老年人": "young_elder",
    "低龄老人": "young_elder",
    "机构工作人员": "station_staff",
    "站点工作人员": "station_staff",
    "服务站工作人员": "station_staff",
    "工作人员": "station_staff",
    "其他": "other",
    "其它": "other",
}
RESPONDER_WORDS = {
    "grid_worker": "网格员",
    "village_doctor": "村医",
    "volunteer": "志愿者",
    "neighbour": "邻居",
    "social_worker": "社工",
    "party_member": "党员",
    "young_elder": "低龄健康老人",
    "station_staff": "机构工作人员",
    "other": "其他",
}


def known(word: str, words: Mapping[str, str] | Mapping[str, int]) -> str | int | None:
    """What a word means, whatever spaces and case it is written in."""
    key = word.replace(" ", "").lower()
    return words.get(key, words.get(key.removesuffix("老人")))


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one that was probably meant."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return found[0] if found else None
