"""Episodes that come and go. Pure.

What begins again shortly after it was over, and again, and again, says nothing new: it is counted and does not ask for
another answer. Red always asks.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from alerts.domain.alert import Alert, Change, Entry, Severity
from alerts.domain.rules.following import Ended, Kept
from alerts.domain.rules.model import Mode, Rule
from alerts.domain.rules.raising import Said, fold

#: Shorter than the half hour in which an alert takes in the next one, and longer than most rules' way back. Our choice,
#: as are the others: what ISA-18.2 calls a chattering alarm is three in a minute, on sensors a thousand times as fast.
AGAIN_WITHIN: Final = timedelta(minutes=10)
SPAN: Final = timedelta(hours=1)
#: Returns in SPAN that each ask for an answer; the next one does not.
MOST: Final = 3


def fluctuates(severity: Severity, began_at: datetime, earlier: Iterable[tuple[datetime, datetime]]) -> bool:
    """Whether an episode that began then has come back more than MOST times in SPAN, this time included; red never
    has. `earlier`: when those before it began and were clear, in any order. Coming back is beginning within
    AGAIN_WITHIN."""
    if severity is Severity.RED:
        return False
    past = sorted(one for one in earlier if one[1] <= began_at)
    if not past:
        return False
    begun = [began for began, _ in past[1:]] + [began_at]
    back = [after for (_, cleared), after in zip(past, begun, strict=True) if after - cleared <= AGAIN_WITHIN]
    return began_at in back and sum(began_at - after < SPAN for after in back) > MOST


def cleared_before(rule: Rule, kept: Iterable[Kept]) -> list[tuple[datetime, datetime]]:
    """Of the rule's key, whatever its version: those that made an alert and were really over."""
    return [
        (one.began_at, one.cleared_at)
        for one in kept
        if one.rule.key == rule.key
        and one.rule.mode is Mode.LIVE
        and one.alert_id is not None
        and one.cleared_at is not None
        and one.ended is Ended.CLEAR
    ]


def fold_quietly(alert: Alert, said: Said) -> Change:
    """As `fold`, without asking for an answer again. Into a red alert nothing is folded quietly."""
    change = fold(alert, said)
    if alert.severity is Severity.RED or said.severity is Severity.RED:
        return change
    first, *more = change.entries
    entries = (Entry("fluctuated", body=first.body), *more)
    return replace(change, alert=replace(change.alert, attention=alert.attention), entries=entries, replan=False)
