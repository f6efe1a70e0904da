"""What the small model of the data science task learns from."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from domains.ds1000.task import STOP
from domains.ds1000.training.documents import document
from domains.ds1000.training.examples import Example, examples
from domains.ds1000.training.renaming import renamed

MODULE = '''
"""A module.

>>> t = [3, 1, 2]
>>> u = sorted(t)
>>> u[0]
1
"""

def f():
    """Makes a table.

    >>> table = pd.DataFrame({"height": [1, 2]})
    >>> table["height"].sum()
    3
    >>> table["depth"]
    Traceback (most recent call last):
    KeyError: 'depth'
    >>> table =
    """

def g():
    """Shows nothing that runs: >>> is not the start of this line."""
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("pandas/core.py", "pandas/tests/test_core.py", "other/core.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(MODULE if name == "pandas/core.py" else MODULE.replace("[3, 1, 2]", "[]"))
    return tmp_path


def sources(example: Example) -> list[str]:
    return [ast.unparse(s) for s in example]


def test_examples_are_those_that_run(site: Path):
    (site / "pandas" / "copy.py").write_text(MODULE)
    found = examples(site)
    assert [sources(e) for e in found] == [
        ["t = [3, 1, 2]", "u = sorted(t)", "u[0]"],
        ["table = pd.DataFrame({'height': [1, 2]})", "table['height'].sum()"],
    ]


def test_without_the_packages_the_error_says_how_to_get_them(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="make ds1000-env"):
        examples(tmp_path)


def test_names_are_changed_everywhere_alike(site: Path):
    example = examples(site)[1]
    seen = set()
    for seed in range(20):
        (first, second), assigned = renamed(example, np.random.default_rng(seed))
        name = assigned[0]
        column = ast.unparse(second).partition("[")[2].partition("]")[0]
        assert ast.unparse(first) == f"{name} = pd.DataFrame({{{column}: [1, 2]}})"
        assert ast.unparse(second) == f"{name}[{column}].sum()"
        seen.add((name, column))
    assert len(seen) > 10
    assert sources(example)[1] == "table['height'].sum()"  # the example itself is as it was


def test_a_text_is_a_program_whose_answer_ends_with_a_mark(site: Path):
    found = examples(site)
    shapes = set()
    for seed in range(60):
        text = document(found[seed % 2], np.random.default_rng(seed))
        assert text is not None and text.endswith(STOP)
        shapes.add(text.split("\n", 1)[0] + str("def f(" in text))
        answer = text.rpartition(" SOLUTION")[0] if text.endswith("END") else text
        answer = answer.partition("SOLUTION")[2].removesuffix("# SOLUTION END")
        code = answer.split("<code>\n")[-1].partition("\n</code>")[0]
        ast.parse(f"if True:\n{code}" if "def f(" in text else code.removeprefix(" START\n"))
    assert len(shapes) >= 3


def test_an_example_with_nothing_to_ask_for_gives_no_text():
    only = tuple(ast.parse("import numpy as np\nprint()\nx = 1").body)
    assert document(only, np.random.default_rng(0)) is None
