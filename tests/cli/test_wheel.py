"""The built wheel has everything that a run needs: all packages, and the migrations' files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
IGNORED = shutil.ignore_patterns(
    ".*", "__pycache__", "build", "dist", "data", "*.egg-info", "tests"
)


def run(*words: str, cwd: Path, **variables: str) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith("TOPUP_")}
    own.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**own, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_wheel_migrates_a_database_and_explains_itself(tmp_path: Path) -> None:
    source, site, elsewhere = tmp_path / "source", tmp_path / "site", tmp_path / "elsewhere"
    # Building leaves files beside the sources.
    shutil.copytree(ROOT, source, ignore=IGNORED)
    elsewhere.mkdir()
    pip = ("-m", "pip", "--disable-pip-version-check")
    run(
        *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), ".",
        cwd=source,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    run(
        *pip,
        "install",
        "--no-deps",
        "--no-compile",
        "--target",
        str(site),
        str(wheel),
        cwd=elsewhere,
    )

    python_path = {"PYTHONPATH": str(site)}
    shown = run("-P", "-m", "cli", "--help", cwd=elsewhere, **python_path)
    migrated = run("-P", "-m", "cli", "migrate", "--json", cwd=elsewhere, **python_path)
    # Every command loads from the wheel alone, the gateway and the worker with it.
    place = "import cli.server.serve, cli.server.worker, gateway; print(gateway.__file__)"
    loaded = run("-P", "-c", place, cwd=elsewhere, **python_path)

    assert "serve" in shown
    assert json.loads(migrated) == {"schema": "0039"}
    assert loaded.startswith(str(site))
