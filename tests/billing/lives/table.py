"""The table of lives: what each must come to, beside what happens in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.stripe_life import Life, Outcome

Act = Callable[[Life], Awaitable[object]]
MONTH_DAYS = 31  # of the longest: a day past the end of the first period


@dataclass(slots=True)
class Table:
    """Lives by their names. step_by_step: the gateway has to hear of them while they go on."""

    acts: dict[str, Act] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    step_by_step: set[str] = field(default_factory=set)

    def comes_to(
        self,
        cents: int,
        micros: int,
        *,
        owed_micros: int = 0,
        status: str | None = None,
        is_step_by_step: bool = False,
    ) -> Callable[[Act], Act]:
        """Puts the life into the table with what it must come to."""

        def keep(act: Act) -> Act:
            name = act.__name__
            self.acts[name] = act
            self.outcomes[name] = Outcome(cents, micros, owed_micros, status)
            if is_step_by_step:
                self.step_by_step.add(name)
            return act

        return keep


TABLE = Table()
comes_to = TABLE.comes_to
