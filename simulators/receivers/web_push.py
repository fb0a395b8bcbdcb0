"""What a browser and its vendor's push service do: RFC 8291 decrypted, RFC 8292 checked, by `cryptography` alone.

Written from the RFCs, so that it finds what a sender and its library have wrong together.
"""

import base64
import json
import os
import re
import struct
import time
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
#: RFC 8292: a signature may hold for a day at most.
_LONGEST = 24 * 3600
#: What services accept of one message.
_MOST_BYTES = 4096


class WrongError(Exception):
    """What a sender has wrong, in one sentence."""


class Browser:
    """One subscription: its keys, and what it could read."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self.point = _point(self._key.public_key())

    def subscription(self, endpoint: str) -> dict[str, Any]:
        """As PushSubscription.toJSON() gives it."""
        return {"endpoint": endpoint, "keys": {"p256dh": b64(self.point), "auth": b64(self._auth)}}

    def decrypt(self, body: bytes) -> bytes:
        """The plaintext of one aes128gcm record (RFC 8188) with the keys of RFC 8291. Raises WrongError."""
        if len(body) > _MOST_BYTES:
            raise WrongError(f"{len(body)} bytes: services take {_MOST_BYTES}")
        if len(body) < 16 + 4 + 1 + 65 + 17:
            raise WrongError("too short for a header and a record")
        salt, (record_size, id_length) = body[:16], struct.unpack("!IB", body[16:21])
        if id_length != 65:
            raise WrongError(f"the key id has {id_length} bytes: want a point of 65")
        sender_point, record = body[21:86], body[86:]
        if len(record) > record_size:
            raise WrongError("more than one record")
        try:
            sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender_point)
        except ValueError:
            raise WrongError("the sender's key is no point of P-256") from None
        shared = self._key.exchange(ec.ECDH(), sender)
        info = b"WebPush: info\0" + self.point + sender_point
        secret = HKDF(hashes.SHA256(), 32, self._auth, info).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        try:
            padded = AESGCM(key).decrypt(nonce, record, None)
        except InvalidTag:
            raise WrongError("it cannot be decrypted with this browser's keys") from None
        text = padded.rstrip(b"\0")
        if not text.endswith(b"\x02"):
            raise WrongError("the last record does not end with its delimiter")
        return text[:-1]


def check_headers(headers: Mapping[str, str], origin: str, application_key: str | None = None) -> None:
    """What a push service asks of a request. Raises WrongError. `application_key`: that a subscription was made for."""
    if headers.get("content-encoding") != "aes128gcm":
        raise WrongError("Content-Encoding is not aes128gcm")
    if not headers.get("ttl", "").isdigit():
        raise WrongError("there is no TTL")
    if headers.get("urgency", "normal") not in ("very-low", "low", "normal", "high"):
        raise WrongError("Urgency is none of the four")
    if "topic" in headers and not _TOPIC.fullmatch(headers["topic"]):
        raise WrongError("Topic has more than 32 characters of base64url")
    found = re.fullmatch(r"vapid t=([^,\s]+),\s*k=([A-Za-z0-9_-]+)", headers.get("authorization", ""))
    if found is None:
        raise WrongError("Authorization is not `vapid t=…, k=…`")
    token, key = found.groups()
    if application_key is not None and key != application_key:
        raise WrongError("signed by another key than the subscription was made for")
    _check_token(token, key, origin)


def _check_token(token: str, key: str, origin: str) -> None:
    try:
        head, claims, signature = token.split(".")
        told = json.loads(unb64(claims))
        raw = unb64(signature)
        numbers = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(key))
        if json.loads(unb64(head))["alg"] != "ES256":
            raise WrongError("the token is not signed by ES256")
        public.verify(utils.encode_dss_signature(*numbers), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    except (ValueError, KeyError, InvalidSignature):
        raise WrongError("the token is not signed by its key") from None
    if told.get("aud") != origin:
        raise WrongError(f"the token is for {told.get('aud')}, not for {origin}")
    if not time.time() < told.get("exp", 0) <= time.time() + _LONGEST:
        raise WrongError("the token holds for more than a day, or no more")
    if not str(told.get("sub", "")).startswith(("mailto:", "https:")):
        raise WrongError("the token names nobody to write to")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
