"""What Python's `re` really takes, by subset construction over threads in order of preference.

Python prefers alternatives in order and backs up, so what `re.match` takes need not be the longest
text of the language: `a|ab` never takes `ab`, and `".*?"` stops at the first quote. With threads
kept in order of preference, and those below a match dropped, the texts that can still be taken
form a regular language of their own, and `re.match` takes its longest. That language is what is
carried over; so lazy quantifiers and ordered alternatives need no rule of their own.

Assertions run along with a thread until the text decides them. One may be undecided for one
character after the end of the match; then `DFA.accept` says before which characters it holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from potentials.grammar.lark.automata import dfa
from potentials.grammar.lark.automata.alphabet import Alphabet
from potentials.grammar.lark.automata.dfa import DEAD, DFA
from potentials.grammar.lark.automata.pattern import (
    Alt,
    Chars,
    End,
    Look,
    Node,
    Unsupported,
    walk,
)
from potentials.grammar.lark.automata.program import (
    Assert,
    AtEnd,
    Fork,
    Instruction,
    Match,
    Read,
    compile_program,
)

_MOST_STATES = 100_000
_MOST_STEPS = 1_500_000

# Assertions not yet decided: (index of the lookahead, state of its automaton). −1: the text must
# end here.
Pending = frozenset[tuple[int, int]]
Thread = tuple[int, Pending]

_MUST_END = (-1, 0)


def preferred(node: Node, alphabet: Alphabet) -> DFA:
    """Return the texts of which `re.match` takes the longest."""
    return _Determiniser(alphabet, ordered=True).run(node)


def preferred_or_all(node: Node, alphabet: Alphabet) -> tuple[DFA, bool]:
    """Return the same, and whether they are all that an expression without assertions matches."""
    determiniser = _Determiniser(alphabet, ordered=True)
    texts = determiniser.run(node)
    if looks_around(node):
        return texts, False
    whole = not determiniser.dropped or dfa.same_language(texts, language(node, alphabet))
    return texts, whole


def language(node: Node, alphabet: Alphabet) -> DFA:
    """Return every text that the expression can match."""
    return _Determiniser(alphabet, ordered=False).run(node)


def looks_around(node: Node) -> bool:
    """Return whether a tree has an assertion."""
    return any(isinstance(part, (Look, End)) for part in walk(node))


@dataclass
class _Determiniser:
    alphabet: Alphabet
    ordered: bool
    aheads: list[tuple[Look, DFA]] = field(default_factory=list)
    looks_behind: bool = False
    dropped: bool = False  # whether a match was preferred to something longer

    def run(self, node: Node) -> DFA:
        code = compile_program(node, self.alphabet)
        if not looks_around(node):
            return self._run_plain(code)
        self.looks_behind = any(isinstance(i, Assert) and not i.look.ahead for i in code)
        start = self._close(code, [(0, frozenset())], None)
        queue: list[tuple[tuple[Thread, ...], int | None]] = [(start, None)]
        index = {queue[0]: 0}
        steps: list[list[int]] = []
        accept: list[int] = []
        size = self.alphabet.size
        work = 0
        for threads, _last in queue:
            following, accepted = self._following(code, threads)
            row = [DEAD] * size
            for x, taken in following.items():
                last = x if self.looks_behind else None
                key = (self._close(code, taken, x), last)
                work += 1 + len(key[0])
                if key not in index:
                    if len(queue) >= _MOST_STATES or work > _MOST_STEPS:
                        raise Unsupported(f"needs more than {len(queue)} states")
                    index[key] = len(queue)
                    queue.append(key)
                row[x] = index[key]
            steps.append(row)
            accept.append(accepted)
        return dfa.trimmed(steps, accept, size)

    def _run_plain(self, code: tuple[Instruction, ...]) -> DFA:
        """Determinise a program without assertions, whose threads are only places in it."""
        size = self.alphabet.size
        symbols: dict[int, list[int]] = {}
        reads: list[list[int] | None] = []
        for instruction in code:
            mask = instruction.mask if isinstance(instruction, Read) else None
            if mask is not None and mask not in symbols:
                symbols[mask] = self.alphabet.indices(mask)
            reads.append(None if mask is None else symbols[mask])
        closures: dict[int, tuple[int, ...]] = {}

        def close(at: int) -> tuple[int, ...]:
            if at not in closures:
                threads = self._close(code, [(at, frozenset())], None)
                closures[at] = tuple(place for place, _pending in threads)
            return closures[at]

        queue = [close(0)]
        index = {queue[0]: 0}
        steps: list[list[int]] = []
        accept: list[int] = []
        work = 0
        for threads in queue:
            following: dict[int, dict[int, None]] = {}
            accepted = 0
            for n, at in enumerate(threads):
                read = reads[at]
                if read is None:  # a match
                    accepted = (2 << size) - 1
                    if self.ordered and n + 1 < len(threads):
                        self.dropped = True
                        break
                    continue
                then = close(at + 1)
                for x in read:
                    following.setdefault(x, {}).update(dict.fromkeys(then))
            row = [DEAD] * size
            for x, taken in following.items():
                key = tuple(taken) if self.ordered else tuple(sorted(taken))
                work += 1 + len(key)
                if key not in index:
                    if len(queue) >= _MOST_STATES or work > _MOST_STEPS:
                        raise Unsupported(f"needs more than {len(queue)} states")
                    index[key] = len(queue)
                    queue.append(key)
                row[x] = index[key]
            steps.append(row)
            accept.append(accepted)
        return dfa.trimmed(steps, accept, size)

    def _following(
        self, code: tuple[Instruction, ...], threads: tuple[Thread, ...]
    ) -> tuple[dict[int, list[Thread]], int]:
        """Return the threads that go on by symbol, and the mask before which there is a match."""
        size = self.alphabet.size
        if any(pending for _at, pending in threads):
            outcomes = {x: self._step(code, threads, x) for x in range(size + 1)}
            accepted = sum(matched << x for x, (_taken, matched) in outcomes.items())
            return {x: t for x, (t, _matched) in outcomes.items() if t and x < size}, accepted
        following: dict[int, list[Thread]] = {}
        for at, pending in threads:
            instruction = code[at]
            if isinstance(instruction, Read):
                for x in self.alphabet.indices(instruction.mask):
                    following.setdefault(x, []).append((at + 1, pending))
            elif self.ordered:
                return following, (2 << size) - 1
        matches = any(isinstance(code[at], Match) for at, _pending in threads)
        return following, (2 << size) - 1 if matches else 0

    def _step(
        self, code: tuple[Instruction, ...], threads: tuple[Thread, ...], x: int
    ) -> tuple[list[Thread], int]:
        """Read symbol x (or the end): the threads that go on, and whether there was a match."""
        taken: list[Thread] = []
        matched = 0
        for at, pending in threads:
            instruction = code[at]
            if isinstance(instruction, Read) and not instruction.mask >> x & 1:
                continue
            still = self._settle(pending, x)
            if still is None:
                continue
            if isinstance(instruction, Match):
                if still:
                    raise Unsupported("looks more than one character beyond its own end")
                matched = 1
                if self.ordered:
                    break
            else:
                taken.append((at + 1, still))
        return taken, matched

    def _settle(self, pending: Pending, x: int) -> Pending | None:
        """Return what is still pending after symbol x; None if an assertion has failed."""
        still: set[tuple[int, int]] = set()
        ended = x == self.alphabet.size
        for item in pending:
            which, state = item
            if item == _MUST_END:
                if not ended:
                    return None
                continue
            look, automaton = self.aheads[which]
            to = DEAD if ended else automaton.steps[state][x]
            holds = automaton.accept[state] >> x & 1
            # What has matched whatever comes next need not wait for it.
            if holds or (to != DEAD and automaton.accept[to] == automaton.all_next):
                if look.negative:
                    return None
            elif to != DEAD:
                still.add((which, to))
            elif not look.negative:
                return None
        return frozenset(still)

    def _close(
        self, code: tuple[Instruction, ...], threads: list[Thread], last: int | None
    ) -> tuple[Thread, ...]:
        """Follow what takes no character; threads stay in order of preference."""
        out: list[Thread] = []
        seen: set[Thread] = set()
        stack = list(reversed(threads))
        while stack:
            thread = stack.pop()
            if thread in seen:
                continue
            seen.add(thread)
            at, pending = thread
            instruction = code[at]
            if isinstance(instruction, Fork):
                stack.extend((to, pending) for to in reversed(instruction.targets))
            elif isinstance(instruction, AtEnd):
                stack.append((at + 1, pending | {_MUST_END}))
            elif isinstance(instruction, Assert):
                if instruction.look.ahead:
                    stack.append((at + 1, pending | {(self._ahead(instruction.look), 0)}))
                elif self._behind(instruction.look, last) != instruction.look.negative:
                    stack.append((at + 1, pending))
            else:
                out.append(thread)
        return tuple(out) if self.ordered else tuple(sorted(out, key=_sort_key))

    def _ahead(self, look: Look) -> int:
        for i, (known, _automaton) in enumerate(self.aheads):
            if known == look:
                return i
        self.aheads.append((look, language(look.item, self.alphabet)))
        return len(self.aheads) - 1

    def _behind(self, look: Look, last: int | None) -> bool:
        if last is None:
            raise Unsupported("looks at the text before the terminal")
        return bool(_one_character(look.item, self.alphabet) >> last & 1)


def _one_character(node: Node, alphabet: Alphabet) -> int:
    if isinstance(node, Chars):
        return alphabet.masks[node.ranges]
    if isinstance(node, Alt):
        mask = 0
        for option in node.options:
            mask |= _one_character(option, alphabet)
        return mask
    raise Unsupported("looks behind by more than one character")


def _sort_key(thread: Thread) -> tuple[int, list[tuple[int, int]]]:
    return thread[0], sorted(thread[1])
