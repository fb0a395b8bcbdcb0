import pytest

from services.broker.accounts import bench_account
from services.broker.passwords import hash_password
from services.broker.rights import OWN_RIGHTS, RightsError, check_rights


@pytest.mark.parametrize(
    "right",
    [
        "read zigbee2mqtt/#",
        "readwrite zigbee2mqtt/+/set",
        "write application/+/device/+/event/up",
        "read $SYS/broker/publish/#",
        "write anhu/v1/bed-17/up/#",
        "read anhu/v1/bed-17/down/receipts",
        "read homeassistant/status",
    ],
)
def test_what_a_bridge_needs(right: str) -> None:
    check_rights((right,))


@pytest.mark.parametrize("all_devices", [False, True])
@pytest.mark.parametrize(
    "right",
    [
        "read #",
        "readwrite +/#",
        "write +/v1/watch-1/up/events",
        "read $share/gateways/anhu/v1/+/up/events",
        "write $CONTROL/dynamic-security/v1",
        "read $SYS/#",
        "write $SYS/broker/uptime",
        "subscribe a/b",
        "read",
        "read ",
        "deny a/b",
        "read a/#/b",
        "read a/b#",
        "read a/b+/c",
        "read a\ntopic readwrite #",
        f"read {'a' * 2000}",
        "",
    ],
)
def test_what_nobody_gets(right: str, all_devices: bool) -> None:
    with pytest.raises(RightsError):
        check_rights(("read fine/topic", right), all_devices=all_devices)


@pytest.mark.parametrize(
    "right",
    [
        "read anhu/v1/+/up/#",
        "read anhu/v1/+/up/events",
        "write anhu/v1/+/down/receipts",
        "write anhu/#",
        "read anhu/+/+/up/events",
        "read anhu/v1/#",
    ],
)
def test_every_device_only_when_it_is_said(right: str) -> None:
    with pytest.raises(RightsError, match="--all-devices"):
        check_rights((right,))
    check_rights((right,), all_devices=True)


def test_our_own_rights_pass() -> None:
    for rights in OWN_RIGHTS.values():
        check_rights(rights, all_devices=True)
    check_rights(bench_account(hash_password("x"), ["bench-1"]).rights)


def test_no_right_at_all() -> None:
    with pytest.raises(RightsError, match="no right"):
        check_rights(())
