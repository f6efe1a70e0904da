"""Right answers of reasoning puzzles by brute force, written without the domain's own code."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from itertools import pairwise, permutations, product


def arithmetic(question: str, answer: str) -> bool:
    *assignments, asked = question.split(";")
    known: dict[str, int] = {}
    for assignment in assignments:
        exec(assignment, {}, known)
    return answer == str(known[asked.rstrip("?")])


def equation(question: str, answer: str) -> bool:
    sides, told = question.split("; ")
    choices = dict(re.findall(r"(\w)\) (\d+)", told))
    left, right = sides.split("=")
    holds = [
        c for c, n in choices.items() if eval(left, {"x": int(n)}) == eval(right, {"x": int(n)})
    ]
    return holds == [answer]


def ontology(question: str, answer: str) -> bool:
    *facts, asked = question.split("; ")
    _, name, goal = asked.rstrip("?").split(" ")
    pairs = {tuple(f.split(" is ")) for f in facts}
    known = {name}
    for _ in facts:
        known |= {b for a, b in pairs if a in known}
    assert (goal in known) != (f"not {goal}" in known)
    return answer == ("yes" if goal in known else "no")


def lookup(question: str, answer: str) -> bool:
    *facts, asked = question.split("; ")
    name = asked.split(" ")[-1].rstrip("?")
    words = [f.split(" ") for f in facts]
    found = {c[-1] for p, c in product(words, words) if p[0] == name and p[-1] == c[0]}
    return found == {answer}


def yes_no(question: str, answer: str) -> bool:
    numbers = {w: list(map(int, n)) for w, n in _numbers(question)}
    if "carry" in question:
        one, other = re.findall(r"carry (\w+) and (\w+)", question)[0]
        right = numbers[one][0] + numbers[other][0] <= numbers["van"][0]
    else:
        one, other = re.findall(r"could (\w+) and (\w+)", question)[0]
        spans = [range(numbers[n][0], numbers[n][1] + 1) for n in (one, other)]
        right = len(set(spans[0]) & set(spans[1])) > 1  # a common year that is not only an end
    return answer == ("yes" if right else "no")


def _numbers(question: str) -> list[tuple[str, list[str]]]:
    parts = question.split("; ")[:-1]
    return [(part.split(" ")[0], re.findall(r"\d+", part)) for part in parts]


def game24(question: str, answer: str) -> bool:
    at_hand = Counter(Fraction(n) for n in question.split(" make ")[0].split())
    done = answer.split(", ")
    for text in done:
        match = re.fullmatch(r"([1-9]\d*)([-+*/])([1-9]\d*)=([1-9]\d*)", text)
        if match is None:
            return False
        left, right, result = (Fraction(match[k]) for k in (1, 3, 4))
        at_hand.subtract([left, right])
        worth = {"+": left + right, "-": left - right, "*": left * right, "/": left / right}
        if min(at_hand.values()) < 0 or left < right or worth[match[2]] != result:
            return False
        at_hand[result] += 1
    return +at_hand == Counter([Fraction(24)])


def packing(question: str, answer: str) -> bool:
    items = re.findall(r"\d+", question.split(" in ")[0])
    bins, size = map(int, re.findall(r"(\d+) bins of (\d+)", question)[0])
    said = Counter(tuple(sorted(own.split(" "))) for own in answer.split(" / "))
    for places in product(range(bins), repeat=len(items)):
        own = [sorted(i for i, p in zip(items, places, strict=True) if p == b) for b in range(bins)]
        if (
            all(sum(map(int, o)) <= size for o in own)
            and Counter(tuple(o) for o in own if o) == said
        ):
            return True
    return False


def blocks(question: str, answer: str) -> bool:
    parts = question.split("; ")
    under: list[dict[str, str]] = []
    for told in (parts[0].removeprefix("stacks "), parts[1].removeprefix("goal ")):
        where: dict[str, str] = {}
        for stack in told.split(" / "):
            below = "table"
            for block in stack.split(" "):
                where[block], below = below, block
        under.append(where)
    state, goal = under
    moves = answer.split(", ")
    for move in moves:
        if move.count(" to ") != 1:
            return False
        block, onto = move.split(" to ")
        covered = set(state.values())
        if block not in state or block in covered or onto == block or state[block] == onto:
            return False
        if onto != "table" and (onto not in state or onto in covered):
            return False
        state[block] = onto
    return state == goal and len(moves) <= int(re.findall(r"\d+", parts[2])[0])


# Where the sticker of a place goes by a quarter of a turn, face by face in the order URFDLB; by
# hand from the usual net of the cube.
_CYCLES = {
    "U": [(0, 1, 3, 2), (8, 16, 20, 4), (9, 17, 21, 5)],
    "R": [(4, 5, 7, 6), (9, 1, 22, 13), (11, 3, 20, 15)],
    "F": [(8, 9, 11, 10), (2, 4, 13, 19), (3, 6, 12, 17)],
}


def turned(state: str, face: str) -> str:
    stickers = list(state)
    for cycle in _CYCLES[face]:
        for old, new in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            stickers[new] = state[old]
    return "".join(stickers)


def cube(question: str, answer: str) -> bool:
    told, limit = question.removeprefix("cube ").split("; in ")
    state = re.sub("[ /]", "", told)
    turns = answer.split(" ")
    for turn in turns:
        if not re.fullmatch("[URF][2']?", turn):
            return False
        for _ in range({"": 1, "2": 2, "'": 3}[turn[1:]]):
            state = turned(state, turn[0])
    solved = all(len(set(state[k : k + 4])) == 1 for k in range(0, 24, 4))
    return solved and len(turns) <= int(limit.split(" ")[0])


def trip(question: str, answer: str) -> bool:
    stays, flights, wish = question.split("; ")
    days = {c: int(n) for c, n in re.findall(r"(\w+) (\d+)", stays.removeprefix("stay "))}
    city, day = re.findall(r"in (\w+) on day (\d+)", wish)[0]
    right = set()
    for order in permutations(days):
        where = [c for c in order for _ in range(days[c])]
        joined = all(f"{a}-{b}" in flights or f"{b}-{a}" in flights
                     for a, b in pairwise(order))  # fmt: skip
        if joined and where[int(day) - 1] == city:
            right.add(" ".join(order))
    return answer in right


def calendar(question: str, answer: str) -> bool:
    first, last = map(int, re.findall(r"from (\d+) to (\d+)", question)[0])
    length = int(re.findall(r"meet (\d)", question)[0])
    busy: set[int] = set()
    for a, b in re.findall(r"(\d+)-(\d+)", question):
        busy |= set(range(int(a), int(b)))
    free = [h for h in range(first, last - length + 1) if not busy & set(range(h, h + length))]
    return answer == f"{free[0]}-{free[0] + length}"


RIGHT = {
    "arithmetic": arithmetic,
    "equation": equation,
    "ontology": ontology,
    "lookup": lookup,
    "yes-no": yes_no,
    "game24": game24,
    "packing": packing,
    "blocks": blocks,
    "cube": cube,
    "trip": trip,
    "calendar": calendar,
}
