"""The official conformance suite's server scenarios against /mcp, at each version's wire."""

import asyncio
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.node import FOLDER, NODE, environment, tool

pytestmark = pytest.mark.one_database

EXPECTED = Path(__file__).parent / "conformance.yaml"
# Frozen by the suite when each version was released.
VERSIONS = ("2026-07-28", "2025-11-25")


async def test_each_scenario_that_applies_passes(gateway: Gateway, tmp_path: Path) -> None:
    key = await gateway.key(await gateway.account())

    told = await asyncio.gather(*(run(gateway, key, version, tmp_path) for version in VERSIONS))

    for version, (code, output) in zip(VERSIONS, told, strict=True):
        assert code == 0, f"{version}\n{output[output.find('=== SUMMARY') :]}"
        assert "✓ tools-list" in output
        assert "Stale baseline" not in output


async def run(gateway: Gateway, key: str, version: str, folder: Path) -> tuple[int, str]:
    """The suite's exit code and what it says."""
    made = await asyncio.create_subprocess_exec(
        *(str(NODE), "--import", str(FOLDER / "bearer.mjs"), str(tool("conformance"))),
        *("server", "--url", f"{gateway.url}/mcp", "--requirements", version),
        *("--expected-failures", str(EXPECTED)),
        cwd=folder,
        env=environment(TOPUP_KEY=key),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await made.communicate()
    assert made.returncode is not None
    return made.returncode, output.decode()
