"""The rules that Anhu comes with. Each number is a default that an organisation can change, none is medical advice, and
each rule carries its source. Pure."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.rules.model import (
    Direction,
    Limit,
    Mode,
    OwnLimit,
    Rule,
    Scope,
    Score,
    SeverityWhen,
)

_MINUTE: Final = timedelta(minutes=1)
#: Watches take the pulse every 5 to 30 minutes unless they are told to do it more often: two values half an hour apart,
#: with nothing normal between them, are one stretch.
_GAP: Final = 30 * _MINUTE
#: From a pressure taken in the evening to that of the next morning.
_TILL_TOMORROW: Final = 16 * 60 * _MINUTE
#: Who is severely or totally dependent (GB/T 42195-2022) can hardly press, call or say how they feel: no press will
#: confirm what is measured.
_DEPENDENT: Final = Scope(ability_levels=frozenset({"severe", "total"}))

_NEWS2: Final = "Royal College of Physicians, NEWS2 (2017)"
_AHA: Final = "American Heart Association, Adult Tachycardia With a Pulse Algorithm (eccguidelines.heart.org)"
_BTS: Final = "British Thoracic Society, Guideline for oxygen use in adults (2017)"
_TARGET: Final = "British Thoracic Society (2017): 88–92 % is the target in hypercapnic respiratory failure"
_OXIMETER: Final = "own limit: a person's median less 4 %, up to which ISO 80601-2-61 (2017) passes an oximeter's error"
_GRADE_3: Final = "中国高血压防治指南：3 级高血压，收缩压 ≥180 和/或舒张压 ≥110 mmHg"
_TWICE: Final = "confirmed by the next measurement, since 中国家庭血压监测指南（2019）wants two or three readings"
_IDSA: Final = "IDSA 2008 long-term care guideline (CID 2009;48:149): single oral temperature > 37.8 °C"
_MCGEER: Final = (
    "revised McGeer criteria (SHEA/CDC, Infect Control Hosp Epidemiol 2012;33:965): fever in"
    " long-term care is also > 37.2 °C again and again, or 1.1 °C above the usual, wherever measured"
)
_OURS: Final = "duration, gap and way back are Anhu's own choice"
_WRIST: Final = "a wrist's skin is colder than the mouth and is no substitute for it"


def _limit(
    number: int,
    key: str,
    title: str,
    severity: Severity,
    limit: Limit | OwnLimit,
    minutes: int,
    source: str,
    *,
    clear_minutes: int = 5,
    gap: timedelta = _GAP,
    severity_when: tuple[SeverityWhen, ...] = (),
    mode: Mode = Mode.LIVE,
) -> Rule:
    return Rule(
        id=_id(number),
        version=1,
        key=key,
        title=title,
        severity=severity,
        condition=limit,
        lasting=minutes * _MINUTE,
        clear_after=clear_minutes * _MINUTE,
        gap=gap,
        severity_when=severity_when,
        mode=mode,
        source=source,
    )


def _own(
    number: int, key: str, title: str, own: OwnLimit, source: str, *, minutes: int = 30, clear_minutes: int = 10
) -> Rule:
    return Rule(
        id=_id(number),
        version=1,
        key=key,
        title=title,
        severity=Severity.YELLOW,
        condition=own,
        # Longer than for a fixed limit: it speaks of what is normal for others.
        lasting=minutes * _MINUTE,
        clear_after=clear_minutes * _MINUTE,
        gap=_GAP,
        source=source,
    )


def _news2(number: int, key: str, title: str, score: Score, minutes: int, source: str, red: bool) -> Rule:
    return Rule(
        id=_id(number),
        version=1,
        key=key,
        title=title,
        severity=Severity.ORANGE,
        condition=score,
        lasting=minutes * _MINUTE,
        # A point more or less is one heartbeat: only half an hour below the threshold is a recovery.
        clear_after=30 * _MINUTE,
        gap=_GAP,
        severity_when=(SeverityWhen(_DEPENDENT, Severity.RED),) if red else (),
        source=source,
    )


def _id(number: int) -> UUID:
    """Fixed for ever, because stored rules, versions and alerts refer to it: no number is given a second time."""
    return UUID(f"a17b0000-0000-4000-8000-{number:012d}")


_ABOVE, _BELOW = Direction.ABOVE, Direction.BELOW
_YELLOW, _RED = Severity.YELLOW, Severity.RED

# A limit's own value is not beyond it, so that "150 and more" of whole numbers is "above 149".
BUILT_IN: Final = (
    _limit(
        1, "heart_rate_high", "心率过高", _YELLOW, Limit("heart_rate", _ABOVE, 120, 110, 15 * _MINUTE), 5,
        f"Anhu: between the bands of two (111–130) and three points (from 131) of {_NEWS2}; median of a quarter of an"
        f" hour: a walk, and a sensor that counts its steps for a pulse, are shorter (Anhu); {_OURS}",
    ),
    _limit(
        2, "heart_rate_low", "心率过低", _YELLOW, Limit("heart_rate", _BELOW, 50, 53), 10,
        "2018 ACC/AHA/HRS bradycardia guideline: sinus rate < 50/min (cited from memory, text not reached); rates of"
        f" 40–50 are common in sleep, hence ten minutes; {_OURS}",
    ),
    _limit(
        3, "heart_rate_critical_high", "紧急救援 · 心率危急过高", _RED,
        Limit("heart_rate", _ABOVE, 149, 135), 3,
        f"{_AHA}: a tachyarrhythmia has typically 150/min and more; {_OURS}",
    ),
    _limit(
        4, "heart_rate_critical_low", "紧急救援 · 心率危急过低", _RED, Limit("heart_rate", _BELOW, 41, 45), 3,
        f"{_NEWS2}: 40 and less has three points; {_OURS}",
    ),
    # What is usual for a person has the constant part of a wrist's error in it. Medians take out most of the rest, and
    # the dips of a sleeper: a sensor that is off by four per cent shows healthy people below 92 each tenth time.
    _limit(
        5, "spo2_low", "血氧偏低", _YELLOW,
        OwnLimit(
            "spo2", _BELOW, spreads=1, clear_spreads=0.5, least_hours=168, inside=(92, 100), always=88, until_known=92,
            over=30 * _MINUTE,
        ),
        20,
        f"{_NEWS2}, scale 1: 91 and less has three points, whoever's limit is not lower; {_OXIMETER}; {_TARGET}: below"
        f" 88 is below anybody's target. Median of half an hour: Anhu; {_OURS}",
        severity_when=(SeverityWhen(_DEPENDENT, Severity.ORANGE),),
    ),
    _limit(
        6, "spo2_critical_low", "紧急救援 · 血氧危急过低", _RED, Limit("spo2", _BELOW, 85, 88), 3,
        f"{_BTS}: below 85 % oxygen by reservoir mask at once; {_OURS}",
    ),
    _limit(
        7, "body_temperature_high", "体温过高", _YELLOW, Limit("body_temperature", _ABOVE, 37.8, 37.5), 20,
        f"{_IDSA}; {_WRIST}, so that a fever may be missed; {_OURS}",
        clear_minutes=30,
    ),
    _limit(
        8, "body_temperature_low", "体温过低", _YELLOW, Limit("body_temperature", _BELOW, 35.1, 35.5), 30,
        f"{_NEWS2}: 35.0 and less has three points; {_WRIST}: at the wrist it would speak of healthy people, so it is"
        f" only tried (shadow) until it is known where devices measure; {_OURS}",
        clear_minutes=30,
        mode=Mode.SHADOW,
    ),
    _limit(
        9, "respiratory_rate_high", "呼吸过快", _YELLOW, Limit("respiratory_rate", _ABOVE, 24, 22), 10,
        f"{_NEWS2}: 25 and more has three points; {_OURS}",
    ),
    _limit(
        10, "respiratory_rate_low", "呼吸过慢", _YELLOW, Limit("respiratory_rate", _BELOW, 9, 11), 5,
        f"{_NEWS2}: 8 and less has three points; {_OURS}",
    ),
    # Cuffs measure once or twice a day, and the next good value ends it. One that is too high is told when the next one
    # is as well, tonight's with tomorrow's; one that is too low, or has three points, at once.
    _limit(
        11, "systolic_high", "收缩压过高", _YELLOW, Limit("systolic", _ABOVE, 179, 170), 1,
        f"{_GRADE_3}; {_TWICE}; {_OURS}",
        clear_minutes=0,
        gap=_TILL_TOMORROW,
    ),
    _limit(
        12, "systolic_low", "收缩压过低", _YELLOW, Limit("systolic", _BELOW, 91, 96), 0,
        f"{_NEWS2}: 90 and less has three points; {_OURS}",
        clear_minutes=0,
    ),
    _limit(
        13, "diastolic_high", "舒张压过高", _YELLOW, Limit("diastolic", _ABOVE, 109, 105), 1,
        f"{_GRADE_3}; {_TWICE}; {_OURS}",
        clear_minutes=0,
        gap=_TILL_TOMORROW,
    ),
    # 168 hours of two weeks: who wears it only at night, ten hours, has 140, and would be compared with their sleep.
    _own(
        14, "heart_rate_own_high", "心率高于本人平时",
        OwnLimit("heart_rate", _ABOVE, spreads=4, clear_spreads=2.5, least_hours=168, inside=(60, 100)),
        f"Anhu: four of a person's spreads; never within 60–100/min, a resting adult's normal rate (AHA); {_OURS}",
        # Most walks are over by then, and a heart that has begun to flutter is told of in time.
        minutes=20,
    ),
    _own(
        15, "heart_rate_own_low", "心率低于本人平时",
        OwnLimit("heart_rate", _BELOW, spreads=4, clear_spreads=2.5, least_hours=168, inside=(60, 100)),
        f"Anhu: four of a person's spreads; never within 60–100/min, a resting adult's normal rate (AHA); {_OURS}",
    ),
    _own(
        16, "respiratory_rate_own_high", "呼吸快于本人平时",
        OwnLimit("respiratory_rate", _ABOVE, spreads=4, clear_spreads=2.5, least_hours=168, inside=(12, 20)),
        f"Anhu: four of a person's spreads; never within 12–20/min, the band without a point of {_NEWS2}; {_OURS}",
    ),
    _news2(
        17, "news2_medium", "NEWS2 评分偏高", Score(5), 10,
        f"{_NEWS2}: 5 is the key threshold for an urgent response; partial scores are not validated; {_OURS}",
        red=False,
    ),
    _news2(
        18, "news2_high", "NEWS2 评分高危", Score(7), 3,
        f"{_NEWS2}: 7 and more, high risk. Orange as any high NEWS2, because what wristbands give is partial and not"
        f" validated; red for the dependent, who cannot press; {_OURS}",
        red=True,
    ),
    _limit(
        19, "systolic_very_high", "收缩压严重过高", _YELLOW, Limit("systolic", _ABOVE, 219, 200), 0,
        f"{_NEWS2}: 220 and more has three points; {_OURS}",
        clear_minutes=0,
    ),
    # What is usual for a person has the part of a wrist's error that stays, and most of what a colder skin takes away.
    _own(
        20, "body_temperature_own_high", "体温高于本人平时",
        OwnLimit(
            "body_temperature", _ABOVE, spreads=2, clear_spreads=1, least_hours=168, inside=(35, 37.2),
            over=30 * _MINUTE,
        ),
        f"{_MCGEER}; two of a person's spreads and the median of half an hour: Anhu; {_OURS}",
        clear_minutes=30,
    ),
)
