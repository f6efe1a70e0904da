"""Fifty types in the style of those that people publish, for structured outputs and for APIs."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import re
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar

from pydantic import (
    UUID4,
    AfterValidator,
    AliasChoices,
    AliasPath,
    AnyUrl,
    AwareDatetime,
    Base64Str,
    BaseModel,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    FilePath,
    HttpUrl,
    IPvAnyAddress,
    Json,
    JsonValue,
    NaiveDatetime,
    NonNegativeFloat,
    PastDate,
    PositiveInt,
    RootModel,
    SecretStr,
    StrictBool,
    StringConstraints,
    Tag,
    computed_field,
    conlist,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

T = TypeVar("T")
Short = Annotated[str, StringConstraints(max_length=3)]


class User(BaseModel):
    id: int
    name: Short = "Jane"
    signup: dt.datetime | None = None
    friends: Annotated[list[int], Field(max_length=2)] = []


class Sentiment(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Review(BaseModel):
    sentiment: Sentiment
    stars: Annotated[int, Field(ge=1, le=5)]


class Priority(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Ticket(BaseModel):
    priority: Priority
    tags: set[Literal["bug", "ui"]]


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")
    street: Short
    postcode: Annotated[str, Field(pattern=r"^\d{5}$")]


class Company(BaseModel):
    head: Address
    branches: conlist(Address, max_length=1) = []  # type: ignore[valid-type]


class Tree(BaseModel):
    value: Literal[0, 1]
    children: Annotated[list[Tree], Field(max_length=2)] = []


class Linked(BaseModel):
    head: bool
    tail: Linked | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=0, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: bool


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


def _tag(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", "cat")
    return str(kind)


class TaggedOwner(BaseModel):
    pet: Annotated[Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")], Discriminator(_tag)]


class Money(BaseModel):
    amount: Annotated[Decimal, Field(ge=0, max_digits=5, decimal_places=2)]
    currency: Literal["EUR", "USD"]


class Event(BaseModel):
    day: dt.date
    begins: dt.time
    lasts: dt.timedelta


class Meeting(BaseModel):
    utc: AwareDatetime
    local: NaiveDatetime


class Born(BaseModel):
    day: PastDate


class Session(BaseModel):
    id: uuid.UUID
    token: UUID4


class Blob(BaseModel):
    raw: Annotated[bytes, Field(max_length=2)]
    text: Annotated[Base64Str, Field(max_length=8)]


class Network(BaseModel):
    address: ipaddress.IPv4Address
    net: ipaddress.IPv4Network
    any: IPvAnyAddress


class Point(NamedTuple):
    x: int
    y: int


class Shape(BaseModel):
    corners: tuple[Point, Point]
    colour: tuple[Literal["r", "g"], Annotated[float, Field(ge=0, le=1)]]


class Row(TypedDict):
    id: int
    note: NotRequired[Short]


class Table(BaseModel):
    rows: Annotated[list[Row], Field(min_length=1, max_length=2)]


@dataclass
class Item:
    sku: Short
    count: PositiveInt = 1
    notes: dict[str, str] = field(default_factory=dict)


@pydantic_dataclass
class Cart:
    item: Item
    total: NonNegativeFloat


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    first: int = Field(alias="firstName")
    last: bool = Field(validation_alias=AliasChoices("lastName", "last"))


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=lambda name: name.upper())
    value: bool


class Prices(RootModel[dict[Literal["a", "b"], int]]):
    pass


class Scores(BaseModel):
    by_id: dict[int, bool]


class Page(BaseModel, Generic[T]):
    items: Annotated[list[T], Field(max_length=2)]
    next: int | None


class Even(BaseModel):
    n: Annotated[int, Field(ge=0, le=9), AfterValidator(lambda n: n if n % 2 == 0 else _odd(n))]


def _odd(n: int) -> int:
    raise ValueError(f"{n} is odd")


class Range(BaseModel):
    low: Annotated[int, Field(ge=0, le=9)]
    high: Annotated[int, Field(ge=0, le=9)]

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Trimmed(BaseModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=3, to_upper=True)]

    @field_validator("name")
    @classmethod
    def _no_digit(cls, value: str) -> str:
        if any(c.isdigit() for c in value):
            raise ValueError("a digit")
        return value


class Area(BaseModel):
    side: Annotated[int, Field(multiple_of=5, gt=0, lt=50)]

    @computed_field
    @property
    def area(self) -> int:
        return self.side**2


class Documented(BaseModel):
    """What it is."""

    model_config = ConfigDict(json_schema_extra={"example": {"rate": 1}}, title="A title")
    rate: Annotated[
        int,
        Field(description="a rate", examples=[1], json_schema_extra={"x-order": 1, "format": "%"}),
    ]


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: bool


class Login(BaseModel):
    user: Short
    password: Annotated[SecretStr, Field(max_length=2)]


class Link(BaseModel):
    url: Annotated[HttpUrl, Field(max_length=14)]


class Search(BaseModel):
    """A tool's arguments, as for function calling."""

    query: Short
    limit: Annotated[int, Field(ge=1, le=3)] = 1
    order: Literal["up", "down"] | None = None


class Step(BaseModel):
    explanation: Short
    output: Short


class MathAnswer(BaseModel):
    steps: Annotated[list[Step], Field(max_length=2)]
    final: float


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)
    on: StrictBool
    day: dt.date


class Queue(BaseModel):
    jobs: Annotated[deque[int], Field(max_length=2)]
    seen: frozenset[bool]


class Words(BaseModel):
    counts: Counter[Literal["a", "b"]]


class Location(BaseModel):
    path: Path
    size: ByteSize


class Anything(BaseModel):
    value: JsonValue


class Bare(BaseModel):
    pass


class WithCallback(BaseModel):
    name: str
    callback: Annotated[Any, Field()] = None
    handler: type[int]


class WithFile(BaseModel):
    config: FilePath


class WithJson(BaseModel):
    address: Address
    payload: Json[list[int]]


class FromPath(BaseModel):
    city: str = Field(validation_alias=AliasPath("address", "city"))


class Opaque:
    pass


@dataclass
class WithOpaque:
    inner: list[Opaque]


class WithKeys(BaseModel):
    at: dict[tuple[int, int], str]


class WithBackReference(TypedDict):
    twice: list[Annotated[str, Field(pattern=r"^(?:a*)b\b.c$")]]


class WithFraction(TypedDict):
    part: dict[str, Opaque]


def weather(city: Short, days: Annotated[int, Field(ge=1, le=3)] = 1) -> str:
    """A tool."""
    return city * days


def by_position(city: str, /) -> None: ...


def without_types(city) -> None: ...  # type: ignore[no-untyped-def]


CARRIED: dict[str, Any] = {
    "User": User,
    "Review": Review,
    "Ticket": Ticket,
    "Address": Address,
    "Company": Company,
    "Tree": Tree,
    "Linked": Linked,
    "Owner": Owner,
    "TaggedOwner": TaggedOwner,
    "Money": Money,
    "Event": Event,
    "Meeting": Meeting,
    "Born": Born,
    "Session": Session,
    "Blob": Blob,
    "Network": Network,
    "Shape": Shape,
    "Row": Row,
    "Table": Table,
    "Item": Item,
    "Cart": Cart,
    "Aliased": Aliased,
    "Camel": Camel,
    "Prices": Prices,
    "Scores": Scores,
    "Page": Page[bool],
    "Even": Even,
    "Range": Range,
    "Trimmed": Trimmed,
    "Area": Area,
    "Documented": Documented,
    "Open": Open,
    "Login": Login,
    "Link": Link,
    "Search": Search,
    "MathAnswer": MathAnswer,
    "Frozen": Frozen,
    "Queue": Queue,
    "Words": Words,
    "Location": Location,
    "Anything": Anything,
    "Bare": Bare,
}
"""Those that a text can stand for."""

REFUSED: dict[str, tuple[Any, str]] = {
    "WithCallback": (WithCallback, r"WithCallback\.handler: type\[int\]"),
    "WithFile": (WithFile, r"WithFile\.config.*Use `Path`"),
    "WithJson": (WithJson, r"WithJson\.payload.*inside of"),
    "FromPath": (FromPath, r"FromPath.*\['address', 'city'\]"),
    "WithOpaque": (WithOpaque, r"WithOpaque\.inner\[…\]: Opaque"),
    "WithKeys": (WithKeys, r"WithKeys\.at: dict"),
    "WithBackReference": (WithBackReference, r"WithBackReference\.twice\[…\]"),
    "WithFraction": (WithFraction, r"WithFraction\.part\[…\]: Opaque"),
}
"""Those that none can, and what the message names."""

PLAIN: dict[str, Any] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "None": None,
    "list": list[int],
    "union": int | None,
    "Literal": Literal["red", "green"],
    "Literal of kinds": Literal[1, "a", None],
    "Enum": Sentiment,
    "IntEnum": Priority,
    "NamedTuple": Point,
    "date": dt.date,
    "Fraction": Annotated[Fraction, Field()],
    "complex": complex,
    "Pattern": re.Pattern[str],
    "PurePath": PurePosixPath,
    "AnyUrl": AnyUrl,
}
