"""How a device of ours announces itself to Home Assistant, and what it then shows. Pure.

The form is Home Assistant's device-based MQTT discovery (home-assistant.io, integrations/mqtt, "Device discovery
payload"): one retained message for each device with `device`, `origin`, `availability` and `components`, and one
retained state that all its components read by a template.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.domain.alert import UNRESOLVED, Severity

#: The last level but one of a discovery topic may have these characters alone, a device_id also dots.
_ESCAPES = str.maketrans({"_": "__", ".": "_-"})
_KINDS = {
    "wristband": "手环",
    "fall_detector": "跌倒探测器",
    "emergency_button": "紧急按钮",
    "bed_sensor": "床垫传感器",
    "smoke_detector": "烟雾探测器",
    "gas_detector": "燃气探测器",
    "water_detector": "水浸探测器",
    "door_sensor": "门磁",
}
_NO_ALERT = "none"


@dataclass(frozen=True, slots=True)
class Device:
    """What the registry and its last word say of a device; None is unknown."""

    device_id: str
    kind: str
    model: str | None = None
    online: bool | None = None
    battery: int | None = None  # %
    last_seen: datetime | None = None
    elder_name: str | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """The unresolved alert that a device's events are in: the worst, of those the oldest."""

    state: str
    type: str
    severity: str
    title: str
    raised_at: datetime
    attention: bool
    drill: bool
    place: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where and how devices are announced. `prefix` is Home Assistant's discovery prefix. Without `personal` neither a
    name, nor an address, nor a position goes out; no vital sign ever does."""

    prefix: str
    personal: bool = False

    @property
    def birth_topic(self) -> str:
        """Where Home Assistant says that it has started, unless it is told otherwise."""
        return f"{self.prefix}/status"

    @property
    def our_topic(self) -> str:
        """`online` while what we tell is true; `offline` is also our last will."""
        return f"anhu/ha/{self.prefix}/online"

    @property
    def everything(self) -> tuple[str, str]:
        """Patterns of all that we retain."""
        return f"{self.prefix}/device/+/config", f"anhu/ha/{self.prefix}/+/state"

    def config_topic(self, device_id: str) -> str:
        return f"{self.prefix}/device/anhu_{device_id.translate(_ESCAPES)}/config"

    def is_ours(self, topic: str) -> bool:
        """Whether a retained topic is one that we, and nobody else, wrote."""
        return topic.startswith((f"{self.prefix}/device/anhu_", f"anhu/ha/{self.prefix}/"))

    def state_topic(self, device_id: str) -> str:
        return f"anhu/ha/{self.prefix}/{device_id}/state"

    def config(self, device: Device) -> bytes:
        """The retained message that makes Home Assistant show a device."""
        name = f"{_KINDS.get(device.kind, device.kind)} {device.device_id}"
        if self.personal and device.elder_name:
            name = f"{device.elder_name} · {name}"
        identity = f"anhu_{device.device_id}"
        return _json(
            {
                "device": {
                    "identifiers": [identity],
                    "name": name,
                    "manufacturer": "安护 Anhu",
                    "model": device.model or device.kind,
                    "serial_number": device.device_id,
                },
                "origin": {"name": "Anhu"},
                "availability": [{"topic": self.our_topic}],
                "state_topic": self.state_topic(device.device_id),
                "qos": 1,
                "components": {
                    key: {
                        "unique_id": f"{identity}_{key}",
                        "value_template": f"{{{{ value_json.{key} }}}}",
                        **component,
                        **({"json_attributes_topic": self.state_topic(device.device_id)} if key == "alert" else {}),
                    }
                    for key, component in _COMPONENTS.items()
                },
            }
        )

    def state(self, device: Device, alarm: Alarm | None) -> bytes:
        """What the components show. Null is unknown; `alarm` and `online` are in Home Assistant's words."""
        shown: dict[str, Any] = {
            "alert": alarm.state if alarm else _NO_ALERT,
            "alarm": "ON" if alarm else "OFF",
            "severity": alarm.severity if alarm else _NO_ALERT,
            "type": alarm and alarm.type,
            "title": alarm and alarm.title,
            "since": alarm and _time(alarm.raised_at),
            "attention": alarm.attention if alarm else False,
            "drill": alarm.drill if alarm else False,
            "online": None if device.online is None else "ON" if device.online else "OFF",
            "battery": device.battery,
            "last_seen": _time(device.last_seen),
        }
        if self.personal:
            shown["elder"] = device.elder_name
            # As everywhere: where somebody is, only while they may need help.
            shown |= {"place": alarm.place, "latitude": alarm.lat, "longitude": alarm.lon} if alarm else {}
        return _json(shown)


def _levels(*levels: str) -> dict[str, Any]:
    return {"platform": "sensor", "device_class": "enum", "options": [_NO_ALERT, *levels]}


_DIAGNOSTIC = {"entity_category": "diagnostic"}
#: By their key in the state.
_COMPONENTS: dict[str, dict[str, Any]] = {
    "alert": {"name": "告警状态", "icon": "mdi:alarm-light", **_levels(*sorted(UNRESOLVED))},
    "alarm": {"name": "告警", "platform": "binary_sensor", "device_class": "safety"},
    "severity": {"name": "告警等级", **_levels(*Severity)},
    "online": {"name": "在线", "platform": "binary_sensor", "device_class": "connectivity", **_DIAGNOSTIC},
    "battery": {
        "name": "电量",
        "platform": "sensor",
        "device_class": "battery",
        "unit_of_measurement": "%",
        "state_class": "measurement",
        **_DIAGNOSTIC,
    },
    "last_seen": {"name": "最后在线", "platform": "sensor", "device_class": "timestamp", **_DIAGNOSTIC},
}


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
