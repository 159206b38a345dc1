"""Spare the driver its checks of array elements: ours are values, none of them an array.

It asks abstract classes whether each element is iterable and has a length, which costs 3 to 5 % of a send's
CPU. Here it checks for a list or a tuple.
"""

from typing import Final

from asyncpg.protocol import protocol

# The driver's names for those classes, and replacements. With other names it checks as before.
_ASKED: Final = {"IterableABC": (list, tuple), "SizedABC": (list, tuple), "MappingABC": dict}


def send_as_values() -> None:
    """Treat only lists and tuples as arrays in this process."""
    for name, classes in _ASKED.items():
        setattr(protocol, name, classes)
