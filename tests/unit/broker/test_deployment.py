from pathlib import Path

from services.broker.deployment import deployment_conf

EXAMPLE = Path(__file__).parents[3] / "deploy" / "mosquitto" / "mosquitto.conf"


def test_the_example_has_the_same_limits_as_the_broker_we_test() -> None:
    assert EXAMPLE.read_text("utf-8") == deployment_conf(), (
        "write it anew: python -m services.broker.deployment > deploy/mosquitto/mosquitto.conf"
    )
