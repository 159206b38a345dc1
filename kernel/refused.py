"""Define data.error, the struct that describes a refused call."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.words import Link, Time

NextAction = Literal["fix_request", "wait", "poll", "top_up", "pay", "ask_human", "stop"]


class FieldProblem(Struct, kw_only=True):
    """A field of the request that can't be accepted, and what would be accepted."""

    param: Annotated[str, Meta(description="The path of the field in the request.")]
    detail: Annotated[str, Meta(description="The problem, in a sentence for people.")]
    code: Annotated[int | UnsetType, Meta(description="The code of this problem alone.")] = UNSET
    allowed: Annotated[list[Any] | UnsetType, Meta(description="All accepted values.")] = UNSET
    minimum: Annotated[float | UnsetType, Meta(description="The smallest accepted number.")] = UNSET
    maximum: Annotated[float | UnsetType, Meta(description="The largest accepted number.")] = UNSET
    did_you_mean: Annotated[
        str | UnsetType, Meta(description="The name or value that was probably meant.")
    ] = UNSET
    example: Annotated[Any, Meta(description="An accepted value.")] = UNSET


class Failure(Struct, kw_only=True):
    """The cause of a refusal, and what to do about it. Some causes add fields."""

    detail: Annotated[str, Meta(description="The cause, in a sentence for people.")]
    param: Annotated[str | None, Meta(description="The field that is wrong, or null.")]
    retryable: Annotated[bool, Meta(description="Whether the same request may succeed later.")]
    retry_after_s: Annotated[int | None, Meta(description="Seconds to wait before a retry.")]
    next_action: Annotated[NextAction, Meta(description="What a program should do next.")]
    doc_url: Annotated[
        str,
        Meta(
            description="The page that explains the code: HTML; Markdown with .md; JSON with .json."
        ),
    ]
    reason: Annotated[str | UnsetType, Meta(description="The cause, if the code has several.")] = (
        UNSET
    )
    errors: Annotated[
        list[FieldProblem] | UnsetType, Meta(description="All problems of the request.")
    ] = UNSET
    links: Annotated[
        list[Link] | UnsetType, Meta(description="Calls to make next, the most useful first.")
    ] = UNSET
    did_you_mean: Annotated[str | UnsetType, Meta(description="The most similar name.")] = UNSET
    limit: Annotated[Any, Meta(description="The limit that was reached.")] = UNSET
    remaining: Annotated[Any, Meta(description="The part of the limit that is left.")] = UNSET
    oldest_cursor: Annotated[
        str | UnsetType,
        Meta(
            description="For lists of events: the cursor to continue from. Older events are no longer stored."
        ),
    ] = UNSET
    resets_at: Time | UnsetType | None = UNSET


class Refused(Struct, kw_only=True):
    """The `data` of an error."""

    error: Annotated[Failure, Meta(description="The cause, and what to do about it.")]
