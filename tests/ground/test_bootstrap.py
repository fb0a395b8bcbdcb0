"""deploy/bootstrap.py: what it says, and what it does not do twice."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, before a checkout of its own."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "READY", tmp_path / "ready.json")
    monkeypatch.setattr(module, "LOG", tmp_path / "bootstrap.log")
    monkeypatch.setattr(module, "WEB", tmp_path / "web")
    return module


def test_needs_the_standard_library_only() -> None:
    imported = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({str(SCRIPT)!r})"], check=False
    )
    assert imported.returncode == 0


def test_a_step_shows_its_name_and_keeps_its_words(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    bootstrap.run("browser app", ["sh", "-c", "echo built; echo warned >&2"], bootstrap.ROOT)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "  browser app …"
    assert shown[-1].startswith("  browser app … ")
    assert bootstrap.LOG.read_text().splitlines()[-2:] == ["built", "warned"]


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full: make room, then start again."),
        ("npm error code ENOTFOUND", "A package could not be fetched: check the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "A package is not the one that was locked"),
        ("something nobody expected", "Mend that, then start again."),
    ],
)
def test_a_failed_step_shows_its_end_and_says_what_to_do(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str], words: str, advice: str
) -> None:
    with pytest.raises(bootstrap.BootstrapError) as raised:
        bootstrap.run("packages", ["sh", "-c", f"seq 100; echo '{words}'; exit 1"], bootstrap.ROOT)
    assert str(raised.value).startswith(f"packages failed. {advice}")
    assert str(bootstrap.LOG) in str(raised.value)
    shown = capsys.readouterr().err.splitlines()
    assert shown == [*(f"    | {number}" for number in range(82, 101)), f"    | {words}"]


def test_what_is_ready_is_known_by_what_it_was_made_from(bootstrap: ModuleType) -> None:
    lock = bootstrap.ROOT / "requirements.lock"
    lock.write_text("one")
    bootstrap.set_ready("requirements.lock", bootstrap.digest([lock]))
    bootstrap.set_ready("web", "another step")
    assert bootstrap.is_ready("requirements.lock", bootstrap.digest([lock]))
    lock.write_text("two")
    assert not bootstrap.is_ready("requirements.lock", bootstrap.digest([lock]))
    assert bootstrap.is_ready("web", "another step")


def test_what_the_browser_app_is_made_from(bootstrap: ModuleType) -> None:
    for name in ("src/main.ts", "package.json", "node_modules/vue/index.js", "dist/index.html"):
        file = bootstrap.WEB / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert sorted(path.relative_to(bootstrap.WEB).as_posix() for path in bootstrap.files_of(bootstrap.WEB)) == [
        "package.json",
        "src/main.ts",
    ]


def test_asks_for_all_that_is_missing_in_one_sentence(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "find", lambda _program: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda _program: None)
    with pytest.raises(
        bootstrap.BootstrapError, match=r"Missing, as Debian calls them: mosquitto, mosquitto-clients\."
    ):
        bootstrap.install_system_programs("demo")
    with pytest.raises(bootstrap.BootstrapError, match=r"mosquitto-clients, chromium, fontconfig, fonts-noto-cjk\."):
        bootstrap.install_system_programs("test")
    bootstrap.install_system_programs("web")


def test_make_alone_lists_its_words() -> None:
    shown = subprocess.run(["make"], cwd=SCRIPT.parents[1], capture_output=True, text=True, check=True).stdout
    for word in ("demo", "test", "check", "unit", "bench", "soak", "lock", "web", "clean"):
        assert f"\n  make {word} " in shown, word
