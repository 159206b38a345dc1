"""Fill in the key form from a preset or from an existing key."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from gateway.html.act_form import SteppedForm, fields_of, form_of, stepped, typed_values
from gateway.html.forms import Form, Problem, Typed
from kernel.errors import DomainError
from kernel.fields import Fields, time_us
from keys.api_keys import fields
from keys.api_keys.fields import PRESETS
from keys.api_keys.inputs import KeyChanges, NewKey
from keys.principal import DEFAULT_SCOPES

PRESET_WORDS: Final = {name: preset.says for name, preset in PRESETS.items()}


def key_fields(
    struct: type[Fields],
    form: Form,
    problem: Problem,
    *,
    scopes: Collection[str],
    platforms: Collection[str],
) -> SteppedForm:
    fields = fields_of(struct, form, {"scopes": scopes, "platforms": platforms})
    shown = [one for one in fields if one.name != "preset"]
    return stepped(struct, shown, form, problem, begins_open=struct is NewKey)


def preset_form(named: str) -> dict[str, Sequence[str]]:
    preset = PRESETS.get(named)
    usual = {"scopes": DEFAULT_SCOPES}
    filled = usual if preset is None else {**usual, **preset.fills, **preset.asks}
    blank = dict.fromkeys(KeyChanges.__struct_fields__)
    form = form_of(KeyChanges, {**blank, **filled})
    named_too = {} if preset is None else {"preset": [named]}
    return {**{name: texts for name, texts in form.fields.items() if texts}, **named_too}


def form_of_key(key: Mapping[str, Any]) -> Form:
    return form_of(KeyChanges, {**key, **key["caps"]})


def body_of_new(typed: Typed, *, now_us: int) -> dict[str, Any]:
    body = {"scopes": [], **typed_values(NewKey, typed)}
    _note_refused(typed, body, now_us)
    return body


def body_of_changes(typed: Typed, key: Mapping[str, Any], *, now_us: int) -> dict[str, Any]:
    body = typed_values(KeyChanges, typed, form_of_key(key))
    _note_refused(typed, body, now_us)
    return body


def _note_refused(typed: Typed, body: Mapping[str, Any], now_us: int) -> None:
    """Record errors that the act reports only after all other fields are valid."""
    told = {name: body[name] for name in body if name not in typed.wrong and body[name] is not None}
    new = fields.NewKey(
        name=told.get("name", "API key"),
        scopes=told.get("scopes"),
        ip_allow_list=told.get("ip_allow_list", ()),
        expires_at=typed.parse("expires_at", lambda: time_us(told.get("expires_at"), "expires_at")),
        preset=told.get("preset"),
        **{name: told[name] for name in fields.LIMITS if name in told and name != "windows"},
    )
    try:
        fields.columns_of_new(new, scopes=(), now_us=now_us)
    except DomainError as error:
        for one in error.extra.get("errors") or [{"param": error.param, "detail": error.detail}]:
            typed.refuse(one["param"], one["detail"])
