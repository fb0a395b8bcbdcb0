"""Device secrets, and their hashes as Mosquitto reads them: `$7$iterations$salt$hash`, PBKDF2 of SHA-512."""

import base64
import binascii
import hashlib
import hmac
import secrets

# More rounds protect a password that can be guessed; ours are made by new_secret(), of 118 bits, and cannot be.
# Mosquitto hashes in its only thread, at each sign-in and again, for everybody who is connected, at each reload of
# its files: at its default of 101 rounds some 0.15 ms each (a press waits 0.9 s behind 5,000 clients), at one 0.01 ms.
# Figures in docs/adr/0009-one-round.md. EMQX knows one number of rounds for all: deploy/emqx.
ITERATIONS = 1
SALT_BYTES = 12

# Read aloud, typed and printed on labels: no 0/o, 1/l/i.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
SECRET_LENGTH = 24  # of 31 characters: 118 bits


def new_secret() -> str:
    """A fresh secret for one device or service account: 24 characters, none of them ambiguous."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))


def hash_password(password: str, *, iterations: int = ITERATIONS, salt: bytes | None = None) -> str:
    """The line's second half in Mosquitto's password file; a fresh salt unless one is given."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether `stored`, as hash_password made it, is of this password; False for any other form."""
    match stored.split("$"):
        case ["", "7", iterations, salt, digest] if iterations.isdecimal() and int(iterations) > 0:
            try:
                decoded_salt = base64.b64decode(salt, validate=True)
                expected = base64.b64decode(digest, validate=True)
            except binascii.Error:
                return False
            found = hashlib.pbkdf2_hmac("sha512", password.encode(), decoded_salt, int(iterations))
            return hmac.compare_digest(found, expected)
        case _:
            return False
