"""The setting of how many processes share a port."""

import os
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field

PROCESSES_MAX: Final = 64
AUTO: Final = "auto"


def _number_of(value: Any) -> int:
    if value == AUTO:
        return min(PROCESSES_MAX, cores())
    text = str(value)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= PROCESSES_MAX):
        raise ValueError(f"is 1 to {PROCESSES_MAX}, or {AUTO} for one a core")
    return int(text)


def cores() -> int:
    """Return how many cores this process may run on; a container's share of CPU time isn't included."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ProcessSettings(BaseModel):
    processes: Annotated[int, BeforeValidator(_number_of)] = Field(
        1,
        description="Processes of `topup serve`, or `topup worker`, on its port; auto: one a core.",
    )
