"""Which rights a service account may have: `read|write|readwrite TOPIC`, TOPIC with MQTT's wildcards. Pure."""

import re

from services.broker.accounts import (
    ALERTS,
    ALERTS_RIGHTS,
    BRIDGE,
    BRIDGE_RIGHTS,
    GATEWAY,
    GATEWAY_RIGHTS,
    HOME_ASSISTANT,
    PROBE,
    PROBE_RIGHTS,
    home_assistant_rights,
)

#: What our own processes need.
OWN_RIGHTS = {
    GATEWAY: GATEWAY_RIGHTS,
    ALERTS: ALERTS_RIGHTS,
    BRIDGE: BRIDGE_RIGHTS,
    HOME_ASSISTANT: home_assistant_rights("homeassistant"),
    PROBE: PROBE_RIGHTS,
}

_RIGHT = re.compile(r"(read|write|readwrite) (\S(?:.*\S)?)")
_DEVICES = "anhu/v1/+/#"
_MAX_BYTES = 1024  # of a line, far below what Mosquitto reads


class RightsError(ValueError):
    """The text says which right, what is wrong with it and how to mend it."""


def check_rights(rights: tuple[str, ...], *, all_devices: bool = False) -> None:
    """Raises RightsError for what is no right, or gives more than any single account should have.

    Never: everything (`#`, `+/…` at the first level), shared subscriptions and the broker's own topics but
    `$SYS/broker/…`. Only with `all_devices`: topics of more devices than one named device. Who reads those can, with
    the secret name of the gateways' group, take presses away from the gateways; who writes them can speak for every
    device, or tell it `stored` what nobody stored.
    """
    if not rights:
        raise RightsError("no right at all: name at least one, as in --right 'write anhu/v1/bed-17/up/#'")
    for right in rights:
        match = _RIGHT.fullmatch(right)
        if not match or not right.isprintable() or len(right.encode()) > _MAX_BYTES:
            raise RightsError(f"{right!r}: want read, write or readwrite, a space, and a topic")
        topic = match[2]
        levels = topic.split("/")
        if any("#" in level and (level != "#" or n < len(levels) - 1) for n, level in enumerate(levels)):
            raise RightsError(f"{right!r}: # stands alone, and as the last level")
        if any("+" in level and level != "+" for level in levels):
            raise RightsError(f"{right!r}: + stands alone in its level")
        if levels[0] in ("#", "+"):
            raise RightsError(f"{right!r}: that is everybody's messages: begin with the name of a first level")
        if levels[0] == "$share":
            raise RightsError(f"{right!r}: rights are for the topics themselves, without $share/NAME/")
        if levels[0].startswith("$") and not (match[1] == "read" and topic.startswith("$SYS/broker/")):
            raise RightsError(f"{right!r}: of the broker's own topics only `read $SYS/broker/…` may be given")
        if not all_devices and _names_no_device(levels):
            raise RightsError(
                f"{right!r}: that is more than one device, as only gateways and the like should have:"
                " name one device, or say --all-devices"
            )


def _names_no_device(levels: list[str]) -> bool:
    """Whether a filter can match topics of devices without naming which."""
    if not overlap(levels, _DEVICES.split("/")):
        return False
    return len(levels) < 3 or levels[2] in ("+", "#") or "#" in levels[:3]


def overlap(one: list[str], other: list[str]) -> bool:
    """Whether some topic matches both filters, given as levels."""
    if one[:1] == ["#"] or other[:1] == ["#"]:
        return True
    if not one or not other:
        # `a/#` matches `a` as well.
        return (one or other) in ([], ["#"])
    if one[0] != other[0] and "+" not in (one[0], other[0]):
        return False
    return overlap(one[1:], other[1:])
