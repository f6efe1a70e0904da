"""The output type: the texts that stand for a value of a Python type, and how they are read.

Source of the idea: `outlines` (Willard & Louf 2023), whose convention for listed strings is kept.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic_core import SchemaError

from potentials.grammar.json_schema import JSONSchema
from potentials.grammar.mask_limits import MaskLimits
from potentials.output_types.choice import Choice
from potentials.output_types.parts import find_fault, shown
from potentials.output_types.schemas import ClosedSchema, completed, is_any_text, texts_of
from potentials.output_types.signatures import is_function, type_of_arguments
from smc.errors import GrammarError
from smc.potential import AnyPotential, IncrementalPotential, Potential, Product

T = TypeVar("T")

_REFUSALS = (
    GrammarError,
    PydanticUserError,
    SchemaError,
    ImportError,  # pydantic[email]
    NameError,  # a name in an annotation
    TypeError,
    ValueError,
)


class OutputType(Product, Generic[T]):
    """The texts that stand for a value of a type; `parse` reads them.

    Any type that pydantic reads from JSON: a model, dataclass, TypedDict, NamedTuple, Enum,
    Literal, `int`, `float`, `bool`, `str`, `list[int]`, unions, `Annotated` with bounds; or a
    function, for the keyword arguments of a call as a dict. The constraint is the JSON schema of
    the type as an exact token mask, and at the end of a text pydantic itself, so that validators of
    one's own and whatever a schema cannot say count too: a text with weight can be read.

    How a value is written:

    * `str`: as it is, any text. A Literal, an Enum or a union of these that lists strings alone:
      bare, without quotation marks (`red`).
    * All else: as JSON, in the spellings of `JSONSchema` (`true`, `3`, `"2024-05-01"`, `["red"]`),
      compact or as `json.dumps` spaces it. Objects have the names of the type's fields (their
      aliases) in their order, and no others unless the type says so (`extra="allow"`); a field
      with a default may be left out.

    Args:
        of: The type, or the function; also a schema (a dict), `Choice`, `Regex`, `Grammar` or
            `JSONSchema`, whose texts are read as JSON, or else stand for themselves.
        limits: How much work one mask may cost before a `PotentialError`.

    Attributes:
        of: As given.
        schema: The JSON schema, where the text is JSON; else None.

    Raises:
        GrammarError: It cannot be carried; the message says where in the type, why, and what to do.

    Example:
        >>> numbers = OutputType(list[int])
        >>> numbers.parse("[1, 2]"), numbers.complete("[1, 2]"), numbers.complete("[1, x]")
        ([1, 2], 0.0, -inf)
    """

    schema: Mapping[str, Any] | None

    @overload
    def __init__(self, of: type[T], *, limits: MaskLimits | None = None) -> None: ...

    @overload
    def __init__(self, of: Any, *, limits: MaskLimits | None = None) -> None: ...

    def __init__(self, of: Any, *, limits: MaskLimits | None = None) -> None:
        self.of = of
        self.schema = None
        if isinstance(of, Potential | IncrementalPotential):
            self._read: Callable[[str], Any] = getattr(of, "parse", str)
            factors: list[AnyPotential] = [of]
        elif isinstance(of, dict):
            form = JSONSchema(of, limits=limits)
            self.schema, self._read, factors = of, form.parse, [form]
        else:
            _check_is_type(of)
            try:
                factors = self._carry(of, limits)
            except _REFUSALS as error:
                raise _refusal(of, error, limits) from error
        super().__init__(factors)

    @property
    def name(self) -> str:
        """The type's."""
        return f"OutputType({shown(self.of)})"

    def parse(self, text: str) -> T:
        """Return the value that a text stands for.

        Raises:
            ValueError: It stands for none.
        """
        return self._read(text)

    def _carry(self, of: Any, limits: MaskLimits | None) -> list[AnyPotential]:
        """Return the potentials of a type, and keep what reads it."""
        adapter: TypeAdapter[Any] = TypeAdapter(type_of_arguments(of) if is_function(of) else of)
        with warnings.catch_warnings():  # of defaults that JSON has not: they are not written
            warnings.simplefilter("ignore")
            schema = adapter.json_schema(schema_generator=ClosedSchema, mode="validation")
        completed(schema)
        read = Reads(shown(of), adapter.validate_json)
        if is_any_text(schema):
            read = Reads(shown(of), adapter.validate_python)
            factors: list[AnyPotential] = [read]
        elif texts := texts_of(schema):
            read = Reads(shown(of), adapter.validate_python)
            factors = [Choice(texts, limits=limits), read]
        else:
            self.schema = schema
            factors = [JSONSchema(schema, limits=limits), read]
        self._read = read.parse
        return factors


class Reads(Potential):
    """1 where pydantic makes a value of the finished text, 0 elsewhere.

    Args:
        of: How messages call the type.
        parse: Makes the value, or raises a ValueError (pydantic's ValidationError is one).
    """

    boundary = None

    def __init__(self, of: str, parse: Callable[[str], Any]) -> None:
        self._of = of
        self.parse = parse

    @property
    def name(self) -> str:
        """What it asks."""
        return f"Reads({self._of})"

    def complete(self, text: str) -> float:
        """Return 0 where there is a value, else −inf."""
        try:
            self.parse(text)
        except ValueError:
            return float("-inf")
        return 0.0

    def batch_prefix(self, texts: Any) -> list[float]:
        """Return 0 for each: a text that goes on may become anything that its mask allows."""
        return [0.0] * len(texts)


def _check_is_type(of: Any) -> None:
    if isinstance(of, str | bytes | int | float | list | tuple | set):
        hint = f"Choice({list(of)!r:.80})" if isinstance(of, list | tuple | set) else "str"
        raise GrammarError(
            f"output_type: got {of!r:.120}, which is a value; expected a type, a function or a "
            f"schema (a dict). Write the type itself, such as {hint}."
        )


def _refusal(of: Any, error: Exception, limits: MaskLimits | None) -> GrammarError:
    """Return the error that names the innermost part of a type that cannot be carried by itself."""

    def fault(part: Any) -> Exception | None:
        try:
            OutputType.__new__(OutputType)._carry(part, limits)
        except _REFUSALS as failed:
            return failed
        return None

    where, part, error = find_fault(of, error, fault)
    place = f"{where}: {shown(part)}" if where else shown(part)
    return GrammarError(
        f"output_type {shown(of)}: {place} cannot be carried: {_reason(error)} Give it a type that "
        "can be read from JSON, or leave it out and fill it in afterwards."
    )


def _reason(error: Exception) -> str:
    if isinstance(error, PydanticSchemaGenerationError):
        return "pydantic knows no way to read it from JSON."
    reason = str(error).split("\n\nFor further information")[0].strip().replace("\n", " ")
    return reason if reason.endswith(".") else f"{reason}."
