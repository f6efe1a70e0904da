"""Records like HumanEval's and MBPP's, written for the tests, and mutants of programs."""

import ast
import json

HUMANEVAL = [
    {
        "task_id": "Toy/0",
        "prompt": "from typing import List\n\n\ndef helper(n: int) -> int:\n    return n + 1\n\n\n"
        'def all_up(ns: List[int]) -> List[int]:\n    """Add one to each.\n\n'
        "    >>> all_up([1, 2])\n    [2, 3]\n    >>> print(all_up([]))\n    []\n"
        "    >>> all_up(None)\n    Traceback (most recent call last):\n    TypeError\n"
        '    """\n',
        "entry_point": "all_up",
        "canonical_solution": "    return [helper(n) for n in ns]\n",
        "test": "def check(candidate):\n    assert candidate([5]) == [6]\n"
        "    assert candidate([]) == []\n",
    },
    {
        "task_id": "Toy/1",
        "prompt": 'def two():\n    """ two() => 2 """\n',
        "entry_point": "two",
        "canonical_solution": "    return 2\n",
        "test": "def check(f):\n    assert f() == 2\n",
    },
]
MBPP = [
    {
        "task_id": 900,
        "text": "Write a function to repeat a text.",
        "code": "import math\r\ndef times(text, n):\r\n    return text * math.floor(n)\r\n",
        "test_list": ["assert times('ab', 2) == 'abab'", "assert times('', 3) == ''"],
    },
    {
        "task_id": 901,
        "text": 'Write a function that says """hello\\n""".',
        "code": "def Hello(names):\n    return {'hello ' + n for n in names}\n",
        "test_list": ["assert set(Hello(NAMES)) == set(['hello bo'])"],
        "test_setup_code": "NAMES = ['bo']",
        "challenge_test_list": [],
    },
]


def write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (r if isinstance(r, str) else json.dumps(r) for r in records)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


_OTHER = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


def mutants(program):
    """Yield (kind, program) with one number too large by one, comparison or returned value wrong.

    Comparisons are moved by their edge case, or turned round where they have none.
    """
    places = len(_places(ast.parse(program)))
    for place in range(places):
        tree = ast.parse(program)
        node = _places(tree)[place]
        match node:
            case ast.Constant():
                node.value += 1
            case ast.Compare():
                node.ops = [_OTHER[type(op)]() for op in node.ops]
            case ast.Return():
                node.value = ast.Constant(None)
        yield type(node).__name__, ast.unparse(tree)


def _places(tree):
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare | ast.Return)
        or (isinstance(node, ast.Constant) and type(node.value) is int)
    ]
