"""Every pattern of the source, fed what is worst for it: the work grows with the text, no faster.

One request of 64 kB of `://:` once stopped a gateway for a minute. The patterns are found, not
listed: compiled ones by walking the modules, others by reading the source and the schemas, so that
a new one is covered from its first day. What is measured is CPU time, of the best of several runs.
"""

import ast
import contextlib
import functools
import importlib
import inspect
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from gateway.http.body import MediaTypeRefused, check_media_type
from gateway.http.fields import _is_deeper, has_unique_names, shown
from kernel.fields import Fields
from runtime.log import _SECRET, mask
from tests.test_tidy import functions_of, modules, tree_of

LENGTH = 64 * 1024
# Each shape is tried at a sixteenth, where a quadratic pattern needs 20 ms and more; the worst of
# them then at full length.
FIRST_LENGTH = LENGTH // 16
MS_MAX = 50.0
FIRST_MS_MAX = MS_MAX / 16
GROWTH_MAX = 3.0
# Below this a ratio of two times says nothing.
TOLD_MS_MIN = 2.0
RUNS = 3
TRIES = 4
METHODS = ("match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split")
SHAPES_MAX = 90
# Finding the patterns costs a process seconds, so they are not spread over all of a run.
SHARES = 2

Work = Callable[[Any], object]


def cpu_ms(work: Work, text: str | bytes, *, runs: int = RUNS) -> float:
    """The least of several, since another process can only make it look dearer."""
    best = float("inf")
    for _ in range(runs):
        began_s = time.process_time()
        work(text)
        best = min(best, (time.process_time() - began_s) * 1000)
    return best


def repeated(unit: str, length: int) -> str:
    return (unit * (length // max(1, len(unit)) + 1))[:length]


@dataclass(frozen=True)
class Shape:
    """A text of any length: a beginning, a unit that is repeated, and an end that matches nothing."""

    head: str
    unit: str
    tail: str

    def of(self, length: int, *, is_bytes: bool) -> str | bytes:
        text = self.head + repeated(self.unit, length) + self.tail
        return text.encode("latin-1", "replace") if is_bytes else text


KILLERS = [
    Shape("", "://:", ""),
    Shape('"', '\\"', ""),
    Shape("application/json", " ", "x"),
    Shape("", " ", "x"),
    Shape("", '"', ""),
    Shape("", "a", "!"),
    Shape("", "a.", "!"),
    Shape('"', "a_password", "!"),
    Shape("Bearer", "%20", '"'),
]


def atoms(pattern: str) -> list[str]:
    """Characters and words that the pattern itself speaks of, a sample for each class."""
    found: dict[str, None] = {}
    for word in re.findall(r"[A-Za-z0-9_/:@.-]{1,12}", pattern):
        found[word] = None
    for character in pattern:
        found[character] = None
    for name, sample in (("\\s", " "), ("\\d", "7"), ("\\w", "w"), ("\\x", "\x00"), (".", "z")):
        if name in pattern:
            found[sample] = None
    return [*list(found)[:24], "a", " ", "0"]


def shapes(pattern: str) -> Iterator[Shape]:
    yield from KILLERS
    units = list(dict.fromkeys(atoms(pattern)))
    made = [Shape("", unit, tail) for unit in units for tail in ("", "\x00")]
    made += [Shape(head, unit, "\x00") for head in units[:10] for unit in units[:10]]
    made += [Shape("", one + two, "\x00") for one in units[:8] for two in units[:8] if one != two]
    yield from made[:SHAPES_MAX]


def exhausted(find: Callable[[Any], Iterator[object]], text: Any) -> int:
    return sum(1 for _ in find(text))


def works_of(pattern: re.Pattern[Any], methods: set[str]) -> Iterator[Work]:
    for method in sorted(methods):
        called = getattr(pattern, method)
        if method in {"sub", "subn"}:
            yield functools.partial(called, b"" if isinstance(pattern.pattern, bytes) else "")
        elif method == "finditer":
            yield functools.partial(exhausted, called)
        else:
            yield called


def patterns_in(value: Any, depth: int = 0) -> Iterator[tuple[re.Pattern[Any], str | None]]:
    """Patterns and their bound methods, also inside tuples, lists and mappings."""
    if isinstance(value, re.Pattern):
        yield value, None
    elif isinstance(getattr(value, "__self__", None), re.Pattern):
        yield value.__self__, value.__name__
    elif isinstance(value, dict) and depth < 3:
        for item in value.values():
            yield from patterns_in(item, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < 3:
        for item in value:
            yield from patterns_in(item, depth + 1)


def methods_used(tree: ast.Module, name: str) -> set[str]:
    """What the module calls on that name; every method where that cannot be told."""
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id == name and node.attr in METHODS
    }
    return used or set(METHODS)


def compiled() -> dict[tuple[Any, str], re.Pattern[Any]]:
    """(pattern's text and flags, method) of each pattern that a module of ours keeps."""
    found = {}
    for dotted, path in modules().items():
        if dotted == "cli.__main__" or "migrations" in dotted:
            continue
        module = importlib.import_module(dotted)
        owners = [module, *(one for _, one in inspect.getmembers(module, inspect.isclass))]
        for owner in owners:
            if getattr(owner, "__module__", dotted) != dotted:
                continue
            for name, value in list(vars(owner).items()):
                for pattern, method in patterns_in(value):
                    used = {method} if method else methods_used(tree_of(path), name)
                    for one in used:
                        found[(pattern.pattern, pattern.flags), one] = pattern
    return found


def written_in_place() -> dict[tuple[Any, str], re.Pattern[Any]]:
    """Those that a function hands to re.sub and its like, where they are constants."""
    found = {}
    for path in modules().values():
        for function in functions_of(tree_of(path)):
            for node in ast.walk(function):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id="re"), attr=method),
                        args=[ast.Constant(value=str(text)), *_],
                    ) if method in METHODS:
                        found[(text, 0), method] = re.compile(text)
                    case _:
                        pass
    return found


def in_schemas() -> dict[tuple[Any, str], re.Pattern[Any]]:
    """Those of bodies and queries, which the decoder searches for in what a caller sent."""
    waiting, structs = [Fields], []
    while waiting:
        struct = waiting.pop()
        waiting += struct.__subclasses__()
        structs.append(struct)
    _, components = msgspec.json.schema_components(
        [one for one in structs if one.__module__.partition(".")[0] != "tests"],
        ref_template="#/{name}",
    )
    text = msgspec.json.encode(components).decode()
    listed = {
        msgspec.json.decode(f'"{found}"')
        for found in re.findall(r'"pattern":"((?:[^"\\]|\\.)*+)"', text)
    }
    return {((text, 0), "search"): re.compile(text) for text in listed}


@functools.cache
def found_patterns() -> dict[tuple[Any, str], re.Pattern[Any]]:
    """All of them, in one order; it takes seconds, so that it waits until a test asks."""
    found = {**compiled(), **written_in_place(), **in_schemas()}
    return {key: found[key] for key in sorted(found, key=repr)}


def worst_of(works: Iterator[Work], all_shapes: Iterator[Shape], *, is_bytes: bool) -> list[str]:
    """What is wrong with the works, in sentences; none for what is linear."""
    listed = list(all_shapes)
    for work in works:
        slowest, slowest_ms = listed[0], -1.0
        for shape in listed:
            text = shape.of(FIRST_LENGTH, is_bytes=is_bytes)
            took_ms = cpu_ms(work, text, runs=1)
            tries = 0
            # A machine that is busy with other things makes several measurements in a row look dear.
            while took_ms > FIRST_MS_MAX and tries < TRIES:
                tries += 1
                took_ms = min(took_ms, cpu_ms(work, text))
            if took_ms > FIRST_MS_MAX:
                return [f"{shape}: {took_ms:.0f} ms for {FIRST_LENGTH} characters"]
            if took_ms > slowest_ms:
                slowest, slowest_ms = shape, took_ms
        # A busy machine may slow one measurement, a pattern that grows too fast slows each.
        faults = [fault_of(work, slowest, is_bytes=is_bytes)]
        while faults[-1] and len(faults) < TRIES:
            faults.append(fault_of(work, slowest, is_bytes=is_bytes))
        if faults[-1]:
            return [faults[-1]]
    return []


def fault_of(work: Work, shape: Shape, *, is_bytes: bool) -> str:
    """What is wrong with the work at full length; empty for what is linear."""
    half_ms = cpu_ms(work, shape.of(LENGTH // 2, is_bytes=is_bytes))
    whole_ms = cpu_ms(work, shape.of(LENGTH, is_bytes=is_bytes))
    if whole_ms > MS_MAX:
        return f"{shape}: {whole_ms:.0f} ms for {LENGTH} characters"
    if whole_ms > TOLD_MS_MIN and whole_ms > GROWTH_MAX * half_ms:
        return f"{shape}: {half_ms:.1f} ms, twice the text {whole_ms:.1f} ms"
    return ""


@pytest.mark.long
@pytest.mark.parametrize("share", range(SHARES))
def test_each_pattern_takes_time_in_proportion_to_its_text(share: int) -> None:
    faults = {}
    for (_, method), pattern in list(found_patterns().items())[share::SHARES]:
        is_bytes = isinstance(pattern.pattern, bytes)
        text = pattern.pattern.decode("latin-1") if is_bytes else pattern.pattern
        works = works_of(pattern, {method})
        if found := worst_of(works, shapes(text), is_bytes=is_bytes):
            faults[f"{text!r}.{method}"] = found

    assert faults == {}


@pytest.mark.long
def test_patterns_are_found_in_modules_schemas_and_functions() -> None:
    texts = {str(text) for (text, _flags), _method in found_patterns()}

    assert r"[!-~]+" in texts, "a bound method of store/idempotency.py"
    assert r'field "(\w+)"' in texts, "written inside a function of runtime/settings.py"
    assert r"^tok_[0-9A-Za-z]+\Z" in texts, "a field's, in keys/tokens/acts.py"
    assert len(texts) > 80


def check_kind(kind: Any) -> None:
    with contextlib.suppress(MediaTypeRefused):
        check_media_type({b"content-type": kind})


@pytest.mark.parametrize(
    ("work", "is_bytes"),
    [
        (mask, False),
        (shown, False),
        (functools.partial(_is_deeper, most=8), True),
        (has_unique_names, True),
        (check_kind, True),
    ],
    ids=["mask", "shown", "depth", "names", "media type"],
)
def test_what_is_done_to_a_strangers_text_is_linear_too(work: Work, is_bytes: bool) -> None:
    assert worst_of(iter([work]), shapes(_SECRET.pattern), is_bytes=is_bytes) == []
