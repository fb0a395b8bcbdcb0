"""Makes a checkout ready: virtual environment, pinned packages, system programs, browser app.

    python3 deploy/bootstrap.py demo [options of `anhu demo`]    and then runs the demo
    python3 deploy/bootstrap.py test                             all that `make test` needs
    python3 deploy/bootstrap.py web                              the browser app alone

What is ready is not made again: each step leaves the hash of what it was made from in .venv/ready.json.
Only the standard library, and nothing that Python 3.7 cannot read, so that an old one is told so.
"""

from __future__ import annotations

import ctypes.util
import errno
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
WEB = ROOT / "services" / "web"
LOG = ROOT / "build" / "bootstrap.log"
READY = VENV / "ready.json"

LOCKS = {
    "demo": ["requirements.lock"],
    "test": ["requirements-dev.lock"],
    "web": [],
}
BUILD = ["requirements-build.lock"]
# What the processes of a demo import; and what each worker of the tests does beside it.
DEMO = ["gateway.process", "alerts.process", "services.api.process", "services.demo.demo", "simulators.cli"]
IMPORTED = {
    "demo": DEMO,
    "test": [
        *(*DEMO, "services.administration", "services.home_assistant.process", "tests.parts.system"),
        *("pytest", "xdist", "hypothesis.stateful", "playwright.sync_api", "websockets.sync.client"),
    ],
}
PACKAGES = ["gateway", "services", "alerts", "simulators"]
# Programs, and the Debian packages that have them.
MOSQUITTO = {"mosquitto": "mosquitto", "mosquitto_pub": "mosquitto-clients"}
CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]

# What the log of a failed step says, and what to do about it.
ADVICE = [
    (r"No space left on device|ENOSPC", "The disk is full: make room, then start again."),
    (
        r"DO NOT MATCH THE HASHES|EINTEGRITY",
        "A package is not the one that was locked: its registry is not to be trusted.",
    ),
    (r"Permission denied|EACCES", "No permission to write here: use a checkout of your own."),
    (
        r"No matching distribution|from versions: none|Could not fetch URL|name resolution|Connection refused"
        r"|timed out|ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|Unable to fetch|Failed to fetch",
        "A package could not be fetched: check the network, or name your mirror to pip, npm or apt.",
    ),
    (r"Could not get lock", "Another program is installing system packages: wait for it, then start again."),
]

_one_at_a_time = threading.Lock()


class BootstrapError(Exception):
    """The message says what to do."""


def main() -> None:
    what, *options = sys.argv[1:] or ["demo"]
    if what not in LOCKS:
        raise BootstrapError(__doc__ or "")
    use_python_3_11()
    os.umask(0o022)  # the database's user must be able to read its programs
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    install_system_programs(what)
    make_environment()
    install_packages("tools to build with", BUILD)
    with ThreadPoolExecutor(1) as beside:
        # Both wait for the network most of the time.
        browser = beside.submit(make_browser_app)
        install_packages("Python packages", LOCKS[what])
        browser.result()
    if what in ("demo", "test"):
        install_project()
        compile_modules(what)
    if what == "demo":
        os.execv(str(BIN / "anhu"), ["anhu", "demo", *options])


def use_python_3_11() -> None:
    if sys.version_info >= (3, 11):  # noqa: UP036 - older ones come here too
        return
    for minor in range(19, 10, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    raise BootstrapError(
        f"Anhu needs Python 3.11 or newer, and this is {sys.version.split()[0]}:"
        " install one, or name one that is there (make demo PYTHON=/usr/local/bin/python3.12)."
    )


def make_environment() -> None:
    # Not movable, and bound to its Python.
    made_from = f"{ROOT} {sys.version}"
    if is_ready("environment", made_from):
        return
    run("virtual environment", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    set_ready("environment", made_from)


def install_packages(name: str, locks: list[str]) -> None:
    missing = [lock for lock in locks if not is_ready(lock, digest([ROOT / lock]))]
    if missing:
        files = [word for lock in missing for word in ("-r", str(ROOT / lock))]
        run(name, [*pip(), "--require-hashes", *files])
        for lock in missing:
            set_ready(lock, digest([ROOT / lock]))


def install_project() -> None:
    made_from = digest([ROOT / "pyproject.toml"])
    if not is_ready("project", made_from):
        run("Anhu itself", [*pip(), "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
        set_ready("project", made_from)


def compile_modules(what: str) -> None:
    """Byte code of what the processes import, and of nothing else: each starts in half the time, also where
    PYTHONDONTWRITEBYTECODE keeps them from writing it themselves."""
    made_from = digest([*(ROOT / lock for lock in LOCKS[what]), *python_sources()])
    step = f"byte code ({what})"
    if not is_ready(step, made_from):
        code = f"import sys; sys.dont_write_bytecode = False; import {', '.join(IMPORTED[what])}"
        run(step, [str(BIN / "python"), "-c", code])
        set_ready(step, made_from)


def python_sources() -> list[Path]:
    return [path for package in PACKAGES for path in files_of(ROOT / package) if path.suffix == ".py"]


def pip() -> list[str]:
    return [
        str(BIN / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-compile",  # most modules are never imported; see compile_modules
        "--no-input",
        "--progress-bar",
        "off",
    ]


def install_system_programs(what: str) -> None:
    debian = []
    if not importlib.util.find_spec("ensurepip"):  # Debian has it in a package of its own
        debian.append(f"python3.{sys.version_info[1]}-venv")
    if what in ("demo", "test"):
        debian += [package for program, package in MOSQUITTO.items() if not find(program)]
    if what == "test":
        if not any(find(program) for program in CHROMIUM):
            debian.append("chromium")
        if sys.platform == "linux" and not ctypes.util.find_library("atomic"):
            debian.append("libatomic1")  # for the node inside playwright
        # Chinese on screenshots; fc-list comes with the fonts.
        if not find("fc-list") or not subprocess.check_output(["fc-list", ":lang=zh"]):
            debian += ["fontconfig", "fonts-noto-cjk"]
    if not debian:
        return
    if shutil.which("apt-get"):
        apt_install(debian)
    elif shutil.which("brew") and set(debian) <= set(MOSQUITTO.values()):
        run("Mosquitto", ["brew", "install", "mosquitto"])
    else:
        raise BootstrapError(
            f"Missing, as Debian calls them: {', '.join(debian)}."
            " Install them with your package manager, then start again."
        )


def apt_install(packages: list[str]) -> None:
    """Installs Debian packages for their programs: a service that comes with one stays off.

    Raises BootstrapError without root and without a sudo that lets us.
    """
    # policy-rc.d is Debian's own way to say "start nothing"; one that is there already is somebody's wish.
    script = """
        set -e
        if [ ! -e /usr/sbin/policy-rc.d ]; then
            trap 'rm -f /usr/sbin/policy-rc.d' EXIT
            printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
            chmod 755 /usr/sbin/policy-rc.d
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get -q update
        apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@"
        case " $* " in *" mosquitto "*)
            update-rc.d mosquitto disable || true  # systemd's unit too
        esac
    """
    command = ["sh", "-c", script, "sh", *packages]
    if os.geteuid() != 0:
        # Asks for the password now, before the progress line; without a terminal it must not ask.
        ask = ["sudo", "-v"] if sys.stdin.isatty() else ["sudo", "-n", "true"]
        if not shutil.which("sudo") or subprocess.run(ask, check=False).returncode != 0:
            raise BootstrapError(
                f"Missing: {', '.join(packages)}. As root, apt-get install {' '.join(packages)}; then start again."
            )
        command = ["sudo", *command]
    run("system packages: " + ", ".join(packages), command)


def install_browser_packages() -> None:
    lock = digest([WEB / "package.json", WEB / "package-lock.json"])
    if not (WEB / "node_modules").is_dir() or not is_ready("node packages", lock):
        npm = [str(BIN / "npm"), "ci", "--no-audit", "--no-fund"]
        run("browser packages", npm, WEB, LOG.with_name("browser-packages.log"))
        set_ready("node packages", lock)


def make_browser_app() -> None:
    install_browser_packages()
    build_web()


def build_web() -> None:
    sources = digest(files_of(WEB))
    if not (WEB / "dist" / "index.html").is_file() or not is_ready("browser app", sources):
        run("browser app", [str(BIN / "npm"), "run", "build"], WEB)
        set_ready("browser app", sources)


def files_of(top: Path) -> list[Path]:
    """What people wrote, not what was installed or built."""
    found = []
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in ("node_modules", "dist", "__pycache__")]
        found += [Path(folder, name) for name in files]
    return found


def find(program: str) -> str | None:
    """Debian keeps daemons out of an ordinary user's PATH."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/opt/homebrew/sbin:/usr/local/sbin")


def run(name: str, command: list[str], cwd: Path = ROOT, log_file: Path | None = None) -> None:
    """Runs one step: its name and running seconds on the screen, its words in the log.

    Raises BootstrapError, after showing the log's end, when the step fails.
    """
    began = time.monotonic()
    live = sys.stdout.isatty() and threading.active_count() == 1  # two would write over each other's line
    print(f"  {name} …", end="" if live else "\n", flush=True)
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ.get('PATH', '')}"}
    log_file = log_file or LOG
    with log_file.open("ab") as log:
        log.write(f"\n$ {' '.join(command)}\n".encode())
        log.flush()
        begins_at = log.tell()
        step = subprocess.Popen(
            command, cwd=str(cwd), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            while step.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    step.wait(1 if live else 15)
                if live or step.returncode is None:
                    so_far = f"  {name} … {time.monotonic() - began:.0f} s"
                    print(f"\r{so_far}" if live else f"{so_far} so far", end="" if live else "\n", flush=True)
        finally:
            step.terminate()
            step.wait()
    print(f"{chr(13) if live else ''}  {name} … {time.monotonic() - began:.1f} s", flush=True)
    if step.returncode != 0:
        words = log_file.read_bytes()[begins_at:].decode("utf-8", "replace")
        print("\n".join(f"    | {line}" for line in words.rstrip().splitlines()[-20:]), file=sys.stderr)
        advice = (text for pattern, text in ADVICE if re.search(pattern, words))
        raise BootstrapError(
            f"{name} failed. {next(advice, 'Mend that, then start again.')} Its words are in {log_file}"
        )


def digest(files: Iterable[Path]) -> str:
    """Of these files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def is_ready(step: str, made_from: str) -> bool:
    return READY.exists() and json.loads(READY.read_text()).get(step) == made_from


def set_ready(step: str, made_from: str) -> None:
    with _one_at_a_time:
        known = json.loads(READY.read_text()) if READY.exists() else {}
        unfinished = READY.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({**known, step: made_from}, indent=1))
        unfinished.replace(READY)


if __name__ == "__main__":
    try:
        main()
    except BootstrapError as failed:
        sys.exit(f"bootstrap: {failed}")
    except OSError as error:
        advice = "Make room" if error.errno == errno.ENOSPC else "Use a checkout that you may write in"
        sys.exit(f"bootstrap: {error.filename or ROOT}: {error.strerror}. {advice}, then start again.")
    except KeyboardInterrupt:
        sys.exit(130)
