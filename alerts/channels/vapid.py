"""The key by which push services know us: made once and kept in the database, or given by a setting. Whoever loses it
has every browser subscribe anew."""

import base64
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

_KEEP = "INSERT INTO vapid_key (private_key) VALUES (%s) ON CONFLICT DO NOTHING"
_KEPT = "SELECT private_key FROM vapid_key"


async def private_key(connection: Connection, given: str) -> str:
    """PEM. `given`: ANHU_VAPID_PRIVATE_KEY, as PEM or as the 43 characters that other tools print; may be empty.
    Raises ValueError for one that is none."""
    if given:
        return _pem(_read(given))
    kept = await (await connection.execute(_KEPT)).fetchone()
    if kept is None:
        await connection.execute(_KEEP, (_pem(ec.generate_private_key(ec.SECP256R1())),))
        kept = await (await connection.execute(_KEPT)).fetchone()
    assert kept is not None
    return str(kept[0])


def public_key(pem: str) -> str:
    """The `applicationServerKey` of a subscription: an uncompressed point as base64url."""
    point = (
        _read(pem).public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def _read(text: str) -> ec.EllipticCurvePrivateKey:
    if text.lstrip().startswith("-----BEGIN"):
        key = serialization.load_pem_private_key(text.replace("\\n", "\n").encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("want a key of the curve P-256")
        return key
    raw = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    return ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
