"""An alert as the contract's JSON: the same for lists, moves and live frames. Pure."""

from datetime import datetime
from typing import Any

from alerts.domain.alert import Alert, RaisedBy
from alerts.domain.transitions import allowed_moves


def alert_json(alert: Alert) -> dict[str, Any]:
    """The contract's alert, and beside it `place`, `device_kind`, `holder`, `outcome`, `seen_at`,
    `event_id_reused`, `rule`, `detail`, `family_safe`, `unreached` and `moves`. Location, place and what a rule saw
    are withheld once it is no longer unresolved."""
    withheld = not alert.unresolved
    position = None if withheld else alert.position
    return {
        "id": str(alert.id),
        "type": alert.type,
        "severity": alert.severity.value,
        "title": alert.title,
        "state": alert.state.value,
        "attention": alert.attention,
        "elder": {"id": str(alert.elder.id), "name": alert.elder.name} if alert.elder else None,
        "device_id": alert.device_id,
        "device_kind": alert.device_kind,
        "organization_id": str(alert.organization_id),
        "event_id": alert.event_id,
        "event_id_reused": alert.event_id_reused,
        "occurred_at": time_json(alert.occurred_at),
        "received_at": time_json(alert.received_at),
        "raised_at": time_json(alert.raised_at),
        "late_seconds": alert.late_seconds,
        "clock_suspect": alert.clock_suspect,
        "location": position_json(position),
        "place": None if withheld else alert.place,
        "withheld": withheld,
        "drill": alert.drill,
        "occurrences": alert.occurrences,
        "confidence": alert.confidence,
        "rule": _rule_json(alert.raised_by, withheld=withheld),
        "detail": dict(alert.detail) if alert.detail is not None else None,
        "holder": {"id": str(alert.holder.id), "name": alert.holder.name} if alert.holder else None,
        "outcome": alert.outcome,
        "seen_at": time_json(alert.seen_at),
        "family_safe": alert.family_safe,
        "unreached": alert.unreached,
        "moves": allowed_moves(alert),
        "version": alert.version,
    }


def withhold(frame: dict[str, Any]) -> dict[str, Any]:
    """An alert's JSON of an earlier time, without what may no longer be shown."""
    rule = frame.get("rule")
    seen = {"rule": rule | {"sentence": None, "evidence": None}} if rule else {}
    return frame | {"location": None, "place": None, "withheld": True} | seen


def _rule_json(raised_by: RaisedBy | None, *, withheld: bool) -> dict[str, Any] | None:
    if raised_by is None:
        return None
    return {
        "id": str(raised_by.rule_id),
        "version": raised_by.version,
        "sentence": None if withheld else raised_by.sentence,
        "evidence": None if withheld else dict(raised_by.evidence),
    }


def time_json(at: datetime | None) -> str | None:
    # UTC as `Z`, as pydantic writes it: the same alert is the same JSON over HTTP and on the live stream.
    return at.isoformat().replace("+00:00", "Z") if at else None


def position_json(position: Any) -> dict[str, float] | None:
    if position is None:
        return None
    accuracy = {} if position.accuracy is None else {"accuracy": position.accuracy}
    return {"lat": position.lat, "lon": position.lon} | accuracy
