"""Each command prints, exits with and writes what was recorded.

After a change that operators are to see, `TOPUP_RECORD=1 pytest tests/doors` writes the files anew, and their difference
belongs into the same commit.
"""

import os
import shutil
import time
from pathlib import Path

import click
import pytest

from cli.reference import commands
from kernel.clock import FixedClock
from tests.doors.command_recorder import FOLDER, CommandRecorder, Requests
from tests.doors.givens import GIVENS
from tests.doors.scene import Kept, calls_of, scenes
from tests.support.command_line import without_settings
from tests.support.gateway import running, settings_of
from tests.support.masks import Masks

IS_RECORDING = bool(os.environ.get("TOPUP_RECORD"))
SCENES = scenes("commands")
EMAIL = "ops@acme.example"
# They run an installation or a receiver, look after the machine, or wait for a person: no acts.
NO_ACTS = {
    *("dev", "serve", "worker", "migrate", "backup", "restore", "vacuum", "doctor", "settings"),
    *("database accept-loss", "database copies", "database lost", "database status", "completion"),
    *("login", "logout", "open", "listen", "verify", "certify", "verify-receipt", "trigger"),
}


@pytest.mark.parametrize("name", SCENES)
async def test_each_command_does_what_was_recorded(
    name: str,
    sqlite_template: Path,
    tmp_path: Path,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_settings(monkeypatch, tmp_path)
    monkeypatch.setenv("LOGNAME", "ann")
    # The commands' own clock is the machine's: read once, then counted on. Both stand still here, however long it takes.
    monkeypatch.setattr(time, "time_ns", lambda: clock.now_us() * 1000)
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _counter: clock.now_us() * 1000)
    database = tmp_path / "topup.db"
    shutil.copy(sqlite_template, database)
    requests = Requests()
    settings = settings_of(f"sqlite:///{database}", tmp_path)
    async with running(settings, clock, requests.app_of) as gateway:
        account_id = await gateway.account(email=EMAIL)
        keys = {
            "http": await gateway.key(account_id),
            "reader": await gateway.key(account_id, scopes=["topup:read"]),
            "approver": await gateway.key(account_id, scopes=["approvals:write", "keys:write"]),
            "stranger": await gateway.key(await gateway.account()),
        }
        kept = Kept({"account": {"id": account_id}, "email": EMAIL, "key": keys["http"]})
        to = CommandRecorder(gateway, clock, tmp_path, requests, keys, GIVENS, kept, Masks())
        for call in calls_of(SCENES[name]):
            await to.play(call)

    file = FOLDER / f"{name}.txt"
    if IS_RECORDING:
        file.write_text(to.text(), encoding="utf-8")
    assert to.text() == file.read_text(encoding="utf-8")


def test_each_command_that_acts_is_recorded() -> None:
    recorded = {
        line.removeprefix("=== topup ")
        for file in FOLDER.glob("*.txt")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("=== ")
    }
    listed = {
        path.removeprefix("topup ")
        for path, context in commands()
        if not isinstance(context.command, click.Group)
    }

    assert listed - recorded == NO_ACTS
    assert recorded - listed == set()
