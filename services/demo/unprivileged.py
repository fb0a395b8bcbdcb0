"""PostgreSQL refuses to run as root, and Mosquitto had better not: then both run as a user of their own."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TypedDict

from services.demo.errors import DemoError

USERNAME = "anhu-demo"


def server_user() -> tuple[int, int] | None:
    """(uid, gid) that servers run as when we are root, made when missing; None when we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(USERNAME)
    except KeyError:
        entry = _make_user()
    return entry.pw_uid, entry.pw_gid


class RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def run_as(user: tuple[int, int] | None) -> RunAs:
    """What subprocess is to be told to start a program as server_user()."""
    return RunAs(user=user[0], group=user[1], extra_groups=[]) if user else RunAs()


def _make_user() -> pwd.struct_passwd:
    program = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        raise DemoError(
            "PostgreSQL does not run as root, and there is no `useradd` to make a user for it:"
            " run this as an ordinary user."
        )
    done = subprocess.run(
        [program, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USERNAME],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return pwd.getpwnam(USERNAME)
    except KeyError:
        raise DemoError(
            f"PostgreSQL does not run as root, and making the user {USERNAME} for it failed"
            f" ({done.stderr.strip()}): run this as an ordinary user."
        ) from None


def open_the_way(path: Path, user: tuple[int, int] | None) -> list[Path]:
    """Lets the server's user pass through (not list) the folders above `path`; returns those it changed."""
    changed: list[Path] = []
    if user is None:
        return changed
    for folder in path.resolve().parents:
        there = folder.stat()
        if there.st_uid == user[0]:
            needed = stat.S_IXUSR
        elif there.st_gid == user[1]:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not there.st_mode & needed:
            folder.chmod(stat.S_IMODE(there.st_mode) | needed)
            changed.append(folder)
    return changed
