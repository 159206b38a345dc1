"""The supervisor: starts in order, stops in reverse, brings back the dead, leaves no orphan."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from cli.server.processes import START_FAILURES_MAX, ProcessGroup
from runtime.supervisor import (
    PARENT_FD_VARIABLE,
    Child,
    DataDirInUse,
    Supervisor,
    bind_listener,
    lock_data_dir,
    parent_fd,
)

PATIENCE_S = 20
ROOT = str(Path(__file__).parents[2])

# Each child writes what happens to it into one journal.
CHILD = """
import asyncio, os, signal, sys
sys.path.insert(0, os.environ["ROOT"])
from runtime.supervisor import parent_fd, watch_parent
journal, name, manner = sys.argv[1:]

def note(word):
    with open(journal, "a") as file:
        file.write(f"{name} {word} {os.getpid()}\\n")

async def main():
    end = asyncio.Event()
    def leave(word):
        note(word)
        end.set()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, note if manner == "deaf" else leave, "stopped")
    watch_parent(parent_fd(os.environ), lambda: leave("orphaned"))
    is_again = manner == "once" and f"{name} started" in open(journal).read()
    note("started")
    if manner == "brief" or is_again:
        sys.exit(3)
    if manner in ("ready", "once"):
        os.write(int(os.environ["READY_FD"]), b".")
    await end.wait()

asyncio.run(main())
"""


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def child(self, name: str, manner: str = "good") -> Child:
        argv = [sys.executable, "-c", CHILD, str(self.path), name, manner]
        return Child(name, argv, {"ROOT": ROOT})

    def words(self) -> list[str]:
        """Such as "gateway started", in the order in which it happened."""
        return [line.rpartition(" ")[0] for line in self.path.read_text().splitlines()]

    def pids(self, event: str) -> list[int]:
        lines = self.path.read_text().splitlines()
        return [int(line.rpartition(" ")[2]) for line in lines if line.startswith(event)]

    async def until(self, fact: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not fact(self.words()):  # noqa: ASYNC110 - other processes write it
                await asyncio.sleep(0.01)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


async def test_children_stop_in_the_reverse_order(journal: Journal) -> None:
    names = ["redis", "worker", "gateway"]
    supervisor = Supervisor([journal.child(name) for name in names])
    run = asyncio.create_task(supervisor.run())
    await journal.until(lambda words: len(words) == 3)

    supervisor.ask_to_stop()
    was_orderly = await run

    assert was_orderly
    assert journal.words()[3:] == ["gateway stopped", "worker stopped", "redis stopped"]


async def test_each_child_leads_a_session_of_its_own(journal: Journal) -> None:
    supervisor = Supervisor([journal.child("a"), journal.child("b")])
    run = asyncio.create_task(supervisor.run())
    await journal.until(lambda words: len(words) == 2)

    pids = supervisor.pids

    assert sorted(pids) == ["a", "b"]
    assert [os.getsid(pid) for pid in pids.values()] == list(pids.values())
    supervisor.ask_to_stop()
    await run


async def test_a_killed_child_comes_back(journal: Journal) -> None:
    supervisor = Supervisor([journal.child("a"), journal.child("b")], backoff_first_s=0.01)
    run = asyncio.create_task(supervisor.run())
    await journal.until(lambda words: len(words) == 2)

    os.kill(supervisor.pids["a"], signal.SIGKILL)

    await journal.until(lambda words: words.count("a started") == 2)
    assert journal.words().count("b started") == 1
    supervisor.ask_to_stop()
    await run


async def test_a_child_that_keeps_ending_is_given_ever_more_time(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="runtime.supervisor")
    supervisor = Supervisor([journal.child("a", "brief")], backoff_first_s=0.01)
    run = asyncio.create_task(supervisor.run())

    await journal.until(lambda words: len(words) == 4)
    supervisor.ask_to_stop()
    await run

    ends = [vars(record) for record in caplog.records if record.message == "child.ended"]
    assert [end["restart_in_s"] for end in ends[:3]] == [0.01, 0.02, 0.04]
    assert [end["exit_code"] for end in ends[:3]] == [3, 3, 3]


async def test_a_program_that_is_not_there_stops_nobody_else(journal: Journal) -> None:
    missing = Child("missing", ["/nowhere/at/all"], {})
    supervisor = Supervisor([missing, journal.child("a")], backoff_first_s=0.01)
    run = asyncio.create_task(supervisor.run())

    await journal.until(lambda words: words == ["a started"])

    assert list(supervisor.pids) == ["a"]
    supervisor.ask_to_stop()
    assert await run


async def test_a_deaf_child_is_killed_after_the_grace(journal: Journal) -> None:
    supervisor = Supervisor([journal.child("a", "deaf")], grace_s=0.1)
    run = asyncio.create_task(supervisor.run())
    await journal.until(lambda words: words == ["a started"])
    pid = supervisor.pids["a"]

    supervisor.ask_to_stop()
    await run

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_asking_twice_does_not_wait_for_the_grace(journal: Journal) -> None:
    children = [journal.child("a", "deaf"), journal.child("b", "deaf")]
    supervisor = Supervisor(children, grace_s=3600)
    run = asyncio.create_task(supervisor.run())
    await journal.until(lambda words: len(words) == 2)
    pids = supervisor.pids

    supervisor.ask_to_stop()
    await journal.until(lambda words: "b stopped" in words)
    supervisor.ask_to_stop()
    async with asyncio.timeout(PATIENCE_S):
        was_orderly = await run

    assert not was_orderly
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_cancelled_supervisor_stops_its_children(journal: Journal) -> None:
    run = asyncio.create_task(Supervisor([journal.child("a")]).run())
    await journal.until(lambda words: words == ["a started"])

    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert journal.words() == ["a started", "a stopped"]


PARENT = """
import asyncio, os, sys
sys.path.insert(0, os.environ["ROOT"])
from runtime.supervisor import Child, Supervisor
argv = sys.argv[1:]
supervisor = Supervisor([Child("a", argv, {"ROOT": os.environ["ROOT"]})])
sys.exit(0 if asyncio.run(supervisor.run()) else 1)
"""


async def start_parent(journal: Journal) -> asyncio.subprocess.Process:
    child = journal.child("a")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, *child.argv, env={"ROOT": ROOT}
    )
    await journal.until(lambda words: words == ["a started"])
    return process


async def test_children_leave_when_their_parent_is_killed(journal: Journal) -> None:
    parent = await start_parent(journal)

    parent.kill()

    await parent.wait()
    await journal.until(lambda words: words == ["a started", "a orphaned"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_everything_in_order(journal: Journal, number: signal.Signals) -> None:
    parent = await start_parent(journal)

    parent.send_signal(number)

    assert await parent.wait() == 0
    assert journal.words() == ["a started", "a stopped"]


def test_a_data_directory_is_held_by_one(tmp_path: Path) -> None:
    fd = lock_data_dir(tmp_path)

    with pytest.raises(DataDirInUse, match="another `topup dev`"):
        lock_data_dir(tmp_path)

    os.close(fd)
    os.close(lock_data_dir(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_lock_ends_with_its_holder_even_if_a_child_lives_on(tmp_path: Path) -> None:
    fd = lock_data_dir(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        os.close(fd)

        os.close(lock_data_dir(tmp_path))

        child.communicate(b"\n")


SERVER = """
import socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
while True:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"hello")
"""


async def test_callers_wait_in_line_until_the_gateway_is_back() -> None:
    listener = bind_listener("127.0.0.1", 0)
    port = listener.getsockname()[1]
    fd = listener.fileno()
    gateway = Child("gateway", [sys.executable, "-c", SERVER, str(fd)], {}, (fd,))
    supervisor = Supervisor([gateway], backoff_first_s=0.01)
    # Before anybody accepts.
    greeting = asyncio.create_task(greeted(port))
    await asyncio.sleep(0)
    run = asyncio.create_task(supervisor.run())
    assert await greeting == b"hello"
    killed = supervisor.pids["gateway"]
    os.kill(killed, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while killed in supervisor.pids.values():  # noqa: ASYNC110 - a process has to die
            await asyncio.sleep(0.001)

    assert await greeted(port) == b"hello"

    supervisor.ask_to_stop()
    await run
    listener.close()


async def greeted(port: int) -> bytes:
    """What whoever listens on the port says first."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
    return said


def test_a_port_that_is_taken_is_an_error() -> None:
    with bind_listener("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        bind_listener("127.0.0.1", listener.getsockname()[1])


def test_a_host_name_is_resolved() -> None:
    with bind_listener("localhost", 0) as listener:
        assert listener.family in (socket.AF_INET, socket.AF_INET6)


@pytest.mark.parametrize(
    ("text", "fd"), [("7", 7), ("", None), ("-1", None), ("x", None), ("\u00b2", None)]
)
def test_the_parents_descriptor_is_a_number_or_nothing(text: str, fd: int | None) -> None:
    assert parent_fd({PARENT_FD_VARIABLE: text}) == fd


def test_without_a_supervisor_there_is_no_parent_to_watch() -> None:
    assert parent_fd({}) is None


def group_of(
    children: list[Child], told: list[str] | None = None, *, silent: str = "", asked_s: float = 60
) -> ProcessGroup:
    async def answering() -> Collection[str]:
        return {child.name for child in children if child.name != silent}

    return ProcessGroup(
        children,
        ready_variable="READY_FD",
        grace_s=PATIENCE_S,
        on_all_ready=lambda: None if told is None else told.append("ready"),
        ask=answering,
        asked_s=asked_s,
    )


async def test_of_a_group_the_first_works_before_the_others_start_and_all_stop_at_once(
    journal: Journal,
) -> None:
    told: list[str] = []
    group = group_of([journal.child(name, "ready") for name in ("a", "b", "c")], told)
    run = asyncio.create_task(group.run())
    await journal.until(lambda words: len(words) == 3)
    await until(lambda: told == ["ready"])
    assert journal.words()[0] == "a started"

    os.kill(group.pids["b"], signal.SIGKILL)
    await journal.until(lambda words: words.count("b started") == 2)
    await until(lambda: len(group.pids) == 3)
    group.ask_to_stop()

    assert await run
    assert group.exit_code is None
    assert journal.words().count("a started") == 1
    assert sorted(journal.words()[4:]) == ["a stopped", "b stopped", "c stopped"]
    assert told == ["ready"]


async def test_of_a_group_who_lives_and_answers_nobody_is_started_again(journal: Journal) -> None:
    group = group_of([journal.child(one, "ready") for one in "ab"], silent="b", asked_s=0.02)
    run = asyncio.create_task(group.run())
    await until(lambda: len(group.pids) == 2 and all(one.is_ready for one in group.keepers))
    os.kill(group.pids["b"], signal.SIGSTOP)
    await journal.until(lambda words: words.count("b started") == 2)
    group.ask_to_stop()

    assert await run
    assert journal.words().count("a started") == 1


async def test_a_group_ends_with_the_first_that_cannot_start(journal: Journal) -> None:
    group = group_of([journal.child("a", "brief"), journal.child("b", "ready")])

    await group.run()

    assert group.exit_code == 3
    assert journal.words() == ["a started"]


async def test_a_group_ends_once_none_works_and_none_can_start(journal: Journal) -> None:
    group = group_of([journal.child("a", "once"), journal.child("b", "once")])
    group.backoff_first_s = 0.01
    run = asyncio.create_task(group.run())
    await until(lambda: len(group.pids) == 2 and all(one.is_ready for one in group.keepers))
    for pid in group.pids.values():
        os.kill(pid, signal.SIGKILL)

    await run

    # Both had worked once; then five starts failed, beside which one more may have begun, and been told to stop.
    starts = [word for word in journal.words() if word.endswith(" started")]
    assert group.exit_code == 3
    assert len(starts) - 2 in {START_FAILURES_MAX, START_FAILURES_MAX + 1}


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not fact():  # noqa: ASYNC110 - other processes make it true
            await asyncio.sleep(0.01)
