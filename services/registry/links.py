"""The short link in a message to a person: it names a notice, proves that we sent it, and says nothing of anybody.

It opens without a password, as an SMS to a neighbour must. What it opens is what that person may do about that alert,
for as long as the alert is unresolved; who holds it is taken for the person it was sent to.
"""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

#: Bytes of the proof that are kept: a guess succeeds once in 2^96, and the link stays short enough for an SMS.
PROOF_BYTES = 12
NOTICE = b"anhu notice link 1"
#: of the sheet that is handed over to 120: an id of `handover_links`
HANDOVER = b"anhu handover link 1"


def sign(secret_key: str, notice_id: UUID, purpose: bytes = NOTICE) -> str:
    """The part of the link behind `/n/`: 38 characters of A-Z a-z 0-9 - _."""
    return base64.urlsafe_b64encode(notice_id.bytes + _proof(secret_key, notice_id, purpose)).rstrip(b"=").decode()


def read(secret_key: str, token: str, purpose: bytes = NOTICE) -> UUID | None:
    """The notice that a link names; None when we did not make it, or for another purpose."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 16 + PROOF_BYTES:
        return None
    notice_id = UUID(bytes=raw[:16])
    return notice_id if hmac.compare_digest(raw[16:], _proof(secret_key, notice_id, purpose)) else None


def _proof(secret_key: str, notice_id: UUID, purpose: bytes) -> bytes:
    return hmac.digest(secret_key.encode(), purpose + notice_id.bytes, hashlib.sha256)[:PROOF_BYTES]
