"""From a device's kind to what it measures."""

from simulators.devices.bed_sensor import BedSensor
from simulators.devices.model import Model
from simulators.devices.person import Person
from simulators.devices.plain import PLAIN_KINDS, Plain
from simulators.devices.wristband import Wristband

KINDS = ("wristband", "bed_sensor", *PLAIN_KINDS)


def model_of(kind: str, seed: int, device_id: str, person: Person) -> Model:
    """The model of a kind. An unknown one behaves like an emergency button: it can at least be pressed."""
    match kind:
        case "wristband":
            return Wristband(seed, device_id, person)
        case "bed_sensor":
            return BedSensor(seed, device_id, person)
        case _:
            return Plain(seed, device_id, PLAIN_KINDS.get(kind, PLAIN_KINDS["emergency_button"]), person)
