"""Makes a checkout ready: virtual environment, pinned packages, system programs, browser app.

    python3 deploy/bootstrap.py demo [options of `anhu demo`]    and then runs the demo
    python3 deploy/bootstrap.py test                             all that `make test` needs
    python3 deploy/bootstrap.py web                              the browser app alone

What is ready is not made again: each step leaves the hash of what it was made from in .venv/ready.json.
Only the standard library, and nothing that Python 3.7 cannot read, so that an old one is told so.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
WEB = ROOT / "services" / "web"
LOG = ROOT / "build" / "bootstrap.log"
READY = VENV / "ready.json"

LOCKS = {
    "demo": ["requirements.lock", "requirements-build.lock"],
    "test": ["requirements-dev.lock"],
    "web": ["requirements-build.lock"],
}
# A program that has to be there, with Debian's package and Homebrew's.
MOSQUITTO = [("mosquitto", "mosquitto", "mosquitto"), ("mosquitto_pub", "mosquitto-clients", "mosquitto")]
CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]

# What the log of a failed step says, and what to do about it.
ADVICE = [
    (r"No space left on device|ENOSPC", "The disk is full: make room, then start again."),
    (r"DO NOT MATCH THE HASHES|EINTEGRITY", "A package is not the one that was locked: its registry is not to be trusted."),
    (r"Permission denied|EACCES", "No permission to write here: use a checkout of your own."),
    (r"No matching distribution|from versions: none|Could not fetch URL|name resolution|ENOTFOUND|ETIMEDOUT"
     r"|ECONNREFUSED|ECONNRESET|Unable to fetch|Failed to fetch|timed out|Connection refused",
     "A package could not be fetched: check the network, or name your mirror to pip, npm or apt, then start again."),
    (r"Could not get lock", "Another program is installing system packages: wait for it, then start again."),
]


class Failed(Exception):
    """The message says what to do."""


def main() -> None:
    what, *options = sys.argv[1:] or ["demo"]
    if what not in LOCKS:
        raise Failed(__doc__ or "")
    use_python_3_11()
    os.umask(0o022)  # the database's user must be able to read its programs
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    make_environment()
    install_packages(LOCKS[what])
    if what != "web":
        install_system_programs(what == "test")
    build_web()
    if what == "demo":
        install_project()
        os.execv(str(BIN / "anhu"), ["anhu", "demo", *options])
    if what == "test":
        install_project()


def use_python_3_11() -> None:
    if sys.version_info >= (3, 11):  # noqa: UP036 - older ones come here too
        return
    for minor in range(19, 10, -1):
        newer = shutil.which("python3.%d" % minor)
        if newer:
            os.execv(newer, [newer, *sys.argv])
    raise Failed("Anhu needs Python 3.11 or newer, and this is %s: install one, or name it: make PYTHON=python3.12 …"
                 % sys.version.split()[0])


def make_environment() -> None:
    # Not movable, and bound to its Python.
    made_from = "%s %s" % (ROOT, sys.version)
    if is_ready("environment", made_from):
        return
    try:
        import ensurepip  # noqa: F401 - Debian has it in a package of its own
    except ImportError:
        package = "python%d.%d-venv" % sys.version_info[:2]
        if not shutil.which("apt-get"):
            raise Failed("This Python has no ensurepip: install your system's package for venv.") from None
        apt_install("Python's venv", [package])
    run("virtual environment", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    set_ready("environment", made_from)


def install_packages(locks: list[str]) -> None:
    missing = [lock for lock in locks if not is_ready(lock, digest([ROOT / lock]))]
    if missing:
        files = [word for lock in missing for word in ("-r", str(ROOT / lock))]
        run("Python packages", [*pip(), "--require-hashes", *files])
        for lock in missing:
            set_ready(lock, digest([ROOT / lock]))


def install_project() -> None:
    made_from = digest([ROOT / "pyproject.toml"])
    if not is_ready("project", made_from):
        run("Anhu itself", [*pip(), "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
        set_ready("project", made_from)


def pip() -> list[str]:
    return [str(BIN / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
            "--progress-bar", "off"]


def install_system_programs(for_tests: bool) -> None:
    missing = [names for names in MOSQUITTO if not find(names[0])]
    debian = [names[1] for names in missing]
    if for_tests:
        if not any(find(program) for program in CHROMIUM):
            debian.append("chromium")
        # Chinese on screenshots; fc-list comes with the fonts.
        if not find("fc-list") or not subprocess.run(["fc-list", ":lang=zh"], stdout=subprocess.PIPE).stdout:
            debian += ["fontconfig", "fonts-noto-cjk"]
    if not debian:
        return
    if shutil.which("apt-get"):
        apt_install(" and ".join(debian), debian)
    elif shutil.which("brew") and missing:
        run("Mosquitto", ["brew", "install", "mosquitto"])
    else:
        raise Failed("Missing: %s. Install %s with your system's package manager, then start again."
                     % (", ".join(debian), "it" if len(debian) == 1 else "them"))


def apt_install(name: str, packages: list[str]) -> None:
    """Installs Debian packages for their programs: a service that comes with one is neither started nor enabled."""
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
        for package; do
            if [ "$package" = mosquitto ] && command -v systemctl > /dev/null; then
                systemctl disable mosquitto
            fi
        done
    """
    command = ["sh", "-c", script, "sh", *packages]
    if os.geteuid() != 0:
        # Asks for the password now, before the progress line; without a terminal it must not ask.
        ask = ["sudo", "-v"] if sys.stdin.isatty() else ["sudo", "-n", "true"]
        if not shutil.which("sudo") or subprocess.run(ask).returncode != 0:
            raise Failed("Installing %s needs root. As root: apt-get install %s; then start again."
                         % (" ".join(packages), " ".join(packages)))
        command = ["sudo", *command]
    run(name, command)


def build_web() -> None:
    sources = digest(path for path in WEB.rglob("*")
                     if path.is_file() and not {"node_modules", "dist"} & set(path.relative_to(WEB).parts))
    lock = digest([WEB / "package.json", WEB / "package-lock.json"])
    if not (WEB / "node_modules").is_dir() or not is_ready("node packages", lock):
        run("browser packages", [str(BIN / "npm"), "ci", "--no-audit", "--no-fund"], WEB)
        set_ready("node packages", lock)
    if not (WEB / "dist" / "index.html").is_file() or not is_ready("web", sources):
        run("browser app", [str(BIN / "npm"), "run", "build"], WEB)
        set_ready("web", sources)


def find(program: str) -> str | None:
    """Debian keeps daemons out of an ordinary user's PATH."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/opt/homebrew/sbin:/usr/local/sbin")


def run(name: str, command: list[str], cwd: Path = ROOT) -> None:
    """Runs a step: its name and running seconds here, its words in the log; raises Failed with the log's end."""
    began = time.monotonic()
    live = sys.stdout.isatty()
    print("  %s …" % name, end="" if live else "\n", flush=True)
    environment = {**os.environ, "PATH": "%s:%s" % (BIN, os.environ.get("PATH", "")), "npm_config_update_notifier": "false"}
    with LOG.open("ab") as log:
        begins_at = log.tell()
        log.write(("\n$ %s\n" % " ".join(command)).encode())
        log.flush()
        step = subprocess.Popen(command, cwd=str(cwd), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        told = began
        try:
            while True:
                try:
                    code = step.wait(1 if live else 15)
                    break
                except subprocess.TimeoutExpired:
                    elapsed = time.monotonic() - began
                    print("\r  %s … %d s" % (name, elapsed) if live else "  %s … %d s so far" % (name, elapsed),
                          end="" if live else "\n", flush=True)
        except BaseException:
            step.terminate()
            step.wait()
            raise
    elapsed = time.monotonic() - began
    print("%s  %s … %.1f s" % ("\r" if live else "", name, elapsed), flush=True)
    if code != 0:
        with LOG.open("rb") as log:
            log.seek(begins_at)
            words = log.read().decode("utf-8", "replace")
        print("\n".join("    | " + line for line in words.rstrip().splitlines()[-20:]), file=sys.stderr)
        advice = next((text for pattern, text in ADVICE if re.search(pattern, words)), "Its whole output is above.")
        raise Failed("%s failed (%d). %s All of its output is in %s" % (name, code, advice, LOG))


def digest(files) -> str:
    """Of these files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(("%s\0" % path.relative_to(ROOT)).encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def is_ready(step: str, made_from: str) -> bool:
    return READY.exists() and json.loads(READY.read_text()).get(step) == made_from


def set_ready(step: str, made_from: str) -> None:
    known = json.loads(READY.read_text()) if READY.exists() else {}
    READY.write_text(json.dumps({**known, step: made_from}, indent=1))


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit("bootstrap: %s" % failed)
    except OSError as error:
        sys.exit("bootstrap: %s: %s. %s" % (error.filename or ROOT, error.strerror,
                 "Make room, then start again." if error.errno == 28 else "Use a checkout you may write in."))
    except KeyboardInterrupt:
        sys.exit(130)
