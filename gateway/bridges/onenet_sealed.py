"""What OneNET pushes in its safe mode (安全模式), opened. Pure.

`msg` is Base64 of AES-128 in CBC with PKCS #7 padding, under the 16 characters that the console shows as the push's key
(open.iot.10086.cn, HTTP 推送); the same 16 are the initialisation vector (github.com/cm-heclouds/data-push, Util.java).
The signature is over `msg` as it comes, so whoever opens it knows already that it is OneNET's.
"""

import binascii
from base64 import b64decode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from gateway.bridges.cloud_settings import BLOCK_BYTES


class SealedError(ValueError):
    """The text says, to whoever runs the bridge, why a body stays shut."""


def opened(msg: str, key: str) -> bytes:
    """The message in the clear, also where it came so. Raises SealedError."""
    sealed = _sealed(msg)
    if sealed is None:
        return msg.encode("utf-8", "replace")
    if not key:
        raise SealedError("it is encrypted (安全模式): set ANHU_CLOUD_ONENET_KEY, or choose 明文 in OneNET's console")
    secret = key.encode()
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(secret)).decryptor()
    unpadder = PKCS7(algorithms.AES.block_size).unpadder()
    try:
        clear = unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
        clear.decode("utf-8")
    except ValueError:
        # Another key makes noise: one in some two hundred is padded well, and hardly any of those is text.
        raise SealedError("it does not open with ANHU_CLOUD_ONENET_KEY: is it the key of this push?") from None
    return clear


def _sealed(msg: str) -> bytes | None:
    """Whole blocks in Base64; else it came in the clear: no JSON is Base64."""
    try:
        blocks = b64decode(msg, validate=True)
    except (binascii.Error, ValueError):
        return None
    return blocks if blocks and len(blocks) % BLOCK_BYTES == 0 else None
