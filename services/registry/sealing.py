"""What is sealed at rest by a key that is not in the database: identity numbers and other secrets by AES-256-GCM, found
by a keyed hash; telephone numbers by AES-SIV (RFC 5297), which seals the same number the same way, so that a row that
is written again as it was is no change.

Keys stand in a setting, the one in use first; each sealed value says by which it was. So a key is changed by putting a
new one before it, running `anhu rotate-keys`, and taking the old one away.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = 1


class KeysError(ValueError):
    """The setting cannot be read, or it lacks the key that a value was sealed with."""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    cipher: AESGCM
    search: bytes
    same: AESSIV
    trail: bytes


class Keys:
    """Of ANHU_DATA_KEYS: `name:key,name:key`, each key 32 bytes in base64."""

    def __init__(self, setting: str) -> None:
        self._keys = [_key(part) for part in setting.split(",") if part.strip()]
        names = [key.name for key in self._keys]
        if len(set(names)) < len(names):
            raise KeysError("ANHU_DATA_KEYS has two keys of one name: give each its own")

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def in_use(self) -> str:
        """The name of the key that seals from now on."""
        return self._first.name

    @property
    def ordered(self) -> list[str]:
        """Names, the key in use first."""
        return [key.name for key in self._keys]

    @property
    def _first(self) -> _Key:
        if not self._keys:
            raise KeysError("ANHU_DATA_KEYS is not set: `anhu data-key` makes a key for it")
        return self._keys[0]

    def seal(self, text: str) -> bytes:
        """Raises KeysError when there is no key."""
        key, nonce = self._first, secrets.token_bytes(_NONCE_BYTES)
        head = bytes([_VERSION, len(key.name)]) + key.name.encode()
        return head + nonce + key.cipher.encrypt(nonce, text.encode(), head)

    def open(self, sealed: bytes) -> str:
        """Raises KeysError when the key is not among ours, or the value was tampered with."""
        name = sealed_by(sealed)
        key = next((one for one in self._keys if one.name == name), None)
        if key is None:
            raise KeysError(f"ANHU_DATA_KEYS lacks the key {name}, with which a value was sealed")
        head = sealed[: 2 + len(name)]
        nonce, secret = sealed[len(head) : len(head) + _NONCE_BYTES], sealed[len(head) + _NONCE_BYTES :]
        try:
            return key.cipher.decrypt(nonce, secret, head).decode()
        except InvalidTag:
            raise KeysError(f"a value cannot be opened with the key {name}: another key has that name now") from None

    def seal_same(self, text: str) -> list[bytes]:
        """Without the head, by each key, the one in use first: the same text is the same bytes."""
        return [key.same.encrypt(text.encode(), [key.name.encode()]) for key in self._keys]

    def open_same(self, name: str, secret: bytes) -> str:
        """Raises KeysError as `open` does."""
        key = next((one for one in self._keys if one.name == name), None)
        if key is None:
            raise KeysError(f"ANHU_DATA_KEYS lacks the key {name}, with which a value was sealed")
        try:
            return key.same.decrypt(secret, [name.encode()]).decode()
        except InvalidTag:
            raise KeysError(f"a value cannot be opened with the key {name}: another key has that name now") from None

    def trail_hash(self, name: str, data: bytes) -> bytes | None:
        """By the key of that name, for the seals of trails; None when it is not among ours."""
        return next((hmac.digest(key.trail, data, hashlib.sha256) for key in self._keys if key.name == name), None)

    def hash(self, text: str) -> bytes:
        """What the value is found by. Raises KeysError when there is no key."""
        return _hash(self._first, text)

    def hashes(self, text: str) -> list[bytes]:
        """By each key: while keys are being rotated some rows have the hash of the one before."""
        return [_hash(key, text) for key in self._keys]


#: Of a deployment that seals nothing.
NO_KEYS = Keys("")


def sealed_by(sealed: bytes) -> str:
    """The name of the key."""
    if len(sealed) < 2 or sealed[0] != _VERSION:
        raise KeysError("a sealed value has a form that this version does not know")
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


def new_key(name: str) -> str:
    """As the setting has it."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"


def _hash(key: _Key, text: str) -> bytes:
    return hmac.digest(key.search, text.encode(), hashlib.sha256)


def _key(part: str) -> _Key:
    name, _, encoded = part.strip().partition(":")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if not _NAME.fullmatch(name) or len(raw) != _KEY_BYTES:
        raise KeysError(
            "ANHU_DATA_KEYS must be name:key,name:key, each key 32 bytes in base64: `anhu data-key` makes one"
        )
    # Another key for each use: whoever learns one of them has not the others.
    search = HKDF(SHA256(), _KEY_BYTES, None, b"anhu search 1").derive(raw)
    same = HKDF(SHA256(), 2 * _KEY_BYTES, None, b"anhu telephones 1").derive(raw)
    trail = HKDF(SHA256(), _KEY_BYTES, None, b"anhu trails 1").derive(raw)
    return _Key(name, AESGCM(raw), search, AESSIV(same), trail)
