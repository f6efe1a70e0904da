"""The grammar of a problem's goals: what it takes, what it refuses, and that masks are exact."""

import random
import re
import time
from itertools import product

import pytest
from lark import Lark
from lark.exceptions import LarkError

from potentials import Grammar
from potentials.grammar.lark import translate
from potentials.pddl import Domain, PDDLError, Problem, goal_grammar, parse_domain, parse_problem
from smc.potential import log_complete, log_prefix
from tests.potentials.masking import (
    byte_walk,
    disagreements,
    mask_of,
    straddling,
    vocabulary_of,
)
from tests.potentials.pddl_worlds import ABC, BLOCKS, GRIPPER, POST, ROOMS, TYPED, atoms_of

DEAD = float("-inf")
DOMAIN = parse_domain(BLOCKS)


def blocks(count: int) -> Problem:
    objects = {f"b{i + 1}": "object" for i in range(count)}
    return Problem("p", "blocks", objects, frozenset(), ())


@pytest.fixture(scope="module")
def cut() -> Grammar:
    """Made for the stop string."""
    return Grammar(goal_grammar(DOMAIN, blocks(12)))


@pytest.fixture(scope="module")
def closed() -> Grammar:
    return Grammar(goal_grammar(DOMAIN, blocks(12), closed=True))


ACCEPTED = [
    " (on b1 b2) (clear b12))",
    " (arm-empty))",
    "(arm-empty)(clear b1)(on b1 b10))",
    "\n    (on b1 b2)\n    (on-table b11)\n    (holding b3))",
    " (\ton  b1\r\n b2 )\t( clear b3))",
    " (ON B1 b2) (Clear b3))",
    " (on b1 b1))",
    " (clear b1) (clear b1))",
    " (clear b1)))",
    " (clear b1))\n)\n",
]
REFUSED = [
    "",
    " ",
    ")",
    "))",
    " (clear b1",
    " (on b1 b13))",
    " (on b1 b))",
    " (on b1 b2b3))",
    " (on b1 b222))",
    " (on b1))",
    " (on b1 b2 b3))",
    " (on))",
    " (arm-empty b1))",
    " (clear))",
    " (above b1 b2))",
    " (onb1 b2))",
    " (clearb1))",
    " (clear_b1))",
    " (on b1, b2))",
    " (and (clear b1)))",
    " (not (clear b1)))",
    " ((clear b1)))",
    " (clear b1) and (clear b2))",
    " (clear b1)) (clear b2))",
    " (clear b1))(",
    " (clear b1)) and so on",
    " (clear b1) ; comment\n)",
    " (clear b\u0661))",
    " (clear\u00a0b1))",
    " (\u017ftack b1))",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_goals_of_the_problem_are_taken(cut: Grammar, closed: Grammar, text: str):
    for grammar in (cut, closed):
        assert log_complete(grammar, text) == 0.0
        assert all(log_prefix(grammar, text[:n]) == 0.0 for n in range(len(text)))
    assert log_complete(cut, text[: text.index("))")]) == 0.0


@pytest.mark.parametrize("text", REFUSED)
def test_other_texts_are_refused(cut: Grammar, closed: Grammar, text: str):
    assert log_complete(closed, text) == DEAD
    if text != " (clear b1":
        assert log_complete(cut, text) == DEAD


def test_the_last_two_parentheses_are_the_stop_strings_own(cut: Grammar, closed: Grammar):
    for text, whole in ((" (clear b1", True), (" (clear b1 ", True), (" (clear b1)", False)):
        assert log_complete(cut, text) == (0.0 if whole else DEAD)
        assert log_complete(closed, text) == DEAD
    spaced = " (clear b1)\n)"
    assert (log_complete(cut, spaced), log_complete(closed, spaced)) == (DEAD, 0.0)


@pytest.mark.parametrize(
    ("good", "bad"),
    [(" (on b", "3b"), (" (o", "x"), (" (clear b12", "1"), (" (clear b1", " b"), ("", "x")],
)
def test_what_is_unknown_is_refused_at_its_first_wrong_character(cut: Grammar, good: str, bad: str):
    assert log_prefix(cut, good + bad[:-1]) == 0.0
    assert log_prefix(cut, good + bad) == DEAD


def test_types_constants_and_unfit_predicates():
    domain = parse_domain(TYPED)
    grammar = Grammar(goal_grammar(domain, parse_problem(POST, domain)))
    for text in (" (at v1 home) (in p1 v2) (at p1 depot))", " (closed depot))"):
        assert log_complete(grammar, text) == 0.0
    for text in (" (at home v1))", " (in v1 v2))", " (in p1 home))", " (closed p1))"):
        assert log_complete(grammar, text) == DEAD
    no_van = Problem("p", "post", {"p1": "parcel"}, frozenset(), ())
    grammar = Grammar(goal_grammar(domain, no_van))
    assert log_complete(grammar, " (at p1 depot))") == 0.0
    assert log_prefix(grammar, " (in") == DEAD


def test_a_problem_without_goals_is_refused():
    domain = parse_domain("(define (domain d) (:predicates (p ?x)))")
    with pytest.raises(PDDLError, match="has no goals"):
        goal_grammar(domain, Problem("p", "d", {}, frozenset(), ()))


def mutants(domain: Domain, problem: Problem, count: int, seed: int) -> list[str]:
    """Goals with a few characters put in, taken out or exchanged, or none."""
    rng = random.Random(seed)
    words = [*domain.predicates, *problem.objects]
    possible = list(map(str, atoms_of(domain, problem)))
    texts = []
    for _ in range(count):
        atoms = rng.choices(possible, k=rng.randint(1, 3))
        text = list(rng.choice([" ", ""]) + rng.choice([" ", "", "\n\t"]).join(atoms) + ")")
        for _ in range(rng.randint(0, 2)):
            place = rng.randrange(len(text) + 1)
            if rng.random() < 0.5:
                text.insert(place, rng.choice([*"() \n-1b", " " + rng.choice(words)]))
            else:
                del text[place : place + 1]
        texts.append("".join(text))
    return texts


@pytest.mark.parametrize(("source", "task"), [(BLOCKS, ABC), (GRIPPER, ROOMS), (TYPED, POST)])
@pytest.mark.parametrize("is_closed", [False, True], ids=["cut", "closed"])
def test_the_mask_engine_and_lark_agree(source: str, task: str, is_closed: bool):
    domain = parse_domain(source)
    problem = parse_problem(task, domain)
    text = goal_grammar(domain, problem, closed=is_closed)
    grammar, parser = Grammar(text), Lark(text, parser="lalr")

    def accepts(goal: str) -> bool:
        try:
            parser.parse(goal)
        except LarkError:
            return False
        return True

    goals = mutants(domain, problem, 400, seed=51)
    verdicts = [accepts(goal) for goal in goals]
    assert 80 < sum(verdicts) < 350
    for goal, verdict in zip(goals, verdicts, strict=True):
        assert (log_complete(grammar, goal) == 0.0) == verdict, goal


TINY = parse_domain("(define (domain tiny) (:predicates (p ?x) (a)))")
ATOM = r" *\( *(a|p +aa?) *"
LANGUAGES = {
    "cut": rf"({ATOM}\))*{ATOM}(\)\)[) ]*)?",
    "closed": rf"({ATOM}\))+ *\)[) ]*",
}


@pytest.mark.parametrize("form", LANGUAGES)
def test_every_mask_is_exact(form: str):
    """All tokens of up to two characters after all texts of up to four, against a plain regex."""
    problem = Problem("t", "tiny", {"a": "object", "aa": "object"}, frozenset(), ())
    language = re.compile(LANGUAGES[form])
    # What begins a sentence begins one of these: an atom at most is wanting, and its end.
    endings = [*("", "a", " a", "(a", "p a"), *("))", "a))", " a))", "(a))", ")")]
    texts = ["".join(t) for n in range(7) for t in product("() pa", repeat=n)]
    longer = (t + e for t in texts for e in endings)
    known = {t.encode() for t in longer if language.fullmatch(t)}
    vocabulary = straddling("() pa", 2)
    grammar = Grammar(goal_grammar(TINY, problem, closed=form == "closed"))
    assert disagreements(grammar, vocabulary, known, 4) == []
    # The check can fail: without one sentence a mask has a token too many.
    assert disagreements(grammar, vocabulary, known - {b"(a", b"(a))"}, 4) != []


def test_masks_over_many_tokens_are_what_a_walk_over_bytes_finds(cut: Grammar):
    rng = random.Random(52)
    pieces = [*" ()\n", "b", "1", "2", "12", " b1", " b", "(on", " (", ") (", "))", ")\n", "1)"]
    pieces += ["b1 b", "clear", "-table", "(on-", "on b1", "1 b2) (", "2))", "b13", "arm-empty)"]
    vocabulary = vocabulary_of([p.encode() for p in dict.fromkeys(pieces)] + [b"", None, b"\xff"])
    bound = cut.bind(vocabulary)
    texts = [t.encode()[: rng.randrange(len(t) + 1)] for t in ACCEPTED for _ in range(3)]
    for text in dict.fromkeys(texts):
        allowed = mask_of(bound, text, vocabulary)
        ends = log_complete(cut, text.decode()) == 0.0
        assert bool(allowed[-1]) == ends
        walked = byte_walk(cut, text, vocabulary.tokens)
        assert (allowed[:-1] == walked[:-1]).all(), text


def test_a_hundred_objects_are_carried_as_they_are():
    small, large = goal_grammar(DOMAIN, blocks(10)), goal_grammar(DOMAIN, blocks(100))
    carried = translate(large)
    assert carried.mode == "lalr"
    assert carried.rewrites == ()
    assert carried.llguidance.count("\n") == translate(small).llguidance.count("\n")
    assert len(large) < 5 * 100 * 12  # five places for an object, a few characters each
    grammar = Grammar(large)
    assert log_complete(grammar, " (on b100 b10) (clear b99))") == 0.0
    assert log_prefix(grammar, " (on b101") == DEAD


def large_world(objects: int, predicates: int, kinds: int, longest: int, seed: int = 0):
    """A domain with a hierarchy of types, and a problem whose names have nothing in common."""
    rng = random.Random(seed)
    types: dict[str, str] = {}
    for n in range(kinds):
        types[f"t{n}"] = "object" if n < 3 else f"t{rng.randrange(n)}"
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
    names: set[str] = set()
    while len(names) < objects:
        names.add("".join(["o", *rng.choices(letters, k=rng.randint(2, longest - 1))]))
    signatures = {
        f"holds-{n}": tuple(rng.choices([*types, "object"], k=rng.randint(0, 4)))
        for n in range(predicates)
    }
    domain = Domain("large", types, signatures, ())
    kinds_of = {name: rng.choice(list(types)) for name in sorted(names)}
    return domain, Problem("p", "large", kinds_of, frozenset(), ())


@pytest.mark.parametrize("kinds", [1, 8, 30])
def test_300_objects_and_30_predicates_are_built_in_seconds(kinds: int):
    domain, problem = large_world(300, 30, kinds, longest=20)
    began = time.process_time()
    source = goal_grammar(domain, problem)
    grammar = Grammar(source)
    assert time.process_time() - began < 5
    assert grammar.rewrites == ()
    # Names stand once for each set of objects that is asked for, never once an argument.
    asked = {t for types in domain.predicates.values() for t in types}
    lists = {tuple(o for o, k in problem.objects.items() if domain.is_a(k, t)) for t in asked}
    assert len(source) < 5 * sum(len(name) for names in lists for name in names) + 9000
    rng = random.Random(1)
    for predicate, types in domain.predicates.items():
        fitting = [[o for o, k in problem.objects.items() if domain.is_a(k, t)] for t in types]
        if not all(fitting):
            assert log_prefix(grammar, f" ({predicate} ") == DEAD
            continue
        for _ in range(5):
            args = [rng.choice(names) for names in fitting]
            assert log_complete(grammar, f" ({' '.join([predicate, *args])}))") == 0.0
            for place, names in enumerate(fitting):
                wrong = [*args[:place], rng.choice(list(problem.objects)), *args[place + 1 :]]
                text = f" ({' '.join([predicate, *wrong])}))"
                assert (log_complete(grammar, text) == 0.0) == (wrong[place] in names)


def test_a_predicate_without_arguments_may_begin_others():
    """Lark would read the shorter name and be at a loss with the rest."""
    domain = parse_domain(
        """(define (domain d) (:predicates (on) (on-x) (on-x-y ?a) (on-xa ?b) (o) (ona ?b ?c)
        (onab) (p ?a ?b) (pon) (on-x-y-z) (on-2 ?a) (on-21) (on-22 ?a ?b)))"""
    )
    objects = dict.fromkeys(["a", "ab", "on", "on-x"], "object")
    problem = Problem("p", "d", objects, frozenset(), ())
    rng = random.Random(3)
    for closed in (False, True):
        source = goal_grammar(domain, problem, closed=closed)
        grammar, parser = Grammar(source), Lark(source, parser="lalr")
        for predicate, types in domain.predicates.items():
            for count in range(4):
                args = rng.choices(list(objects), k=count)
                text = f" ({' '.join([predicate, *args])}))"
                assert (log_complete(grammar, text) == 0.0) == (count == len(types)), text
                if count == len(types):
                    parser.parse(text)
            assert log_complete(grammar, f" ({predicate}q))") == DEAD


def test_names_that_begin_others_stay_beside_them():
    """However long the list is that they stand in, and wherever it is cut."""
    ends = ("", "a", "9", "a" * 60, "b" * 60)
    objects = [f"{'x' * n}{end}" for n in range(30) for end in ends][1:]
    objects += [f"{n}{end}{m}" for n in range(9) for end in ends[1:] for m in ("", *range(9))]
    domain = parse_domain("(define (domain d) (:predicates (p ?x) (q ?x ?y)))")
    grammar = Grammar(
        goal_grammar(domain, Problem("p", "d", dict.fromkeys(objects, "object"), frozenset(), ()))
    )
    for each in objects:
        assert log_complete(grammar, f" (p {each}))") == 0.0
        assert log_complete(grammar, f" (q {each} {each}))") == 0.0
        assert log_complete(grammar, f" (p {each}c))") == DEAD


def test_hostile_texts_only_have_no_weight(cut: Grammar):
    for raw in (b"(" * 10_000, b"\xff", b" (clear \xc3", b"\0", b" (clear b1))" + b"\xe2\x82"):
        state = cut.advance(cut.start(), raw)
        assert cut.prefix(state) == DEAD
        assert cut.complete(state) == DEAD
