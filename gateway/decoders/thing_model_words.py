"""What the makers of elder-care devices call what they measure and report in a thing model (物模型). Data alone.

An identifier is compared in lower case and without separators: `HeartRate`, `heart_rate` and `heartRate` are one.
Sources: the makers' standard functions (Alibaba Cloud 标准功能, Tuya standard status sets) and the published messages
in tests/data/captures of alink, iotda, onenet, ctwing and tuya.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alarm:
    """An identifier that says that something happened. `yes` and `no` are words of its own: they go before `YES` and
    `NO`, so that one maker's 2 may be "over" where it is nothing to the others."""

    type: str
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """An identifier that is one of two things: each is an event, and the first is the measurement `measure`."""

    on: str
    off: str
    measure: str | None = None
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()


Meaning = Alarm | State
#: Identifier → what it means, of one maker alone.
Meanings = Mapping[str, Meaning]


def canonical(identifier: str) -> str:
    """As the tables below have it."""
    return re.sub(r"[\W_]+", "", identifier).lower()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


YES = _words("true on yes 1 alarm alarming alarmed triggered detected 报警 告警 是 有")
NO = _words("false off no 0 normal none 正常 否 无")

#: What MEASURED has, by what it is called. `temperature` alone is the room's; rssi and rsrp come without their sign.
_MEASURED_AS = {
    "heart_rate": "heartrate heartratevalue hr pulse pulserate 心率",
    "spo2": "spo2 bloodoxygen bloodoxygenvalue bloodoxygensaturation oxygensaturation 血氧",
    "body_temperature": "bodytemp bodytemperature 体温",
    "respiratory_rate": "respiratoryrate respirationrate breathrate breathingrate breathfrequency 呼吸率",
    "systolic": "systolic sbp systolicpressure systolicbloodpressure 收缩压",
    "diastolic": "diastolic dbp diastolicpressure diastolicbloodpressure 舒张压",
    "steps": "steps step stepcount stepnumber 步数",
    "battery": "battery batterylevel batterypercentage batterypercent residualelectricity remainingpower 电量",
}
MEASURES = {word: name for name, text in _MEASURED_AS.items() for word in text.split()}
#: A device that could not measure says 0, and no living person has it.
NEVER_ZERO = frozenset({"heart_rate", "spo2", "body_temperature", "respiratory_rate", "systolic", "diastolic"})

_FALL = Alarm("fall", yes=_words("fall fallen falldown drop slip 跌倒"))
_ALARMS = {
    Alarm("sos", yes=_words("sos press pressed")): (
        "sos sosalarm sosstate sosstatus soscall soskey sosbutton sosevent emergency emergencycall emergencyalarm"
        " emergencyhelp panic panicalarm help helpalarm callforhelp 紧急呼叫 一键呼叫 求救"
    ),
    _FALL: "fall fallalarm fallstate fallstatus fallevent falldetect falldetected falldetection falldown"
    " falldownalarm falldownstatus dropstate 跌倒 跌倒报警",
    Alarm("smoke", yes=_words("smoke")): (
        "smoke smokealarm smokestate smokestatus smokedetected smokesensorstate smokesensorstatus 烟雾报警"
    ),
    Alarm("gas", yes=_words("gas")): (
        "gas gasalarm gasleak gasstate gasstatus gassensorstate gassensorstatus coalarm costate costatus 燃气报警"
    ),
    Alarm("water_leak"): (
        "waterleak waterleakage waterleakalarm waterimmersion watersensorstate watersensorstatus waterstate flood 水浸"
    ),
    Alarm("tamper"): "tamper tamperalarm tamperstate temperalarm 防拆报警",  # Tuya writes temper_alarm
    Alarm("low_battery", yes=_words("low"), no=_words("middle high")): (
        "lowbattery lowbatteryalarm batterylow batterystate lowpower lowpoweralarm 低电量"
    ),
    Alarm("worn_off"): "takeoff takeoffalarm wearoff notwear 脱落报警",
    Alarm("bed_out"): "leavebed leavebedalarm outofbed bedout 离床",
}
_STATES = {
    # 在线 and 离线 are "online" and "offline"; a watch that is offline could not say so: it speaks of the wrist.
    State("worn_on", "worn_off", "worn", yes=_words("在线 佩戴 已佩戴"), no=_words("离线 未佩戴 脱落")): (
        "wear worn wearing iswear iswearing wearstate wearstatus 佩戴状态"
    ),
    State("bed_in", "bed_out", "in_bed", yes=_words("在床"), no=_words("离床")): "inbed onbed isinbed 在床",
    State("door_open", "door_closed", yes=_words("open"), no=_words("closed close")): "doorcontactstate",
}
MEANINGS: Meanings = {
    word: meaning for table in (_ALARMS, _STATES) for meaning, text in table.items() for word in text.split()
}

#: Identifiers whose value names the alarm: {"alarmType": "sos"}.
NAMES_ALARM = _words(
    "alarm alarmtype alarmstatus alarmstate alarmevent alarmcode alarmname warning warningtype 告警类型"
)
#: Structures that are read through; in any other, `heartRate` may be a threshold.
GROUPS = _words("bloodpressure bp vitals vitalsigns health healthdata 血压")
PLACES = _words("geolocation location position gps gpslocation 位置 定位")
#: `log` for the longitude is in OneNET's own SDK.
PLACED = {
    "lat": "lat", "latitude": "lat", "纬度": "lat",
    "lon": "lon", "lng": "lon", "log": "lon", "longitude": "lon", "经度": "lon",
    "accuracy": "accuracy", "coordinatesystem": "datum", "datum": "datum",
}  # fmt: skip
#: GeoLocation of Alibaba Cloud: 1 is WGS_84, 2 is GCJ_02 (help.aliyun.com document 108675).
DATUMS = {"1": "wgs84", "wgs84": "wgs84", "2": "gcj02", "gcj02": "gcj02"}

#: Where an identifier has one of these, it may be an alarm that we do not know …
_ALARMING = re.compile("sos|alarm|emerg|panic|helpcall|fall|smoke|fire|leak|求救|报警|告警|跌倒|紧急|烟雾|燃气")
#: … unless it is how one is set.
_SETTING = re.compile(
    "sens|switch|enable|volume|ring|clock|phone|number|contact|limit|thres|time|interval|level|count|value|version"
)


def is_alarming(identifier: str) -> bool:
    name = canonical(identifier)
    return _ALARMING.search(name) is not None and _SETTING.search(name) is None
