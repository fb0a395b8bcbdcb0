import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.demo import folder as folder_module
from services.demo.errors import DemoError
from services.demo.folder import DemoFolder, Keys, write_private


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    first = DemoFolder(tmp_path / "demo")
    again = (
        f"from pathlib import Path; from services.demo.folder import DemoFolder\n"
        f"with DemoFolder(Path({str(first.path)!r})).locked(): pass"
    )
    with first.locked():
        second = subprocess.run([sys.executable, "-c", again], capture_output=True, text=True, check=False)
        assert (
            f"another demo (process {os.getpid()}) runs in {first.path}: stop it, or choose" in second.stderr
        )
    subprocess.run([sys.executable, "-c", again], check=True)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DemoError, match=r"cannot write in .*file/demo .*: choose another --data-dir"),
        DemoFolder(tmp_path / "file" / "demo").locked(),
    ):
        pass


def test_too_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "NEEDED_BYTES", 2**60)
    with (
        pytest.raises(DemoError, match=r"only .* MB are free where .* is, and a demo needs"),
        DemoFolder(tmp_path / "demo").locked(),
    ):
        pass


def test_keys_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    first = Keys(tmp_path / "keys.json")
    made = first.secret("watch-0001"), first.password("beichan-1"), first.signing_key()
    assert first.hash_of("watch-0001", str.upper) == made[0].upper()
    first.save()
    again = Keys(tmp_path / "keys.json")
    assert (again.secret("watch-0001"), again.password("beichan-1"), again.signing_key()) == made
    assert again.hash_of("watch-0001", str.lower) == made[0].upper()
    assert len(set(made)) == 3
    assert len(made[2].encode()) >= 32  # what HS256 asks for
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_private_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "demo.json"
    write_private(target, "before")
    with pytest.raises(UnicodeEncodeError):
        write_private(target, "half \ud800")
    assert target.read_text() == "before"
    write_private(target, "after")
    assert target.read_text() == "after"
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]
