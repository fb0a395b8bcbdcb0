import base64
import subprocess
from pathlib import Path

import pytest

from services.broker.passwords import ALPHABET, hash_password, new_secret, verify_password


def test_a_hash_is_of_its_password_and_no_other() -> None:
    stored = hash_password("五谷丰登 2026")
    assert verify_password("五谷丰登 2026", stored)
    assert not verify_password("五谷丰登 2027", stored)


def test_the_same_password_gives_another_hash_each_time() -> None:
    assert hash_password("one") != hash_password("one")


def test_a_known_vector() -> None:
    # PBKDF2-HMAC-SHA512 of "password" and "salt", one round: a vector published beside RFC 6070's.
    digest = bytes.fromhex(
        "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
        "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce"
    )
    expected = f"$7$1$c2FsdA==${base64.b64encode(digest).decode()}"
    assert hash_password("password", iterations=1, salt=b"salt") == expected


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "password",
        "$6$c2FsdA==$aGFzaA==",
        "$7$x$c2FsdA==$aGFzaA==",
        "$7$0$c2FsdA==$aGFzaA==",
        "$7$101$!$aGFzaA==",
        "$7$101$c2FsdA==",
    ],
)
def test_another_form_fits_no_password(stored: str) -> None:
    assert not verify_password("password", stored)


def test_reads_what_mosquitto_passwd_wrote(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", file, "watch-1", "a secret"], check=True, capture_output=True)
    stored = file.read_text().strip().removeprefix("watch-1:")
    assert stored.startswith("$7$101$")
    assert verify_password("a secret", stored)


def test_secrets_are_long_unambiguous_and_differ() -> None:
    made = {new_secret() for _ in range(200)}
    assert len(made) == 200
    assert all(len(secret) == 24 for secret in made)
    assert set("".join(made)) <= set(ALPHABET)
    assert not set(ALPHABET) & set("0oO1lI ")
