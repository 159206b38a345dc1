"""The struct of a refusal in our own format: data.error, for every code."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.words import Link, Time

NextAction = Literal["fix_request", "wait", "poll", "top_up", "pay", "ask_human", "stop"]


class FieldProblem(Struct, kw_only=True):
    """A field of the request that can't be accepted, and what would be accepted."""

    param: Annotated[str, Meta(description="The field, with its place inside others.")]
    detail: Annotated[str, Meta(description="A sentence for people.")]
    code: Annotated[int | UnsetType, Meta(description="The code of this problem alone.")] = UNSET
    allowed: Annotated[list[Any] | UnsetType, Meta(description="Every value that is taken.")] = (
        UNSET
    )
    minimum: Annotated[float | UnsetType, Meta(description="The least number.")] = UNSET
    maximum: Annotated[float | UnsetType, Meta(description="The greatest number.")] = UNSET
    did_you_mean: Annotated[
        str | UnsetType, Meta(description="The name or value that was probably meant.")
    ] = UNSET
    example: Annotated[Any, Meta(description="A value that is taken.")] = UNSET


class Failure(Struct, kw_only=True):
    """What is wrong and what to do about it. Some causes add facts of their own."""

    detail: Annotated[str, Meta(description="A sentence for people.")]
    param: Annotated[str | None, Meta(description="The field that is wrong.")]
    retryable: Annotated[bool, Meta(description="The same request may succeed later.")]
    retry_after_s: Annotated[int | None, Meta(description="How long to wait, in seconds.")]
    next_action: Annotated[NextAction, Meta(description="For programs: what to do next.")]
    doc_url: Annotated[
        str,
        Meta(description="Where the code is explained: HTML, Markdown with .md, JSON with .json."),
    ]
    reason: Annotated[
        str | UnsetType, Meta(description="Which cause, where one code has several.")
    ] = UNSET
    errors: Annotated[
        list[FieldProblem] | UnsetType, Meta(description="All that is wrong at once.")
    ] = UNSET
    links: Annotated[
        list[Link] | UnsetType, Meta(description="Which call comes next, the most useful first.")
    ] = UNSET
    did_you_mean: Annotated[str | UnsetType, Meta(description="The most similar name.")] = UNSET
    limit: Annotated[Any, Meta(description="The limit that was hit.")] = UNSET
    remaining: Annotated[Any, Meta(description="What is left of it.")] = UNSET
    oldest_cursor: Annotated[
        str | UnsetType, Meta(description="Of events: where to go on; nothing older is kept.")
    ] = UNSET
    resets_at: Time | UnsetType | None = UNSET


class Refused(Struct, kw_only=True):
    """The `data` of an error."""

    error: Annotated[Failure, Meta(description="What is wrong and what to do about it.")]
