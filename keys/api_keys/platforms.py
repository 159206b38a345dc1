"""Check the platforms that a key may be limited to: those of its environment, on offer or not."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass

from kernel.errors import InvalidInput
from kernel.problems import FieldEntry, most_similar
from keys.act import ActContext
from store.database import Transaction


@dataclass(frozen=True, slots=True)
class KnownPlatforms:
    """What billing knows of platforms. ids returns an environment's."""

    ids: Callable[[Transaction, str], Awaitable[Collection[str]]]


async def check_platforms(
    context: ActContext, names: Iterable[str] | None, *, kept: Collection[str] = ()
) -> None:
    """Raise InvalidInput for a name that no platform has: such a key could send nothing.

    kept: the key's present names, of which one may have disappeared since.
    """
    wanted = list(names or ())
    if wanted:
        known = await context.service(KnownPlatforms).ids(context.tx, context.tenant.environment)
        check_names(wanted, known, kept=kept)


def check_names(
    names: Iterable[str] | None, known: Collection[str], *, kept: Collection[str] = ()
) -> None:
    wanted = [name.strip().lower() for name in names or ()]
    problems = [_problem(name, known) for name in wanted if name not in known and name not in kept]
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
