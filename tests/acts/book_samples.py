"""What is asked of the operator's books: reports, and prices of tokens."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.acts.sample import Sample

_PERIOD: Final = {"from": "2026-06-01T00:00:00Z", "to": "2090-01-01T00:00:00Z"}
_NO_LENGTH: Final = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}

PRICE: Final = {"model": "{door}-4o", "input": "2.50", "output": "10"}
FILE: Final = "model,input,output,cached\n{door}-1,1,2,0.5\n{door}-2,3,10,\n"

GOOD: Final[Mapping[str, Sequence[Sample]]] = {
    "prices.set": (
        Sample(PRICE, is_again=True),
        Sample({**PRICE, "model": "{door}/one two*", "cached": "1.25"}),
    ),
    "prices.import": (
        Sample({"file": FILE}, is_again=True),
        Sample(
            {"file": FILE, "whole": True},
            after="prices.import",
            first={"file": "model,input,output\nold,1,2\n", "whole": True},
        ),
    ),
    "prices.withdraw": (
        Sample({"model": "gpt-4o"}, after="prices.set", first={**PRICE, "model": "gpt-4o"}),
    ),
    "prices.history": (Sample({"limit": 1}), Sample({"model": "none"})),
    "report.breakage": (Sample(),),
    "report.margin": (Sample({"by": ["platform", "account"], "platform": "claude"}),),
    "report.outstanding": (Sample(_PERIOD),),
    "report.revenue": (Sample(_PERIOD),),
}
BAD: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "prices.set": (
        {**PRICE, "input": "x"},
        {**PRICE, "model": "a*b"},
        {**PRICE, "model": ""},
        {**PRICE, "cached": "-1"},
    ),
    "prices.import": ({"file": "model,input\n"}, {"file": "model,input,output\no1,x,2\n"}),
    "prices.history": ({"cursor": "key_1"},),
    "report.breakage": (_NO_LENGTH,),
    "report.margin": ({"by": ["planet"]}, _NO_LENGTH),
    "report.outstanding": ({"from": "2026-13"},),
    "report.revenue": (_NO_LENGTH, {"to": "soon"}),
}
