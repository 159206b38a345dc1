"""What is asked of the operator's books: reports."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.acts.sample import Sample

_PERIOD: Final = {"from": "2026-06-01T00:00:00Z", "to": "2090-01-01T00:00:00Z"}
_NO_LENGTH: Final = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}

GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "report.breakage": (Sample(),),
    "report.margin": (Sample({"by": ["platform", "account"], "platform": "claude"}),),
    "report.outstanding": (Sample(_PERIOD),),
    "report.revenue": (Sample(_PERIOD),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "report.breakage": (_NO_LENGTH,),
    "report.margin": ({"by": ["planet"]}, _NO_LENGTH),
    "report.outstanding": ({"from": "2026-13"},),
    "report.revenue": (_NO_LENGTH, {"to": "soon"}),
}
