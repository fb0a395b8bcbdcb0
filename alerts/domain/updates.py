"""What matters next to people who were told of an alert. Pure."""

from typing import Final

from alerts.domain.alert import Alert, Change, State

_WORDS: Final = {
    State.DISPATCHED: "on_the_way",
    State.ARRIVED: "arrived",
    State.RESOLVED: "resolved",
    State.CANCELLED: "cancelled",
}


def worth_telling(before: Alert | None, change: Change) -> str | None:
    """What a change is called in an update; None when it is worth none: an answer alone brings nobody to the elder."""
    after = change.alert
    if before is None or (before.state is after.state and not change.responder):
        return None
    return _WORDS.get(after.state)
