"""The numbers of a reading that rules look at, as the contract has them: their names for operators, their units and
physical ranges. Pure."""

from typing import Final, NamedTuple


class Field(NamedTuple):
    """`name` and `unit` as operators read them; `lowest` and `highest` are the contract's physical range, inclusive."""

    name: str
    unit: str
    lowest: float
    highest: float


#: What is measured on the body: counts for nothing while the device is not worn.
VITALS: Final = {
    "heart_rate": Field("心率", "次/分", 20, 300),
    "spo2": Field("血氧", "%", 30, 100),
    "body_temperature": Field("体温", "℃", 25, 45),
    "respiratory_rate": Field("呼吸", "次/分", 2, 80),
    "systolic": Field("收缩压", "mmHg", 30, 300),
    "diastolic": Field("舒张压", "mmHg", 20, 200),
}
FIELDS: Final = VITALS | {
    "steps": Field("步数", "步", 0, 200_000),
    "battery": Field("电量", "%", 0, 100),
    "rssi": Field("信号", "dBm", -150, 0),
}

#: Digits after the point that values and limits are compared with: finer than any device measures, and coarse enough
#: that 36.1, stored in four bytes as 36.0999985, is 36.1 again. Rounding keeps order, so that what is not beyond a
#: limit as the device sent it is not beyond it here either.
DIGITS: Final = 3
