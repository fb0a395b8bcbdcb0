"""Whether a push comes from the cloud that it says it comes from. Pure.

OneNET signs what it pushes. IoTDA can sign with a rule of which we have read a part only, CTWing, Tuya and a forwarder
of Alink's queue do not sign: these prove themselves by a secret in the address, which only they and we know.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Signed:
    """What OneNET sends in the query of a GET and in the body of a POST."""

    msg: str
    nonce: str
    signature: str


def onenet_signature(token: str, nonce: str, msg: str) -> str:
    """Base64 of the MD5 of token, nonce and msg (open.iot.10086.cn, URL 验证)."""
    digest = hashlib.md5(f"{token}{nonce}{msg}".encode("utf-8", "replace"), usedforsecurity=False).digest()
    return b64encode(digest).decode("ascii")


def is_onenets(signed: Signed, token: str) -> bool:
    # A plus sign that went through a query comes out as a space; some senders leave the padding away.
    given = signed.signature.replace(" ", "+").rstrip("=")
    expected = onenet_signature(token, signed.nonce, signed.msg).rstrip("=")
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def is_secret(given: str, expected: str) -> bool:
    """In a time that does not tell how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def signed_query(query: Mapping[str, str]) -> Signed | None:
    """None where one of the three is missing."""
    parts = [query.get(name) for name in ("msg", "nonce", "signature")]
    return _signed(parts)


def signed_body(body: bytes) -> Signed | None:
    """A form or a JSON object with the three, `msg` as the very text that was signed; else None."""
    try:
        text = body.decode("utf-8")
        if text.lstrip()[:1] == "{":
            document = json.loads(text)
            return _signed([document.get(name) for name in ("msg", "nonce", "signature")])
        # Ours to take apart: Starlette's parser would give no exact text of a broken form.
        form = parse_qs(text, keep_blank_values=True, max_num_fields=20)
        return _signed([form.get(name, [None])[0] for name in ("msg", "nonce", "signature")])
    except (ValueError, RecursionError):
        return None


def _signed(parts: Sequence[object]) -> Signed | None:
    msg, nonce, signature = parts
    if isinstance(msg, str) and isinstance(nonce, str) and isinstance(signature, str):
        return Signed(msg, nonce, signature)
    return None
