"""Goal grammar: the goals of one problem, as a grammar for Lark."""

from __future__ import annotations

from collections.abc import Iterable

from potentials.pddl.errors import PDDLError
from potentials.pddl.model import Domain, Problem, objects_of

_SPACE = r"[ \t\r\n]"


def goal_grammar(domain: Domain, problem: Problem, *, closed: bool = False) -> str:
    """Return a Lark grammar of the answers that are goals over exactly a problem's objects.

    The language: one or more atoms of the domain's predicates, each with as many arguments as it
    takes, all of them objects of the problem or constants, and of the right type; names in any
    case; any white space around names and atoms; then the parenthesis that closes the `(and` of
    the prompt, and nothing but parentheses and white space.

    Each atom is one terminal, so a mask costs no more for a hundred objects than for ten.

    Args:
        domain: Whose predicates are used.
        problem: Whose objects are used; its goal is not looked at.
        closed: Whether an answer holds all of its parentheses. By default it is made for the stop
            string `))`: an answer is then also whole without the last two, `" (on a b) (clear a"`,
            and no white space may stand between the two.

    Raises:
        PDDLError: No atom can be made of these objects.

    Example:
        >>> from potentials import Grammar
        >>> from potentials.pddl import parse_domain, parse_problem
        >>> from smc.potential import log_complete
        >>> domain = parse_domain("(define (domain d) (:predicates (on ?x ?y) (clear ?x)))")
        >>> problem = parse_problem(
        ...     "(define (problem p) (:domain d) (:objects a b) (:init) (:goal (clear a)))"
        ... )
        >>> grammar = Grammar(goal_grammar(domain, problem))
        >>> log_complete(grammar, " (on a b) (clear a))"), log_complete(grammar, " (on a c))")
        (0.0, -inf)
    """
    atoms = _atoms(domain, problem)
    if not atoms:
        raise PDDLError(
            f"the problem {problem.name} has no goals: no predicate of {domain.name} can be given "
            "arguments of the right types",
            expected="at least one predicate whose types have objects",
        )
    atom = rf"{_SPACE}*\({_SPACE}*({'|'.join(atoms)}){_SPACE}*"
    if closed:
        start = 'start: (ATOM ")")+ END'
        end = rf"{_SPACE}*\)[) \t\r\n]*"
    else:
        start = 'start: ATOM (")" ATOM)* (")" END)?'
        end = r"\)[) \t\r\n]*"
    return f"{start}\nATOM: /{atom}/\nEND: /{end}/\n"


def _atoms(domain: Domain, problem: Problem) -> list[str]:
    """Return a regular expression for each predicate that can be given arguments."""
    objects = objects_of(domain, problem)
    found = []
    for predicate in _longest_first(domain.predicates):
        types = domain.predicates[predicate]
        fitting = [[o for o, kind in objects.items() if domain.is_a(kind, t)] for t in types]
        if all(fitting):
            names = ["|".join(map(_any_case, _longest_first(each))) for each in fitting]
            found.append(_any_case(predicate) + "".join(f"{_SPACE}+({each})" for each in names))
    return found


def _longest_first(names: Iterable[str]) -> list[str]:
    """Put no name before one that it begins: Python takes the first alternative that fits."""
    return sorted(names, key=lambda each: (-len(each), each))


def _any_case(name: str) -> str:
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name)
