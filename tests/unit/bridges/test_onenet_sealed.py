"""OneNET's safe mode, opened."""

import json

import pytest

from gateway.bridges.onenet_sealed import SealedError, opened

KEY = "xKb7Qe2RtY9uWz41"
CLEAR = (
    '{"deviceName":"sos-1","productId":"p","notifyType":"event","messageType":"notify",'
    '"data":{"params":{"sos":{"value":{},"time":1795400000000}}},"say":"离线"}'
)
#: Made apart from our code: printf '%s' CLEAR | openssl enc -aes-128-cbc -K HEX -iv HEX -base64 -A, HEX being the key's
#: bytes.
SEALED = (
    "DV8HzjYKR8I+fWCeqxIMK5jaPMZ3OAUQ0uIpTVRN8hDd2m++bCWi5Pk4xCj+bFwFxrHVMd/DBJatZLNIl5HMAl5in8CUgtx0W4rVpt3Pgg80b9kvZ8K4"
    "WUkqsMk3OkFWPwhlux1yynIrtSeoP33xBTj9EtVqhtEHtx7jTBppntQTOdLaNk+8QiPEtbGYaxoPjWiYnr0hzG3MMcRBnV2hew=="
)


def test_what_openssl_sealed_is_opened() -> None:
    assert opened(SEALED, KEY).decode() == CLEAR


@pytest.mark.parametrize("clear", [CLEAR, "", "{", "[1]", "安护", "abc", "AAAA", json.dumps({"a": "é"})])
def test_what_came_in_the_clear_stays_as_it_is(clear: str) -> None:
    assert opened(clear, KEY).decode() == clear
    assert opened(clear, "").decode() == clear


@pytest.mark.parametrize(
    ("sealed", "key", "told"),
    [
        (SEALED, "", "set ANHU_CLOUD_ONENET_KEY"),
        (SEALED, KEY[::-1], "is it the key of this push"),
        ("x" * 64, KEY, "is it the key of this push"),  # Base64 of whole blocks, sealed by nobody
    ],
)
def test_what_cannot_be_opened_is_told(sealed: str, key: str, told: str) -> None:
    with pytest.raises(SealedError, match=told):
        opened(sealed, key)
