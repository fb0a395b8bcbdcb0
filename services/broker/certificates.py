"""A certificate authority for development and small installations: its own, a server's and devices' certificates.

Not for a deployment that others connect to: there the server's certificate comes from an authority that devices know
already, and devices' keys are made in the device.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.broker.accounts import DEVICE_ID, RESERVED
from services.broker.whole_file import write_whole

AUTHORITY_DAYS = 3650
#: The most that browsers take from a server (CA/Browser Forum, ballot SC-31); devices are not stricter.
SERVER_DAYS = 397
#: Longer than a watch lasts: nobody goes round to renew them.
DEVICE_DAYS = 1825
#: Clocks that are behind take it all the same.
_EARLIER = timedelta(days=1)
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(\*\.)?({_LABEL}\.)*{_LABEL}")


class CertificateError(Exception):
    """The text says what cannot be done and how to mend it."""


@dataclass(frozen=True, slots=True)
class Made:
    """What is there now; `authority_is_new`: whoever trusted an older one has to be given this one."""

    authority: Path
    authority_is_new: bool
    certificate: Path
    key: Path
    hosts: list[str]
    devices: list[Path]


def make_certificates(
    directory: Path,
    hosts: Sequence[str],
    devices: Sequence[str],
    now: datetime,
    *,
    owner: tuple[int, int] | None = None,
) -> Made:
    """Keeps the authority that is in the directory, or makes one; makes a new server certificate for these host names
    and addresses (none: those of the certificate before), and one for each device_id.

    `owner`: (uid, gid) whom the server's key is given to. Keys are readable by their owner alone. Raises
    CertificateError, and OSError when files cannot be written.
    """
    for device_id in devices:
        if not DEVICE_ID.fullmatch(device_id) or device_id in RESERVED:
            raise CertificateError(f"{device_id!r} is no device_id: a certificate would give it the rights of its name")
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    server_pem, server_key = directory / "server.pem", directory / "server.key"
    named = list(hosts) or _hosts_of(server_pem)
    names = [_host_name(host) for host in named]
    key, authority, is_new = _authority(directory, now)
    issuer = _Issuer(key, authority, now)
    # The server's key stays: a broker that reads its files between the two would have a certificate that does not fit
    # its key, or a key that it may not read, and let nobody in any more (tried on Mosquitto 2.0.11).
    purpose = ExtendedKeyUsageOID.SERVER_AUTH
    issuer.issue(server_pem, server_key, named[0], purpose, SERVER_DAYS, names, keep_key=True, owner=owner)
    made = []
    if devices:
        (directory / "devices").mkdir(mode=0o700, exist_ok=True)
    for device_id in devices:
        made.append(directory / "devices" / f"{device_id}.pem")
        key_file = directory / "devices" / f"{device_id}.key"
        issuer.issue(made[-1], key_file, device_id, ExtendedKeyUsageOID.CLIENT_AUTH, DEVICE_DAYS)
    return Made(directory / "ca.pem", is_new, server_pem, server_key, named, made)


class _Issuer:
    def __init__(self, key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, now: datetime) -> None:
        self._key, self._authority, self._now = key, authority, now

    def issue(
        self,
        certificate: Path,
        key: Path,
        name: str,
        purpose: x509.ObjectIdentifier,
        days: int,
        hosts: Sequence[x509.GeneralName] = (),
        *,
        keep_key: bool = False,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """A certificate that does not outlive the authority, for a fresh key or, with `keep_key`, the one that is
        there."""
        own = _kept_key(key) if keep_key else None
        fresh = own is None
        own = own or ec.generate_private_key(ec.SECP256R1())
        ends = min(self._now + timedelta(days=days), self._authority.not_valid_after_utc)
        builder = _begin(name, own.public_key(), self._now, ends).issuer_name(self._authority.subject)
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        if fresh or owner:
            _write_key(key, own, owner)
        write_whole(certificate, _pem(builder.sign(self._key, hashes.SHA256())), 0o644, owner)


def _kept_key(file: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise CertificateError(f"{file} is no key that we made ({error}): move it away") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"{file} is no key that we made: move it away")
    return key


def _authority(directory: Path, now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate, bool]:
    pem, key_file = directory / "ca.pem", directory / "ca.key"
    if pem.exists() or key_file.exists():
        try:
            authority = x509.load_pem_x509_certificate(pem.read_bytes())
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise CertificateError(
                f"cannot read the authority in {directory} ({error}): put ca.pem and ca.key right,"
                " or name a new directory"
            ) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != authority.public_key():
            raise CertificateError(f"{key_file} is not the key of {pem}: put them right, or name a new directory")
        if authority.not_valid_after_utc <= now:
            raise CertificateError(
                f"the authority in {directory} ended on {authority.not_valid_after_utc:%Y-%m-%d}: name a new directory,"
                " and give every device the new ca.pem"
            )
        return key, authority, False
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _begin("Anhu development CA", key.public_key(), now, now + timedelta(days=AUTHORITY_DAYS))
    authority = (
        builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Anhu development CA")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key, None)
    write_whole(pem, _pem(authority), 0o644, None)
    return key, authority, True


def _begin(name: str, public_key: ec.EllipticCurvePublicKey, now: datetime, ends: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        # A common name has 64 characters at most; a server is known by its alternative names.
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _HOST.fullmatch(host):
            raise CertificateError(f"{host!r} is neither a host name nor an address") from None
        return x509.DNSName(host)


def _hosts_of(server_pem: Path) -> list[str]:
    try:
        certificate = x509.load_pem_x509_certificate(server_pem.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        raise CertificateError("name the server: --host with each name or address that devices connect to") from None
    return [str(name.value) for name in names]


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_key(target: Path, key: ec.EllipticCurvePrivateKey, owner: tuple[int, int] | None) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_whole(target, pem, 0o600, owner)
