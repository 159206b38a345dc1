"""Record that an operator has seen a supplier's late or contradictory word.

The audit entry is in its transaction, and the act takes effect once.
"""

from billing.desk.acts import NotNow
from billing.desk.decisions import REASON_CHARACTERS_MAX, Person
from billing.topups import supplier_words
from kernel.errors import InvalidInput
from keys import audit_log
from store.database import Transaction


async def see(
    tx: Transaction, environment: str, topup_id: str, *, reason: str, by: Person, now_us: int
) -> int:
    if not 1 <= len(reason.strip()) <= REASON_CHARACTERS_MAX:
        raise InvalidInput(
            f"Say what you did, in at most {REASON_CHARACTERS_MAX} characters.", param="reason"
        )
    seen = await supplier_words.note_seen(tx, topup_id, environment, by=by.name, now_us=now_us)
    if not seen:
        raise NotNow("No supplier's word about this top-up waits for an operator.")
    entry = audit_log.entry(
        by.actor,
        "topup.words_seen",
        environment=environment,
        subject_id=topup_id,
        before={"unseen": seen},
        after={"unseen": 0, "by": by.name},
        reason=reason,
        now_us=now_us,
    )
    await audit_log.record(tx, [entry])
    return seen
