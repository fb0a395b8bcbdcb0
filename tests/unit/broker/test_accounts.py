import pytest

from services.broker.accounts import (
    ServiceAccount,
    alerts_account,
    bench_account,
    bridge_account,
    gateway_account,
    home_assistant_account,
    home_assistant_reader,
    password_text,
    rights_text,
)
from services.broker.passwords import hash_password

HASH = hash_password("secret")


def test_a_line_for_each_account_and_device() -> None:
    text = password_text([("watch-1", HASH), ("watch-2", HASH)], [gateway_account(HASH)])
    assert text == f"anhu-gateway:{HASH}\nwatch-1:{HASH}\nwatch-2:{HASH}\n"


@pytest.mark.parametrize("device_id", ["", "a:b", "a\nb", "a/b", "+", "#", "手环", "x" * 65])
def test_a_name_that_would_break_the_file_is_refused(device_id: str) -> None:
    with pytest.raises(ValueError, match="device_id"):
        password_text([(device_id, HASH)], [])


def test_a_device_cannot_be_named_as_a_service_account() -> None:
    with pytest.raises(ValueError, match="anhu-gateway"):
        password_text([("anhu-gateway", HASH)], [gateway_account(HASH)])


@pytest.mark.parametrize("stored", ["", "plain", f"{HASH}\nintruder:{HASH}"])
def test_a_hash_that_would_break_the_file_is_refused(stored: str) -> None:
    with pytest.raises(ValueError, match="watch-1"):
        password_text([("watch-1", stored)], [])


def test_each_service_account_has_its_own_rights() -> None:
    text = rights_text(
        [
            gateway_account(HASH),
            alerts_account(HASH),
            bridge_account(HASH),
            bench_account(HASH, ["bench-1"]),
            ServiceAccount("other", HASH, ("write anhu/v1/+/up/readings",)),
        ]
    )
    sections = dict(section.split("\n", 1) for section in text.strip().split("\n\nuser ")[1:])
    assert sections == {
        "anhu-gateway": "topic read anhu/v1/+/up/#\ntopic write anhu/v1/+/down/#\ntopic read $SYS/broker/#\n"
        "topic read anhu/v1/bridge/+/status",
        "anhu-alerts": "topic write anhu/v1/+/down/#",
        "anhu-bridge": "topic write anhu/v1/+/up/#\ntopic read anhu/v1/+/down/#\ntopic write anhu/v1/bridge/+/status",
        "anhu-bench": "topic write anhu/v1/bench-1/up/#\ntopic read anhu/v1/bench-1/down/#",
        "other": "topic write anhu/v1/+/up/readings",
    }


def test_a_home_assistant_reads_its_own_prefix_alone() -> None:
    rights = [
        right
        for account in (home_assistant_account(HASH, "ha-east"), home_assistant_reader("east", HASH, "ha-east"))
        for right in account.rights
    ]
    assert all(right.split()[1].startswith(("ha-east/", "anhu/ha/ha-east/")) for right in rights)
    assert home_assistant_reader("east", HASH, "ha-east").rights == (
        "read ha-east/#", "write ha-east/status", "read anhu/ha/ha-east/#",
    )  # fmt: skip
