"""What Home Assistant makes of our messages, written from its documentation and not from our code.

The rules are those of its discovery (integrations/mqtt, "Device discovery payload"; core's components/mqtt/schemas.py,
sensor.py and binary_sensor.py): what is required, which device classes there are, what a state may be.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_TOPIC = re.compile(r"(?P<prefix>[A-Za-z0-9_-]+)/device/(?P<object_id>[A-Za-z0-9_-]+)/config")
_TEMPLATE = re.compile(r"\{\{ value_json\.(\w+) \}\}")
#: Of those that we use: integrations/sensor and integrations/binary_sensor, "Device class".
_CLASSES = {"sensor": {"enum", "battery", "timestamp"}, "binary_sensor": {"safety", "connectivity", "problem"}}
_OF_THE_DEVICE = {"device", "origin", "components", "availability", "availability_mode", "state_topic",
                  "command_topic", "qos", "encoding"}  # fmt: skip


def faults(topic: str, payload: bytes) -> list[str]:
    """Why Home Assistant would not take a discovery message; empty when it would."""
    found = []
    if not _TOPIC.fullmatch(topic):
        found.append(f"{topic}: not PREFIX/device/OBJECT_ID/config of a-z A-Z 0-9 _ -")
    config = json.loads(payload)
    found += [f"{key} is not an option of the device" for key in config.keys() - _OF_THE_DEVICE]
    device, origin, components = (config.get(key) for key in ("device", "origin", "components"))
    if not isinstance(device, dict) or not (device.get("identifiers") or device.get("connections")):
        found.append("device must have identifiers or connections")
    elif not all(isinstance(value, str) for key, value in device.items() if key not in ("identifiers", "connections")):
        found.append("what is said of the device is text")
    if not isinstance(origin, dict) or not origin.get("name"):
        found.append("origin must have a name")
    if config.get("qos", 0) not in (0, 1, 2):
        found.append("qos is 0, 1 or 2")
    for one in config.get("availability", []):
        if not _subscribable(one.get("topic")):
            found.append(f"availability has no topic: {one}")
    if not isinstance(components, dict) or not components:
        return [*found, "components must be a mapping with something in it"]
    for key, component in components.items():
        found += [
            f"{key}: {fault}" for fault in _component_faults({"state_topic": config.get("state_topic")} | component)
        ]
    if len({component.get("unique_id") for component in components.values()}) < len(components):
        found.append("two components have the same unique_id")
    return found


def _component_faults(component: dict[str, Any]) -> list[str]:
    found = []
    platform, device_class = component.get("platform"), component.get("device_class")
    if platform not in _CLASSES:
        return [f"platform {platform!r} is not one that we know"]
    if not isinstance(component.get("unique_id"), str):
        found.append("an entity of a device needs a unique_id")
    if not _subscribable(component["state_topic"]):
        found.append("no state_topic")
    if device_class not in _CLASSES[platform]:
        found.append(f"{device_class!r} is no device class of a {platform}")
    if component.get("entity_category") not in (None, "diagnostic"):
        found.append("what only shows something is no configuration")
    options = component.get("options")
    if (device_class == "enum") != bool(options):
        found.append("options go with the device class enum, and the other way round")
    if options and (component.get("unit_of_measurement") or component.get("state_class")):
        found.append("an enum has neither unit nor state class")
    if device_class == "battery" and component.get("unit_of_measurement") != "%":
        found.append("a battery is in %")
    return found


def _subscribable(topic: Any) -> bool:
    return isinstance(topic, str) and 0 < len(topic.encode()) < 65536 and "\0" not in topic


@dataclass
class HomeAssistant:
    """Takes discovery and state messages, and shows entities as Home Assistant would: `unavailable`, `unknown`, or
    the state. An invalid message is an AssertionError."""

    devices: dict[str, dict[str, Any]] = field(default_factory=dict)  # by discovery topic
    said: dict[str, bytes] = field(default_factory=dict)

    def take(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/config"):
            self.devices.pop(topic, None)
            if payload:
                assert faults(topic, payload) == []
                self.devices[topic] = json.loads(payload)
        else:
            self.said[topic] = payload

    def device(self, device_id: str) -> dict[str, Any] | None:
        found = [one for one in self.devices.values() if one["device"]["serial_number"] == device_id]
        assert len(found) <= 1, found
        return found[0] if found else None

    def shows(self, device_id: str) -> dict[str, str]:
        """The state of each entity of a device, by its key; empty when it is not known."""
        config = self.device(device_id)
        if config is None:
            return {}
        return {key: self._entity(config, component) for key, component in config["components"].items()}

    def _entity(self, config: dict[str, Any], component: dict[str, Any]) -> str:
        if any(self.said.get(one["topic"]) != b"online" for one in config.get("availability", [])):
            return "unavailable"
        payload = self.said.get(component.get("state_topic", config.get("state_topic")), b"")
        if not payload:
            return "unknown"
        template = _TEMPLATE.fullmatch(component["value_template"])
        assert template is not None, f"a template that this does not read: {component['value_template']}"
        state = str(json.loads(payload)[template[1]])  # as Jinja writes a value: null is None
        if state == "None":
            return "unknown"
        if component["platform"] == "binary_sensor":
            assert state in ("ON", "OFF"), state
        match component["device_class"]:
            case "enum":
                assert state in component["options"], state
            case "timestamp":
                assert datetime.fromisoformat(state).tzinfo is not None, state
            case "battery":
                assert 0 <= float(state) <= 100, state
        return state
