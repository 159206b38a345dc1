"""Lists of words in many schemas, each with a name, so that a client has one type for it."""

from typing import Any, Final, get_args

from gateway.answers.response_codes import NextAction
from kernel.words import TopUpStatus
from keys.principal import SCOPES
from webhooks.events.event import EVENT_TYPES

_WORDS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "EventType": (EVENT_TYPES, "What happened; GET /docs/events describes each."),
    "Scope": (SCOPES, "What a credential may do."),
    "TopUpStatus": (get_args(TopUpStatus), "Where a top-up is."),
    "NextAction": (get_args(NextAction), "For programs: what to do after an error."),
}
VOCABULARIES: Final = {frozenset(words): name for name, (words, _) in _WORDS.items()}
VOCABULARY_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    name: {"type": "string", "enum": list(words), "description": about}
    for name, (words, about) in _WORDS.items()
}
