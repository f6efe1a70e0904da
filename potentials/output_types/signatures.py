"""Signatures: a function's keyword arguments as a type, for calls that a model writes."""

from __future__ import annotations

import functools
import inspect
from typing import Any, NotRequired, get_type_hints

from typing_extensions import TypedDict

from smc.errors import GrammarError

_KINDS = inspect.Parameter


def is_function(of: Any) -> bool:
    """Whether it is something to call rather than a type."""
    return inspect.isroutine(of) or isinstance(of, functools.partial)


def type_of_arguments(function: Any) -> Any:
    """Return the TypedDict of a function's arguments, those with defaults left out at will.

    So `function(**value)` is the call. Arguments by position alone have no names to write, and
    `*args` and `**kwargs` are left out.

    Raises:
        GrammarError: An argument has no type, or no name.
    """
    name = getattr(function, "__name__", repr(function))
    try:
        parameters = inspect.signature(function).parameters
        bare = function.func if isinstance(function, functools.partial) else function
        hints = get_type_hints(bare, include_extras=True)
    except (NameError, TypeError, ValueError) as error:
        raise GrammarError(
            f"{name}: its signature cannot be read: {error}. Use a TypedDict of its arguments."
        ) from error
    fields: dict[str, Any] = {}
    for parameter in parameters.values():
        if parameter.kind in (_KINDS.VAR_POSITIONAL, _KINDS.VAR_KEYWORD):
            continue
        if parameter.kind is _KINDS.POSITIONAL_ONLY:
            raise GrammarError(
                f"{name}: its argument {parameter.name!r} is taken by position alone, so that a "
                "call by names cannot give it. Take the `/` out of the signature."
            )
        if parameter.name not in hints:
            raise GrammarError(f"{name}: its argument {parameter.name!r} has no type. Annotate it.")
        hint = hints[parameter.name]
        fields[parameter.name] = hint if parameter.default is _KINDS.empty else NotRequired[hint]
    return TypedDict(name, fields)  # type: ignore[misc,operator]
