"""Which platforms a key may be limited to: those that its environment has, offered at the moment or not."""

from collections.abc import Collection, Iterable
from typing import Any

from gateway.answers.problems import FieldEntry, most_similar
from gateway.http.request_context import RequestContext
from kernel.errors import InvalidInput
from keys.principal import Environment


def check_platforms(
    call: RequestContext[Any, Any],
    environment: Environment,
    names: Iterable[str] | None,
    *,
    kept: Collection[str] = (),
) -> None:
    """Raises InvalidInput for a name that no platform has: such a key could send nothing by it.

    kept: those that the key has already, of which one may have been taken away since.
    """
    known = call.context.topup_rules.platforms.of(environment).ids()
    meant = (name.strip().lower() for name in names or ())
    problems = [_problem(name, known) for name in meant if name not in known and name not in kept]
    if problems:
        raise InvalidInput(problems[0]["detail"], param="platforms", errors=problems)


def _problem(name: str, known: Collection[str]) -> FieldEntry:
    similar = most_similar(name, known)
    hint = f": is {similar} meant?" if similar is not None else f", they are {', '.join(known)}"
    problem: FieldEntry = {
        "param": "platforms",
        "detail": f"there is no platform of one of these names{hint}",
        "allowed": list(known),
    }
    return problem if similar is None else {**problem, "did_you_mean": similar}
