"""The wake pipe: a full one, a closed one and a restarted reader are all the same to a caller."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from runtime.wake_pipe import WakePipe, listen, open_wake_pipe

PATIENCE_S = 20


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = open_wake_pipe()
    yield ends
    for fd in ends:
        os.close(fd)


async def test_a_wake_is_heard(pipe: tuple[int, int]) -> None:
    woken = asyncio.Event()
    end = listen(pipe[0], woken.set)

    WakePipe(pipe[1]).wake_soon()

    async with asyncio.timeout(PATIENCE_S):
        await woken.wait()
    end()


async def test_many_wakes_are_heard_as_few(pipe: tuple[int, int]) -> None:
    heard = []
    queue = WakePipe(pipe[1])
    for _ in range(1000):
        await queue.wake()

    end = listen(pipe[0], lambda: heard.append(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert heard == [1]
    end()


def test_a_full_pipe_does_not_block(pipe: tuple[int, int]) -> None:
    queue = WakePipe(pipe[1])

    for _ in range(100_000):
        queue.wake_soon()

    assert len(os.read(pipe[0], 1_000_000)) == 65_536


def test_later_work_wakes_at_once(pipe: tuple[int, int]) -> None:
    WakePipe(pipe[1]).wake_at(1)

    assert os.read(pipe[0], 10) == b"w"


def test_a_closed_reader_is_not_felt() -> None:
    read_fd, write_fd = open_wake_pipe()
    os.close(read_fd)

    WakePipe(write_fd).wake_soon()

    os.close(write_fd)


async def test_a_closed_writer_ends_the_listening() -> None:
    heard = []
    read_fd, write_fd = open_wake_pipe()
    listen(read_fd, lambda: heard.append(1))
    os.close(write_fd)

    for _ in range(3):
        await asyncio.sleep(0)

    assert heard == []
    # False: nothing was registered any more.
    assert not asyncio.get_running_loop().remove_reader(read_fd)
    os.close(read_fd)
