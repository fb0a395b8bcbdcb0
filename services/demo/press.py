"""One line for a shell that presses SOS, with nothing but mosquitto_pub."""

from collections.abc import Mapping
from shlex import quote

from services.demo.broker import DemoBroker

# For sh, bash and zsh, on Linux and macOS (whose `date` has no fractions of a second): each paste is a new
# press because its event_id is new.
EVENT_ID = "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n')"
NOW = "$(date -u +%Y-%m-%dT%H:%M:%SZ)"


def press_line(device: Mapping[str, str | None], broker: DemoBroker) -> str:
    """device: `device_id` and `password`, as in demo.json."""
    device_id, password = str(device["device_id"]), str(device["password"])
    tls = " --tls-use-os-certs" if broker.scheme == "mqtts" else ""
    account = f"-u {quote(device_id)} -P {quote(password)}"
    event = f'"{{\\"event_id\\":\\"{EVENT_ID}\\",\\"type\\":\\"sos\\",\\"ts\\":\\"{NOW}\\"}}"'
    return (
        f"mosquitto_pub -h {quote(broker.host)} -p {broker.port}{tls} {account}"
        f" -q 1 -t anhu/v1/{device_id}/up/events -m {event}"
    )
