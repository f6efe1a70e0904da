"""Calls between two processes over a socket: each may call what the other has given it.

A message is a JSON list: a call is `["call", operation, reference, arguments, keywords]`, an answer
`["value", value, printed, changed]`, `["raised", exception, printed]` or `["end"]` of an iterator.
While one side waits for an answer it answers the calls of the other, so that a function given as an
argument can be called back.
"""

from __future__ import annotations

import builtins
import json
import operator
import socket
from collections.abc import Callable, Iterator
from typing import Any

from . import wire
from .plain_data import Codec, NotPlainError, restore

MOST_BYTES = 1 << 26
"""Of a message."""

_SHOWN = 500
_END = ["end"]


class LostError(RuntimeError):
    """The other process has ended, or says what cannot be read."""


def _is_instance(kind: Any, value: Any) -> bool:
    return isinstance(value, kind)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda f, *args, **kwargs: f(*args, **kwargs),
    "next": next,
    "iter": iter,
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "isinstance": _is_instance,
    "enter": lambda v: v.__enter__(),
    "leave": lambda v: v.__exit__(None, None, None),
    **{f.__name__: f for f in (len, bool, str, repr, int, float, abs, dir)},
    **{
        name: getattr(operator, name)
        for name in "getitem setitem delitem eq lt le gt ge add sub mul truediv and_ or_ xor "
        "floordiv mod matmul pow neg index".split()
    },
}
"""What a program's side does with its objects on request."""

CALLBACKS = frozenset(["call", "next", "iter"])
"""What a test's side does with the objects that it has given."""


class Side:
    """One end of the channel.

    Args:
        link: The socket.
        operations: What the other side may ask for, by name; each is given the object asked for,
            or the text that stands in its place, and the arguments.
        given: Whether an object may be given to the other side as a reference.
        proxy: Makes what stands for an object of the other side, from its number.
        printed: Takes the text that was printed since it was last called.
        show: Prints a text that the other side printed.
    """

    def __init__(
        self,
        link: socket.socket,
        *,
        operations: dict[str, Callable[..., Any]],
        given: Callable[[Any], bool],
        proxy: Callable[[Any], Any],
        printed: Callable[[], str],
        show: Callable[[str], Any],
    ) -> None:
        self._link = link
        self._operations = operations
        self._may_give = given
        self._proxy = proxy
        self._printed, self._show = printed, show
        self.classes: dict[str, type] = {}
        self._given: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._proxies: dict[int, Any] = {}
        self._numbers_there: dict[int, int] = {}
        """Numbers of the proxies' objects on the other side, by the proxies' ids."""
        self._exceptions: dict[int, type] = {}

    def request(self, operation: str, target: Any, *args: Any, **kwargs: Any) -> Any:
        """Have the other side do something; return the value.

        Args:
            operation: One of `OPERATIONS`.
            target: Number or name of the object there.
            args: What goes with it.
            kwargs: Likewise.

        Raises:
            LostError: The other side is gone.
            NotPlainError: An argument or the value cannot cross.
        """
        codec = self._codec()
        words = [codec.encode(a) for a in args], {k: codec.encode(v) for k, v in kwargs.items()}
        self._send(["call", operation, target, *words])
        while True:
            answer = self._receive()
            kind = answer[0]
            if kind == "call":
                self._send(self._do(*answer[1:]))
                continue
            if kind == "end" and operation == "next":
                raise StopIteration
            if kind == "value" and len(answer) == 4:
                self._show(_text(answer[2]))
                self._take_changes(answer[3], (*args, *kwargs.values()))
                return self._codec().decode(answer[1])
            if kind == "raised" and len(answer) == 3:
                self._show(_text(answer[2]))
                raise self._exception(answer[1])
            raise LostError("the program's process says what is no answer")

    def serve(self) -> None:
        """Answer calls until the other side closes the channel."""
        while True:
            try:
                message = self._receive()
            except LostError:
                return
            if message[0] == "call":
                self._send(self._do(*message[1:]))

    def _do(self, operation: Any, target: Any, args: Any, kwargs: Any) -> list[Any]:
        try:
            if operation not in self._operations:
                raise NotPlainError(f"nobody may ask for {operation}")
            thing = target if type(target) is str else self._given[target]
            codec = self._codec()
            values = [codec.decode(a) for a in args]
            named = {k: codec.decode(v) for k, v in kwargs.items()}
            value = self._operations[operation](thing, *values, **named)
            given = zip((*args, *kwargs.values()), (*values, *named.values()))  # noqa: B905 - Python 3.9
            changed = list(self._changes(given))
            return ["value", self._codec().encode(value), self._printed(), changed]
        except StopIteration as error:
            if operation == "next":
                return _END
            return ["raised", self._exception_words(error), self._printed()]
        except BaseException as error:
            return ["raised", self._exception_words(error), self._printed()]

    def _changes(self, given: Iterator[tuple[Any, Any]]) -> Iterator[list[Any]]:
        """Yield which arguments the call changed, and into what."""
        for place, (words, value) in enumerate(given):
            if type(words) in (list, dict) and "reference" not in words:
                now = self._codec().encode(value)
                if json.dumps(now) != json.dumps(words):
                    yield [place, now]

    def _take_changes(self, changed: Any, args: tuple[Any, ...]) -> None:
        for place, words in changed:
            restore(args[place], self._codec().decode(words))

    def _codec(self) -> Codec:
        return Codec(self.classes, self._give, self._take)

    def _give(self, value: Any) -> Any:
        if id(value) in self._numbers_there:
            return ["back", self._numbers_there[id(value)]]
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["exception", *self._exception_class_words(value)]
        if not self._may_give(value):
            raise NotPlainError(
                f"a {type(value).__name__} cannot cross between a test and the program that it "
                "tests; expected plain data, a function or an iterator"
            )
        return ["mine", self._number(value)]

    def _number(self, value: Any) -> int:
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._given)
            self._given.append(value)
        return self._numbers[id(value)]

    def _take(self, words: Any) -> Any:
        if type(words) is not list or not words:
            raise NotPlainError("words that are no reference")
        kind, *rest = words
        if kind == "back" and type(rest[0]) is int:
            return self._given[rest[0]]
        if kind == "exception":
            return self._exception_class(*rest)
        if kind == "mine" and type(rest[0]) is int:
            return self._stand_in(rest[0])
        raise NotPlainError("words that are no reference")

    def _stand_in(self, number: int) -> Any:
        if number not in self._proxies:
            proxy = self._proxies[number] = self._proxy(number)
            self._numbers_there[id(proxy)] = number
        return self._proxies[number]

    def _exception_words(self, error: BaseException) -> Any:
        try:
            args = [self._codec().encode(a) for a in error.args]
        except BaseException:
            args = []
        try:
            text = str(error)[:_SHOWN]
        except BaseException:
            text = ""
        return [*self._exception_class_words(type(error)), args, text]

    def _exception_class_words(self, kind: type) -> list[Any]:
        known = (k.__name__ for k in kind.__mro__ if getattr(builtins, k.__name__, None) is k)
        base = next(known)
        own = base != kind.__name__
        return [self._number(kind) if own else -1, str(kind.__name__), base]

    def _exception_class(self, number: Any, name: Any, base: Any) -> type:
        """Return the built-in class that it is, or a class of our own in the place of another."""
        builtin = getattr(builtins, base, None) if type(base) is str else None
        if not (isinstance(builtin, type) and issubclass(builtin, BaseException)):
            raise NotPlainError("what was raised is no exception")
        if number == -1:
            return builtin
        if number not in self._exceptions:
            self._exceptions[number] = type(name, (builtin,), {"__module__": "__main__"})
        return self._exceptions[number]

    def _exception(self, words: Any) -> BaseException:
        if type(words) is not list or len(words) != 5:
            raise LostError("the program's process raises what is no exception")
        *kind, args, text = words
        made = self._exception_class(*kind)
        for given in ([self._codec().decode(a) for a in args], [_text(text)]):
            try:
                return made(*given)
            except Exception:
                continue
        return LostError(f"{made.__name__}: {text}")

    def _send(self, message: Any) -> None:
        try:
            wire.send(self._link, message)
        except OSError:
            raise LostError("the program's process has ended") from None

    def _receive(self) -> list[Any]:
        try:
            message = wire.receive(self._link, MOST_BYTES)
        except (OSError, ValueError):
            message = None
        if type(message) is not list or not message:
            raise LostError("the program's process has ended, or says what cannot be read")
        if message[0] == "call" and len(message) != 5:
            raise LostError("the program's process says what is no call")
        return message


def _text(words: Any) -> str:
    if type(words) is not str:
        raise LostError("the program's process prints what is no text")
    return words
