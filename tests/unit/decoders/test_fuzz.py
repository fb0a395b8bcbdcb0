"""A few seconds of what `make soak` does for an hour: bytes that nobody thought of, for every decoder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="atheris has no wheel for this machine")

ROOT = Path(__file__).parents[3]
#: `make soak` sets ANHU_SOAK_SECONDS.
SECONDS = int(float(os.environ.get("ANHU_SOAK_SECONDS", "3")))


@pytest.mark.timeout(SECONDS + 120)
def test_no_decoder_raises_whatever_the_bytes() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.decoders", "--seconds", str(SECONDS)],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    runs = [line for line in ended.stderr.splitlines() if line.startswith("stat::number_of_executed_units")]
    assert int(runs[0].split(":")[-1]) > 400, "it went beyond the captures"
