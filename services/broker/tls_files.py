"""Whether Mosquitto could read its certificates again: at each SIGHUP it does, and if it cannot, nobody who connects
over TLS gets in any more (tried on 2.0.11). Then it had better not be told."""

import os
import pwd
import ssl
import stat
from pathlib import Path


def unfit_certificates(conf: Path, owner: tuple[int, int] | None) -> str | None:
    """Why the certfile and keyfile lines of this configuration cannot be read by (uid, gid) `owner`, or by ourselves;
    None when all can, or there is no such file. Files that `include_dir` brings in are not looked at."""
    try:
        lines = [line.split(None, 1) for line in conf.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return None
    certificate: Path | None = None
    for name, value in (line for line in lines if len(line) == 2):
        if name == "certfile":
            certificate = Path(value.strip())
        elif name == "keyfile":
            key = Path(value.strip())
            for file in filter(None, (certificate, key)):
                if not _may_read(file, owner):
                    return f"{file} is not there, or may not be read by whom Mosquitto runs as"
            try:
                if certificate:
                    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
            except (ssl.SSLError, OSError) as error:
                return f"{key} is not the key of {certificate}: {error}"
    return None


def _may_read(file: Path, owner: tuple[int, int] | None) -> bool:
    if owner is None:
        return os.access(file, os.R_OK)
    uid, gid = owner
    try:
        groups = os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        groups = [gid]
    try:
        real = file.resolve(strict=True)
        return _allows(real, uid, groups, 4) and all(_allows(folder, uid, groups, 1) for folder in real.parents)
    except OSError:
        return False


def _allows(path: Path, uid: int, groups: list[int], wanted: int) -> bool:
    """`wanted`: 4 to read, 1 to pass through."""
    there = path.stat()
    if there.st_uid == uid:
        return bool(stat.S_IMODE(there.st_mode) >> 6 & wanted)
    if there.st_gid in groups:
        return bool(stat.S_IMODE(there.st_mode) >> 3 & wanted)
    return bool(there.st_mode & wanted)
