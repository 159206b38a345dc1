"""The elements of an array argument are values, none of them an array itself: the driver need not look.

It asks each element by abstract classes whether it can be iterated and has a length, which costs more
than sending it: 3 to 5 % of the CPU of a send. Here it is asked whether it is a list or a tuple. An array
itself, too, is asked whether it has a length and is no mapping: some 50 times in a batch of sends.
"""

from typing import Final

from asyncpg.protocol import protocol

# The driver's own names for what it asks by, and what stands in for each. If it has others some day, it
# asks as it did.
_ASKED: Final = {"IterableABC": (list, tuple), "SizedABC": (list, tuple), "MappingABC": dict}


def send_as_values() -> None:
    """From here on in this process: an array argument is a list or a tuple, and so is an array in an array."""
    for name, classes in _ASKED.items():
        setattr(protocol, name, classes)
