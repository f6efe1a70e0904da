"""The parts of a type, and which of them is at fault where the whole cannot be carried."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_extensions import TypeAliasType, is_typeddict

from potentials.output_types.signatures import is_function, type_of_arguments

Fault = Callable[[Any], Exception | None]
"""From a type to what refuses it."""


def find_fault(of: Any, error: Exception, fault: Fault) -> tuple[str, Any, Exception]:
    """Return the innermost part of a type that is refused by itself too.

    Args:
        of: A type that is refused.
        error: What refused it.
        fault: Tries a part.

    Returns:
        Where the part is (`Order.lines[…].price`; empty: it is the type itself), the part, and
        what refuses it.
    """
    where, seen = "", {id(of)}
    while True:
        for label, part in _parts(of):
            if id(part) in seen:
                continue
            failed = fault(part)
            if failed is not None:
                seen.add(id(part))
                begin = shown(of) if not where and label.startswith(".") else where
                where, of, error = begin + label, part, failed
                break
        else:
            return where, of, error


def shown(of: Any) -> str:
    """Return a type as messages call it."""
    if isinstance(of, type) and not get_args(of):
        return of.__name__
    if is_function(of):
        return getattr(of, "__name__", repr(of))
    origin, arguments = get_origin(of), get_args(of)
    if origin is Annotated:
        return f"Annotated[{shown(arguments[0])}, …]"
    if origin in (typing.Union, types.UnionType):
        return " | ".join("None" if a is type(None) else shown(a) for a in arguments)
    if isinstance(origin, type) and origin is not collections.abc.Callable:
        return f"{origin.__name__}[{', '.join(shown(a) for a in arguments)}]"
    return repr(of).replace("typing.", "").replace("Ellipsis", "...")[:120]


def _parts(of: Any) -> Iterator[tuple[str, Any]]:
    """Yield where each part of a type is, and the part."""
    try:
        if is_function(of):
            of = type_of_arguments(of)
        if isinstance(of, type) and issubclass(of, BaseModel):
            for name, field in of.model_fields.items():
                yield f".{name}", field.rebuild_annotation()
            return
        if dataclasses.is_dataclass(of) or is_typeddict(of) or hasattr(of, "_fields"):
            for name, part in get_type_hints(of, include_extras=True).items():
                yield f".{name}", part
            return
    except (NameError, TypeError, ValueError):  # a name that is defined nowhere
        return
    origin, arguments = get_origin(of), get_args(of)
    if isinstance(of, TypeAliasType):
        yield "", of.__value__
    elif origin is Annotated or origin in (typing.Required, typing.NotRequired, typing.Final):
        yield "", arguments[0]
    elif origin in (typing.Union, types.UnionType):
        yield from (("", part) for part in arguments)
    elif isinstance(origin, type) and origin is not collections.abc.Callable:
        yield from (("[…]", part) for part in arguments if part is not Ellipsis)
