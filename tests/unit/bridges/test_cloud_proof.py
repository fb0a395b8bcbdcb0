"""How a cloud proves that a push is its own."""

import json
from urllib.parse import urlencode

import pytest

from gateway.bridges.cloud_proof import Signed, is_onenets, is_secret, onenet_signature, signed_body, signed_query

#: Computed apart from our code: printf '%s' tokenNONCEmsg | openssl md5 -binary | base64
TOKEN, NONCE, MSG, SIGNATURE = "abcdefghkdlsahf", "4KNbK6m3", '{"a":"离线 +/="}', "rbXegbsqJDKy11HIMvIF3Q=="


def test_the_signature_is_as_openssl_makes_it() -> None:
    assert onenet_signature(TOKEN, NONCE, MSG) == SIGNATURE
    assert is_onenets(Signed(MSG, NONCE, SIGNATURE), TOKEN)


def test_a_plus_that_became_a_space_and_a_missing_padding_are_the_same_signature() -> None:
    assert is_onenets(Signed(MSG, NONCE, SIGNATURE.replace("+", " ").rstrip("=")), TOKEN)


@pytest.mark.parametrize(
    "forged",
    [
        Signed(MSG + " ", NONCE, SIGNATURE),
        Signed(MSG, NONCE + "x", SIGNATURE),
        Signed(MSG, NONCE, SIGNATURE[:-4]),
        Signed(MSG, NONCE, SIGNATURE.lower()),
        Signed(MSG, NONCE, ""),
        Signed(MSG, NONCE, "é\ud800"),
    ],
)
def test_another_message_or_signature_is_not_onenets(forged: Signed) -> None:
    assert not is_onenets(forged, TOKEN)


def test_another_token_is_not_ours() -> None:
    assert not is_onenets(Signed(MSG, NONCE, SIGNATURE), TOKEN + "x")


def test_the_three_are_found_in_a_query_a_form_and_json() -> None:
    three = {"msg": MSG, "nonce": NONCE, "signature": SIGNATURE}
    wanted = Signed(MSG, NONCE, SIGNATURE)
    assert signed_query(three) == wanted
    assert signed_body(urlencode(three).encode()) == wanted
    assert signed_body(json.dumps(three).encode()) == wanted


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"msg=a&nonce=b",
        b'{"msg": {}, "nonce": "b", "signature": "c"}',
        b"a=1&" * 30,
        b"{" * 99,
    ],
)
def test_what_lacks_one_of_them_is_nobodys(body: bytes) -> None:
    assert signed_body(body) is None


def test_a_secret_is_the_whole_of_it() -> None:
    assert is_secret("0123456789abcdef", "0123456789abcdef")
    for wrong in ("", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0", "安护"):
        assert not is_secret(wrong, "0123456789abcdef")
