"""Output types: each is drawn and read, or refused with the place and the reason."""

import enum
import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

import smc
from potentials import Choice, JSONSchema, OutputType, Regex
from potentials.output_types.signatures import is_function
from tests.potentials import public_models
from tests.potentials.public_models import CARRIED, PLAIN, REFUSED

CHARACTERS = "".join(map(chr, range(32, 127)))
# What ends a text, a list or a name is likely, so that few texts grow long.
LIKELY = dict.fromkeys('"]},', 40.0) | dict.fromkeys(":0123456789-T.Z{[ ", 4.0)


def writer(eos=0.3):
    """A model of single characters that knows nothing."""
    weights = [LIKELY.get(c, 1.0) for c in CHARACTERS]
    total = sum(weights) / (1 - eos)
    return smc.TableModel.constant(
        {c: w / total for c, w in zip(CHARACTERS, weights, strict=True)}, eos=eos
    )


MODEL = writer()


@pytest.mark.parametrize("name", [*CARRIED, *PLAIN])
def test_each_type_is_drawn_and_read(name):
    of = CARRIED.get(name, PLAIN.get(name))
    try:
        form = OutputType(of)
    except smc.GrammarError as refused:
        assert name == "Fraction" and "Fraction" in str(refused)
        return
    # Not resampled: to this model the end of a text in quotes is a surprise, to be survived.
    posterior = smc.sample(
        MODEL, "", [form], num_particles=40, max_tokens=400, ess_threshold=0.0, seed=5
    )
    assert posterior.status is smc.Status.COMPLETE, posterior.reason
    values = posterior.parsed()
    assert sum(p for _, p in values) == pytest.approx(1)
    adapter = TypeAdapter(of)
    for value, probability in values:
        assert probability > 0
        # A second, independent reading: what pydantic accepts as a value of the type.
        adapter.validate_python(value, strict=False)
    if form.schema is not None:
        assert all(json.loads(t) is not ... for t in posterior.probabilities())


def test_there_are_fifty():
    assert len(CARRIED) + len(REFUSED) >= 50


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_carried_is_refused_with_its_place(name):
    of, message = REFUSED[name]
    with pytest.raises(smc.GrammarError, match=message) as refused:
        OutputType(of)
    assert "cannot be carried: " in str(refused.value)


def test_a_function_is_called_with_what_was_drawn():
    form = OutputType(public_models.weather)
    posterior = smc.sample(MODEL, "", [form], num_particles=30, max_tokens=200, seed=1)
    for arguments, _ in posterior.parsed():
        assert set(arguments) <= {"city", "days"}
        assert isinstance(public_models.weather(**arguments), str)
    assert is_function(public_models.weather) and not is_function(BaseModel)
    for function, word in ((public_models.by_position, "position"),
                           (public_models.without_types, "has no type")):  # fmt: skip
        with pytest.raises(smc.GrammarError, match=f"city.*{word}"):
            OutputType(function)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "light blue"


@pytest.mark.parametrize(
    ("of", "text", "value"),
    [
        (Literal["a b", "c"], "a b", "a b"),
        (Colour, "light blue", Colour.BLUE),
        (Literal["x"] | Colour, "red", Colour.RED),
        (Colour | None, '"red"', Colour.RED),
        (list[Colour], '["red"]', [Colour.RED]),
        (Literal[1, "a"], '"a"', "a"),
        (bool, "true", True),
        (str, 'any "text"', 'any "text"'),
        (Annotated[str, Field(max_length=2)], '"ab"', "ab"),
        (Choice(["x", "x|y"]), "x|y", "x|y"),
        (Regex("a+"), "aa", "aa"),
        (JSONSchema({"type": "array"}), "[1]", [1]),
        ({"type": "integer"}, "12", 12),
    ],
    ids=lambda of: type(of).__name__ if isinstance(of, smc.TokenPotential) else str(of),
)
def test_how_a_value_is_written(of, text, value):
    form = OutputType(of)
    assert form.complete(text) == 0.0 and form.parse(text) == value
    assert form.complete(text + "#") == (0.0 if of is str else float("-inf"))


def test_validators_count_in_the_target():
    """Of 0..9 half are even: so is half of the evidence of the bare integers."""
    digits = smc.TableModel.constant({str(d): 0.09 for d in range(10)}, eos=0.1)
    plain, even = (
        smc.sample(digits, "", [OutputType(t)], num_particles=4000, max_tokens=3, seed=2)
        for t in (Annotated[int, Field(ge=0, le=9)], _even())
    )
    assert {v for v, _ in even.parsed()} == {0, 2, 4, 6, 8}
    ratio = 2.718281828 ** (even.log_evidence - plain.log_evidence)
    assert ratio == pytest.approx(0.5, abs=4 * 0.5 / 4000**0.5)


def _even():
    return public_models.Even.model_fields["n"].rebuild_annotation()


@pytest.mark.parametrize(
    ("of", "message"),
    [("User", "a value"), (["a", "b"], "Choice"), (3, "a value"), (lambda x: x, "has no type")],
    ids=["text", "list", "number", "lambda"],
)
def test_what_is_no_type(of, message):
    with pytest.raises(smc.GrammarError, match=message):
        OutputType(of)


@pytest.mark.parametrize(
    ("texts", "message"),
    [([], "no texts"), (["a", ""], "''"), ("yes", "expected a list"), ([1], "got 1")],
    ids=["none", "empty", "text", "number"],
)
def test_choices_are_texts(texts, message):
    with pytest.raises(smc.GrammarError, match=message):
        Choice(texts)


def test_texts_that_mean_the_same_are_one_value():
    model = smc.TableModel.constant({"[1": 0.2, ", ": 0.2, ",": 0.2, "2]": 0.2}, eos=0.2)
    posterior = smc.sample(model, "", [OutputType(list[int])], num_particles=60, max_tokens=6)
    assert {"[1,2]", "[1, 2]"} <= set(posterior.probabilities())
    values = dict((str(v), p) for v, p in posterior.parsed())
    assert values["[1, 2]"] > posterior.probabilities()["[1, 2]"]
