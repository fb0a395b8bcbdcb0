"""An alert as CAP 1.2 (OASIS), and a feed of them as Atom (RFC 4287). Pure.

Neither names a person nor an address: CAP goes from system to system, and where to go stands behind the link, for
whoever may see it. `sent` has an offset as numbers: CAP does not take `Z`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from alerts.domain.rules.fence import BEIJING

CAP: Final = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM: Final = "http://www.w3.org/2005/Atom"
CAP_TYPE: Final = "application/cap+xml"
ATOM_TYPE: Final = "application/atom+xml"
_OPEN: Final = frozenset({"triggered", "acknowledged", "dispatched", "arrived"})
_SEVERITIES: Final = {"red": "Extreme", "orange": "Severe", "yellow": "Moderate", "blue": "Minor"}
#: By the beginning of the type, the longest first.
_CATEGORIES: Final = (
    ("smoke", ("Fire", "Safety")),
    ("gas", ("Safety",)),
    ("fall", ("Rescue", "Health")),
    ("sos", ("Rescue",)),
    ("area.outage", ("Infra",)),
    ("station.", ("Infra",)),
    ("rule.", ("Health",)),
)
_STATES: Final = {
    "triggered": "等待接警",
    "acknowledged": "已接警",
    "dispatched": "已派员",
    "arrived": "已到场",
    "resolved": "已处置",
    "followed_up": "已回访",
    "cancelled": "本人已取消",
}
#: Somebody said so themselves, or a device felt it: what was concluded is no more than likely.
_OBSERVED: Final = frozenset({"sos", "smoke", "gas"})
#: Kilometres around a position: a house, not a person.
_CIRCLE: Final = 0.1

register_namespace("", CAP)


def identifier_of(alert: Mapping[str, Any]) -> str:
    return f"{alert['id']}.{alert['version']}"


def cap_of(alert: Mapping[str, Any], sender: str, web: str) -> bytes:
    """`alert`: columns of alerts, with `changed_at`, and `station`, `division_code` and `phone` of its organisation."""
    root = Element(f"{{{CAP}}}alert")
    first = alert["version"] == 1
    state, open_ = alert["state"], alert["state"] in _OPEN
    _put(root, "identifier", identifier_of(alert))
    _put(root, "sender", sender)
    _put(root, "sent", _time(alert["changed_at"]))
    _put(root, "status", "Exercise" if alert["drill"] else "Actual")
    _put(root, "msgType", "Cancel" if state == "cancelled" else "Alert" if first else "Update")
    _put(root, "source", "Anhu")
    _put(root, "scope", "Restricted")
    _put(root, "restriction", "仅限养老服务和应急救援机构")
    if not first:
        _put(root, "references", f"{sender},{alert['id']}.1,{_time(alert['raised_at'])}")
    _put(root, "incidents", str(alert["id"]))
    info = SubElement(root, f"{{{CAP}}}info")
    _put(info, "language", "zh-CN")
    for category in _categories(alert["type"]):
        _put(info, "category", category)
    _put(info, "event", alert["title"])
    _put(info, "responseType", "Execute" if open_ else "AllClear")
    _put(info, "urgency", ("Immediate" if alert["severity"] == "red" else "Expected") if open_ else "Past")
    _put(info, "severity", _SEVERITIES[alert["severity"]])
    _put(info, "certainty", "Observed" if alert["type"] in _OBSERVED else "Likely")
    _pair(info, "eventCode", "anhu", alert["type"])
    _put(info, "onset", _time(alert["occurred_at"]))
    _put(info, "senderName", alert["station"])
    _put(info, "headline", f"{'【演练】' if alert['drill'] else ''}{alert['title']}（{_STATES[state]}）")
    _put(info, "description", f"{alert['station']}，{_time(alert['occurred_at'])}，呼叫 {alert['occurrences']} 次。")
    _put(info, "web", web)
    if alert["phone"]:
        _put(info, "contact", alert["phone"])
    _pair(info, "parameter", "state", state)
    area = SubElement(info, f"{{{CAP}}}area")
    _put(area, "areaDesc", alert["station"])
    if open_ and alert["lat"] is not None:
        _put(area, "circle", f"{alert['lat']:.6f},{alert['lon']:.6f} {_CIRCLE}")
    if alert["division_code"]:
        _pair(area, "geocode", "GB/T 2260", alert["division_code"])
    return _written(root)


def feed_of(alerts: Sequence[Mapping[str, Any]], address: str, now: datetime) -> bytes:
    """`address`: where the feed is; an entry leads to its alert below it."""
    root = Element(f"{{{ATOM}}}feed")
    _atom(root, "id", address)
    _atom(root, "title", "安护：红色和橙色告警")
    _atom(root, "updated", _time(max((one["changed_at"] for one in alerts), default=now)))
    author = SubElement(root, f"{{{ATOM}}}author")
    _atom(author, "name", "Anhu")
    SubElement(root, f"{{{ATOM}}}link", {"rel": "self", "href": address, "type": ATOM_TYPE})
    for one in alerts:
        entry = SubElement(root, f"{{{ATOM}}}entry")
        _atom(entry, "id", f"urn:uuid:{one['id']}")
        _atom(entry, "title", f"{'【演练】' if one['drill'] else ''}{one['title']}（{_STATES[one['state']]}）")
        _atom(entry, "updated", _time(one["changed_at"]))
        _atom(entry, "summary", one["station"])
        SubElement(entry, f"{{{ATOM}}}link", {"rel": "alternate", "href": f"{address}/{one['id']}", "type": CAP_TYPE})
    return _written(root)


def _categories(type_: str) -> tuple[str, ...]:
    return next((found for begin, found in _CATEGORIES if type_.startswith(begin)), ("Safety",))


def _time(at: datetime) -> str:
    return at.astimezone(BEIJING).isoformat(timespec="seconds")


def _put(parent: Element, name: str, text: str) -> None:
    SubElement(parent, f"{{{CAP}}}{name}").text = _plain(text)


def _atom(parent: Element, name: str, text: str) -> None:
    SubElement(parent, f"{{{ATOM}}}{name}").text = _plain(text)


def _pair(parent: Element, name: str, value_name: str, value: str) -> None:
    pair = SubElement(parent, f"{{{CAP}}}{name}")
    _put(pair, "valueName", value_name)
    _put(pair, "value", value)


def _plain(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return "".join(one for one in text if one in "\t\n" or " " <= one <= "\ud7ff" or "\ue000" <= one <= "\ufffd")


def _written(root: Element) -> bytes:
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written
