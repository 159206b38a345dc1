"""A process without a file descriptor left says so, once, and counts how long."""

import asyncio
import logging
import os
import resource

import pytest

from runtime.metrics import Metrics
from runtime.watch import count_open, watching_open_files


async def until(condition: object, metrics: Metrics, *, timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while str(condition).encode() not in metrics.render():  # noqa: ASYNC110 nobody is told
            await asyncio.sleep(0.01)


async def test_no_descriptor_left_is_one_line_and_a_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    metrics = Metrics()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with watching_open_files(metrics, every_s=0.01):
        resource.setrlimit(resource.RLIMIT_NOFILE, (count_open() + 20, hard))
        held = []
        try:
            while True:
                held.append(os.dup(0))
        except OSError:
            await until("topup_files_exhausted_total 3.0", metrics)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for fd in held:
                os.close(fd)
        async with asyncio.timeout(10):
            while len(caplog.records) < 2:  # noqa: ASYNC110 nobody is told
                await asyncio.sleep(0.01)

    assert [record.msg for record in caplog.records] == ["files.exhausted", "files.free"]
    assert f"topup_open_files_max {float(soft)}".encode() in metrics.render()
