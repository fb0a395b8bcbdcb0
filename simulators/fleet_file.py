"""Which devices there are and how they sign in: the `demo.json` form of the contract."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError


class UsageError(Exception):
    """Something that was asked for cannot be done; the message says what, where, and how to mend it."""


class Home(BaseModel):
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class FleetDevice(BaseModel):
    device_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    password: str
    kind: str = "wristband"
    elder_id: str | None = None
    home: Home | None = None
    """Not in the contract's form: where readings are near, WGS 84."""


class BrokerPlace(BaseModel):
    host: str
    port: int = Field(ge=1, le=65535)


class FleetFile(BaseModel):
    """Only these parts of the file are read; the rest is left alone."""

    mqtt: BrokerPlace | None = None
    devices: list[FleetDevice] = Field(min_length=1)


@dataclass(frozen=True)
class Broker:
    host: str
    port: int
    tls: ssl.SSLContext | None = None


def read_fleet(path: Path) -> FleetFile:
    """Raises UsageError."""
    try:
        fleet = FleetFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"fleet file {path}: {error.strerror}; give the demo.json that `anhu demo` wrote") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file itself"
        raise UsageError(
            f"fleet file {path}: {where}: {first['msg']}; "
            'want {"mqtt": {"host", "port"}, "devices": [{"device_id", "password", "kind", "elder_id"}]}'
        ) from None
    seen: set[str] = set()
    for device in fleet.devices:
        if device.device_id in seen:
            raise UsageError(f"fleet file {path}: device_id {device.device_id!r} is there twice; remove one")
        seen.add(device.device_id)
    return fleet


def choose(devices: Sequence[FleetDevice], only: Sequence[str] = (), skip_first: int = 0) -> list[FleetDevice]:
    """The devices to run. Raises UsageError when an id is not among them or none is left."""
    for device_id in only:
        find(devices, device_id)
    chosen = [device for device in devices[skip_first:] if not only or device.device_id in only]
    if not chosen:
        raise UsageError(f"no device is left of {len(devices)}: mend --only or --skip-first {skip_first}")
    return chosen


def find(devices: Sequence[FleetDevice], device_id: str) -> FleetDevice:
    """Raises UsageError, naming some that are there."""
    for device in devices:
        if device.device_id == device_id:
            return device
    some = ", ".join(device.device_id for device in devices[:5])
    raise UsageError(f"device {device_id!r} is not in the fleet file; it has {some}{', …' if len(devices) > 5 else ''}")


def broker_at(url: str, ca_file: Path | None = None) -> Broker:
    """From mqtt://host:port or mqtts://host:port. A name and password in it are not used."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise UsageError(f"MQTT address {url!r}: the port is not a number from 1 to 65535") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise UsageError(f"MQTT address {url!r}: want mqtt://host:port or mqtts://host:port")
    if parts.scheme == "mqtt":
        return Broker(parts.hostname, port or 1883)
    try:
        tls = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise UsageError(f"certificate file {ca_file}: {error}") from None
    return Broker(parts.hostname, port or 8883, tls)
