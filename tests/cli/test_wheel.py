"""The built wheel has everything that a run needs: all packages, and the migrations' files."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from store.version import VERSIONS

ROOT = Path(__file__).resolve().parent.parent.parent
# Both take pip three seconds more of CPU.
UV = (str(Path(sysconfig.get_path("scripts")) / "uv"), "--quiet", "--offline")
IGNORED = shutil.ignore_patterns(
    ".*", "__pycache__", "build", "dist", "data", "*.egg-info", "tests"
)


def run(*words: str, cwd: Path, **variables: str) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TOPUP_")}
    own.pop("PYTHONPATH", None)
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**own, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.sampled(2, of="packages")
def test_an_installed_wheel_migrates_a_database_and_explains_itself(tmp_path: Path) -> None:
    source, site, elsewhere = tmp_path / "source", tmp_path / "site", tmp_path / "elsewhere"
    # Building leaves files beside the sources.
    shutil.copytree(ROOT, source, ignore=IGNORED)
    elsewhere.mkdir()
    python = (sys.executable, "-P")
    run(
        *(*UV, "build", "--wheel", "--no-build-isolation", "--out-dir", str(tmp_path)),
        *("--python", sys.executable, "."),
        cwd=source,
    )
    (wheel,) = tmp_path.glob("*.whl")
    run(*UV, "pip", "install", "--no-deps", "--target", str(site), str(wheel), cwd=elsewhere)

    python_path = {"PYTHONPATH": str(site)}
    shown = run(*python, "-m", "cli", "--help", cwd=elsewhere, **python_path)
    migrated = run(*python, "-m", "cli", "migrate", "--json", cwd=elsewhere, **python_path)
    # Every command loads from the wheel alone, the gateway and the worker with it.
    place = "import cli.server.serve, cli.server.worker, gateway; print(gateway.__file__)"
    loaded = run(*python, "-c", place, cwd=elsewhere, **python_path)

    assert "serve" in shown
    assert json.loads(migrated) == {"schema": VERSIONS[-1]}
    assert loaded.startswith(str(site))
