"""The rules on where people are and what they do that Anhu comes with. Each number is a default that an organisation
can change, none is medical advice, and each rule carries its source. Pure."""

from datetime import time, timedelta
from typing import Final
from uuid import UUID

from alerts.domain.alert import Severity
from alerts.domain.rules.model import Beyond, OutOfBed, Rule, Scope, SeverityWhen, Still

#: As care categories say it: of 认知障碍 (cognitive impairment) dementia is the usual cause.
DEMENTIA: Final = Scope(care_categories=frozenset({"认知障碍", "认知症", "失智", "痴呆", "阿尔茨海默病"}))
_NIGHT: Final = (time(22), time(6))

BUILT_IN_LIVING: Final = (
    Rule(
        id=UUID("a17b0000-0000-4000-8000-000000000101"),
        version=1,
        key="wandering",
        title="离开安全范围",
        severity=Severity.YELLOW,
        condition=Beyond(fixes=3),
        lasting=timedelta(minutes=5),
        clear_after=timedelta(minutes=5),
        # Watches that save their battery tell where they are each 10 to 30 minutes.
        gap=timedelta(minutes=60),
        severity_when=(SeverityWhen(DEMENTIA, Severity.ORANGE),),
        source="three fixes or five minutes are Anhu's own choice; certainty: Android, Location.getAccuracy is the"
        " radius of 68 %, taken 1.62 times, which is that of 95 % (Rayleigh)",
    ),
    Rule(
        id=UUID("a17b0000-0000-4000-8000-000000000102"),
        version=1,
        key="stillness",
        title="长时间没有活动",
        severity=Severity.ORANGE,
        condition=Still(factor=1.5, least=timedelta(hours=2), least_days=14, quiet=_NIGHT),
        gap=timedelta(hours=1),
        source="Cuddihy et al., Algorithm to automatically detect abnormally long periods of inactivity in a home"
        " (HealthNet 2007): an alert when a pause exceeds what is normal for the home; factor, least time and the quiet"
        " night are Anhu's own choice",
    ),
    Rule(
        id=UUID("a17b0000-0000-4000-8000-000000000103"),
        version=1,
        key="out_of_bed",
        title="夜间离床未回",
        severity=Severity.ORANGE,
        condition=OutOfBed(night=_NIGHT),
        lasting=timedelta(minutes=30),
        source="telecare.ie, Bed Exit Alarm: typically around 30 minutes; hours are set by the person's own (CareTech:"
        " for example 21:00 to 06:00); 22:00 to 06:00 is Anhu's own choice",
    ),
)
