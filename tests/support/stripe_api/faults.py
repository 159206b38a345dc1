"""What befalls requests: the first fault whose path fits befalls the next request."""

from dataclasses import dataclass
from typing import Literal

# lost: it is done, and no answer comes. error: 500, nothing is done. error_after: it is done, and the
# answer is 500. hang: nothing is done, and no answer comes until the stand-in ends. busy: 429. locked: 401,
# our key is not accepted.
Fault = Literal["lost", "error", "error_after", "hang", "busy", "locked"]


@dataclass
class _Waiting:
    fault: Fault
    path: str
    left: int
    method: str | None


class Faults:
    """Faults that wait for requests."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def add(
        self, fault: Fault, path: str = "/v1/", *, times: int = 1, method: str | None = None
    ) -> None:
        """The fault for the next requests to that path or below it; the library repeats a request."""
        self._waiting.append(_Waiting(fault, path, times, method))

    def clear(self) -> None:
        self._waiting.clear()

    def next_for(self, method: str, path: str) -> Fault | None:
        """What befalls this request; one that only reads is spared, unless its path was named."""
        for one in self._waiting:
            is_spared = method == "GET" and one.path == "/v1/"
            if path.startswith(one.path) and one.method in {None, method} and not is_spared:
                one.left -= 1
                if one.left == 0:
                    self._waiting.remove(one)
                return one.fault
        return None
