"""What store/postgresql uses of asyncpg that is not public: a new version may take it away, or call it otherwise."""

import inspect
import subprocess
import sys

import asyncpg

from store.postgresql.servers import KnowingConnection

# What store/postgresql/servers.py replaces.
ASKED_BY = ("IterableABC", "MappingABC", "SizedABC")


def test_the_driver_asks_arrays_by_the_names_that_are_replaced() -> None:
    # In a process of its own: in this one they are replaced already.
    code = "from asyncpg.protocol import protocol; print(*vars(protocol))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert sorted(set(ASKED_BY) & set(run.stdout.split())) == [*ASKED_BY]


def test_the_driver_asks_for_types_by_the_method_that_is_replaced() -> None:
    ours = inspect.signature(KnowingConnection._introspect_types)
    theirs = inspect.signature(asyncpg.Connection._introspect_types)

    assert list(ours.parameters) == list(theirs.parameters)
