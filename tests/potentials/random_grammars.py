"""Small random Lark grammars, made to meet every corner of the lexers."""

from __future__ import annotations

import random

_PATTERNS = (
    '"a" "ab" "b" "ba" "aa" "aab" "c" "ac" "abc"i "A"i /[ab]+/ /a+/ /a+b?/ /a(ba)*/ /ab|a/ /a|ab/ '
    "/a*?b/ /(?!ab)[ab]+/ /a(?!b)/ /a(?=b)/ /a+(?!c)/ /[^c]+/ /\\w+/ /a{1,2}/ /a{2,}?c/ /(ab)+c?/ "
    "/c+/ /a[^a]*?a/ /[a-c]/ /a\\b/ /b$/ /ab(c+a)?/ /(a|b)*c/ /a?b/ /(aa|a)b?/ /(a|ab)(c|bcd)?/ "
    "/[ac]+b|a/ /b(?<!ab)/"
).split(" ")
_IGNORED = (None, None, '" "', "/ +/", "/\\s+/", '"c"', "/ c?/", "/c[^a]*/", "/[ c]+/")


def grammar(seed: int) -> str:
    """Return the grammar of a seed."""
    rng = random.Random(seed)
    chosen = rng.sample(_PATTERNS, rng.randint(1, 5))
    terminals: list[str] = []
    definitions: list[str] = []
    for name, pattern in zip("TUVWX", chosen, strict=False):
        if pattern.startswith("/") or rng.random() < 0.4:
            priority = "" if rng.random() < 0.8 else f".{rng.randint(-1, 2)}"
            definitions.append(f"{name}{priority}: {pattern}")
            terminals.append(name)
        else:
            terminals.append(pattern)
    rules = ["start", "p", "q"][: rng.randint(1, 3)]
    lines = []
    for name in rules:
        alternatives = [_sequence(rng, rules, terminals) for _ in range(rng.randint(1, 3))]
        lines.append(f"{name}: {' | '.join(alternatives)}")
    ignored = rng.choice(_IGNORED)
    return "\n".join([*lines, *definitions, *([f"%ignore {ignored}"] if ignored else [])])


def _sequence(rng: random.Random, rules: list[str], terminals: list[str]) -> str:
    if rng.random() < 0.07:
        return ""
    return " ".join(_item(rng, rules, terminals, 1) for _ in range(rng.randint(1, 3)))


def _item(rng: random.Random, rules: list[str], terminals: list[str], depth: int) -> str:
    kind = rng.random()
    if depth == 0 or kind < 0.5:
        return rng.choice(terminals if rng.random() < 0.7 else rules)
    inner = [_item(rng, rules, terminals, depth - 1) for _ in range(2)]
    if kind < 0.75:
        return f"({' | '.join(inner)})"
    return f"({inner[0]}){rng.choice(['?', '*', '+', '~1..2'])}"
