"""A page as a form's user sees it: its forms, their fields, and what is wrong with them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

_VOID: Final = {"input", "br", "hr", "img", "meta", "link", "source", "col", "wbr"}
_BOUNDS: Final[tuple[str, ...]] = (
    *("required", "min", "max", "step", "minlength", "maxlength", "pattern", "inputmode"),
    *("placeholder", "multiple"),
)
# On every page of a person's, or of the reader's own browser.
_EVERYWHERE: Final = {
    "/theme",
    "/language",
    "/dashboard/sign-out",
    "/dashboard/environment",
    "/dashboard/team/switch",
}
_OF_EVERY_FORM: Final = {"csrf_token", "environment", "once"}


@dataclass(slots=True)
class FormField:
    """One name of a form. options: (value, words, is chosen), of a choice or of boxes."""

    name: str
    type: str
    label: str = ""
    value: str = ""
    hint: str = ""
    wrong: str = ""
    bounds: dict[str, str] = field(default_factory=dict)
    options: list[tuple[str, str, bool]] = field(default_factory=list)

    def lines(self) -> list[str]:
        bounds = "".join(
            f" {name}" if value in {"", name} else f" {name}={value}"
            for name, value in self.bounds.items()
        )
        value = f" value {self.value!r}" if self.value else ""
        hint = f" ({self.hint})" if self.hint else ""
        own = [f"  {self.type} {self.name}: {self.label}{hint}{bounds}{value}"]
        return own + [
            f"    {'*' if is_chosen else '-'} {value}{'' if words in ('', value) else f': {words}'}"
            for value, words, is_chosen in self.options
        ]


@dataclass(slots=True)
class PageForm:
    """A form that is sent by POST."""

    action: str
    fields: dict[str, FormField] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)
    button_names: set[str] = field(default_factory=set)

    def names(self) -> set[str]:
        """Of all that can be sent, its buttons included."""
        return {*self.fields, *self.button_names}

    def given(self) -> dict[str, list[str]]:
        """What the browser sends of it untouched."""
        sent: dict[str, list[str]] = {}
        for one in self.fields.values():
            chosen = [value for value, _, is_chosen in one.options if is_chosen]
            if one.type == "select" and not chosen and one.options:
                chosen = [one.options[0][0]]
            if one.options:
                sent[one.name] = chosen
            elif one.type != "file":
                sent[one.name] = [one.value]
        return sent

    def lines(self) -> list[str]:
        shown = [one for one in self.fields.values() if one.name not in _OF_EVERY_FORM]
        return [
            f"form {self.action}",
            *(line for one in shown for line in one.lines()),
            *(f"  button {button}" for button in self.buttons),
        ]


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)


class PageReader(HTMLParser):
    """Reads one page: forms, the notes above them, and a sentence for each field that is wrong."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.notes: list[str] = []
        self.wrong: list[str] = []
        self._open: list[_Element] = []
        self._labels: dict[str, str] = {}
        self._says: dict[str, str] = {}
        self._ids: dict[str, FormField] = {}
        self._form: PageForm | None = None
        self._select: FormField | None = None
        self.feed(html)
        for form in self.forms:
            for one in form.fields.values():
                one.label = one.label or self._labels.get(one.name, "")
        for id_, one in self._ids.items():
            one.label = self._labels.get(id_, one.label)
            one.hint = self._says.get(f"{id_}-says", "")
        self.forms = [one for one in self.forms if one.action.partition("?")[0] not in _EVERYWHERE]

    @property
    def title(self) -> str:
        """Its first heading."""
        return self._labels.get("h1", "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(_Element(tag, attributes))
        match tag:
            case "form" if attributes.get("method", "").lower() == "post":
                self._form = PageForm(attributes.get("action", ""))
                self.forms.append(self._form)
            case "input" if self._form is not None:
                self._input(self._form, attributes)
            case "select" | "textarea" if self._form is not None and "name" in attributes:
                self._select = self._added(self._form, tag, attributes)
            case _:
                pass

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            element = self._open.pop()
            self._ended(element, " ".join("".join(element.text).split()))
            if element.tag == tag:
                return

    def _input(self, form: PageForm, attributes: dict[str, str]) -> None:
        name, kind = attributes.get("name", ""), attributes.get("type", "text")
        if not name:
            return
        if kind not in {"checkbox", "radio"}:
            found = self._added(form, kind, attributes)
            found.value = attributes.get("value", "")
            return
        found = form.fields.get(name) or self._added(form, kind, attributes)
        legend = self._labels.get("legend", "") if self._is_in("fieldset") else ""
        found.label = found.label or legend
        found.options.append((attributes.get("value", "on"), "", "checked" in attributes))

    def _added(self, form: PageForm, kind: str, attributes: dict[str, str]) -> FormField:
        bounds = {name: attributes[name] for name in _BOUNDS if name in attributes}
        found = FormField(attributes["name"], kind, bounds=bounds)
        form.fields[found.name] = found
        if "id" in attributes:
            self._ids[attributes["id"]] = found
        return found

    def _is_in(self, tag: str) -> bool:
        return any(one.tag == tag for one in self._open)

    def _ended(self, element: _Element, text: str) -> None:
        attributes, classes = element.attributes, element.attributes.get("class", "").split()
        match element.tag:
            case "form":
                self._form = None
            case "label":
                self._label(attributes, text)
            case "legend" | "h1":
                self._labels[element.tag] = text
            case "option" if self._select is not None:
                value = attributes.get("value", text)
                self._select.options.append((value, text, "selected" in attributes))
            case "textarea" if self._select is not None:
                self._select.value = text
            case "button" if self._form is not None:
                named = attributes.get("name")
                self._form.button_names |= {named} if named else set()
                value = f" {named}={attributes.get('value', '')}" if named else ""
                self._form.buttons.append(f"{text}{value}")
            case _:
                pass
        self._said(attributes, classes, text)

    def _said(self, attributes: dict[str, str], classes: list[str], text: str) -> None:
        # What a script shows is hidden until then.
        if "note" in classes and text and "hidden" not in attributes:
            self.notes.append(text)
        if "wrong" in classes and text:
            self.wrong.append(f"{self._wrong_field()}: {text}")
        if attributes.get("id", "").endswith("-says"):
            self._says[attributes["id"]] = text

    def _label(self, attributes: dict[str, str], text: str) -> None:
        if "for" in attributes:
            self._labels[attributes["for"]] = text
        elif self._form is not None and self._form.fields:
            last = list(self._form.fields.values())[-1]
            if last.options and not last.options[-1][1]:
                value, _, is_chosen = last.options[-1]
                last.options[-1] = (value, text, is_chosen)

    def _wrong_field(self) -> str:
        says = next(
            (
                one.attributes["id"].removesuffix("-says")
                for one in reversed(self._open)
                if one.attributes.get("id", "").endswith("-says")
            ),
            None,
        )
        if says is not None:
            return self._ids[says].name if says in self._ids else says
        fields: list[Any] = list(self._form.fields) if self._form is not None else []
        return str(fields[-1]) if fields else ""
