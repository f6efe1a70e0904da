"""Typed generation: the value, its probability, and what is said where there is none."""

import enum
import math
from dataclasses import dataclass
from typing import Literal

import pytest
from pydantic import BaseModel

import smc
from potentials import Choice, OutputType, Regex, after_mark
from smc.integrations.constraints import constraints

WORDS = smc.TableModel.constant(
    {"yes": 0.3, "no": 0.2, "1": 0.1, "2": 0.1, "[": 0.05, "]": 0.05, ",": 0.05}, eos=0.15
)


class Answer(enum.Enum):
    YES = "yes"
    NO = "no"


def test_the_probability_is_that_of_the_value():
    """Two texts of one token and an end: 0.3 against 0.2."""
    found = smc.generate(WORDS, "", Answer, num_particles=4000, seed=1)
    assert found.value is Answer.YES
    assert found.probability == pytest.approx(0.6, abs=4 * math.sqrt(0.24 / 4000))
    assert [v for v, _ in found.posterior.parsed()] == [Answer.YES, Answer.NO]
    assert found.posterior.log_evidence == pytest.approx(math.log(0.5 * 0.15), abs=0.05)
    assert "posterior" not in repr(found) and "Answer.YES" in repr(found)


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (Literal["yes", "no"], str),
        (Choice(["yes", "no"]), str),
        (Regex("(yes)+"), str),
        (int, int),
        (list[int], list),
        ({"type": "integer"}, int),
        (OutputType(int), int),
    ],
    ids=["Literal", "Choice", "Regex", "int", "list", "schema", "OutputType"],
)
def test_all_that_an_output_may_be(of, kind):
    found = smc.generate(WORDS, "", of, num_particles=50, max_tokens=12, seed=3)
    assert type(found.value) is kind and 0 < found.probability <= 1


def test_further_potentials_count():
    class Long(smc.Potential):
        def complete(self, text):
            return 0.0 if len(text) > 4 else -math.inf

    found = smc.generate(
        WORDS, "", list[int], potentials=[Long()], num_particles=300, max_tokens=12
    )
    assert all(len(t) > 4 for t in found.posterior.probabilities())


@dataclass
class Person:
    name: str


def test_without_a_value_the_error_has_the_posterior():
    with pytest.raises(smc.ExtinctError, match=r"5 particles.*Person.*max_tokens") as extinct:
        smc.generate(WORDS, "", Person, num_particles=5, max_tokens=8)
    assert extinct.value.posterior.status is smc.Status.EXTINCT


def test_a_type_that_cannot_be_carried_is_named():
    class Inner(BaseModel):
        of: type[int]

    class Outer(BaseModel):
        inner: list[Inner]

    with pytest.raises(smc.GrammarError, match=r"Outer\.inner\[…\]\.of"):
        smc.generate(WORDS, "", Outer)


def test_a_type_in_the_place_of_potentials_is_pointed_here():
    with pytest.raises(smc.SettingsError, match=r"smc\.generate\(…, output_type=…\)"):
        smc.sample(WORDS, "", [Person])


def test_a_posterior_without_a_parser_takes_one():
    posterior = smc.sample(WORDS, "", [Regex("[12]")], num_particles=50)
    with pytest.raises(smc.SettingsError, match=r"parsed\(json\.loads\)"):
        posterior.parsed()
    assert {v for v, _ in posterior.parsed(int)} <= {1, 2}
    wild = smc.sample(WORDS, "", num_particles=50)
    with pytest.raises(smc.SettingsError, match="cannot be read"):
        wild.parsed(int)


def test_values_that_print_otherwise_are_others():
    ones = smc.sample(WORDS, "", [Regex("1|yes|no")], num_particles=80)
    values = ones.parsed(lambda text: {"1": 1, "yes": True}.get(text, 1.0))
    assert sorted(repr(v) for v, _ in values) == ["1", "1.0", "True"]


def test_plain_values_become_types_too():
    made = constraints(choice=["yes", "no"], output_type=int)
    assert [p.name for p in made] == ["Choice", "OutputType(int)"]
    with pytest.raises(smc.GrammarError, match="choice: Choice: got no texts"):
        constraints(choice=[])


def test_an_output_type_may_stand_behind_a_mark():
    """Its masks and its reading are both asked of what follows, and of nothing else."""
    form = OutputType(list[int])
    marked = after_mark(form, "no")
    posterior = smc.sample(WORDS, "", [marked], num_particles=200, max_tokens=10, seed=2)
    values = posterior.parsed(lambda text: form.parse(text.partition("no")[2]))
    assert values and all(isinstance(value, list) for value, _ in values)
    text = "yesno[1,2]"
    assert marked.complete(text) == 0.0 and marked.complete(text + "]") == -math.inf
