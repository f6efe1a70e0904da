"""Problems in the format of DS-1000, written for these tests; they need no package but Python."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

SECRET = "the expected answer"

HARNESS = '''
import copy
{imports}


def generate_test_case(test_case_id):
    def generate_ans(data):
        """{secret}"""
        xs, factor = data
        return [x * factor for x in xs]

    def define_test_input(test_case_id):
        if test_case_id == 1:
            xs = [Fraction(1, 2), Fraction(3)]
        elif test_case_id == 2:
            xs = [5]
        return xs, 2

    test_input = define_test_input(test_case_id)
    expected_result = generate_ans(copy.deepcopy(test_input))
    return test_input, expected_result


def exec_test(result, ans):
    assert result == ans
    return 1


exec_context = r"""
import math
{before}[insert]{after}
"""


def test_execution(solution: str):
    code = exec_context.replace("[insert]", solution)
    for i in range(2):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {{"test_input": test_input}}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)
{more}
'''
STRING_TEST = """

def test_string(solution: str):
    assert "for" not in solution.split()
"""


def context(
    before: str = "xs, factor = test_input\n", after: str = "\nresult = ys", more: str = ""
) -> str:
    """A harness: numbers are multiplied by a factor, two inputs."""
    return HARNESS.format(
        imports="from fractions import Fraction",
        before=before,
        after=after,
        more=more,
        secret=SECRET,
    )


PLAIN = context()
BODY = context("xs, factor = test_input\ndef f(xs, factor):\n", "\nresult = f(xs, factor)")
NO_LOOPS = context(more=STRING_TEST)
DROPPING = context().replace(
    "def generate_test_case", "def skip_plt_cmds(l):\n    return True\n\n\ndef generate_test_case"
)
NO_INPUT = '''
def generate_test_case(test_case_id):
    return None, None


def exec_test(result, ans):
    return 1


exec_context = r"""
[insert]
result = done
"""


def test_execution(solution: str):
    for i in range(1):
        test_env = {"test_input": generate_test_case(i + 1)[0]}
        exec(exec_context.replace("[insert]", solution), test_env)
        assert exec_test(test_env["result"], None)
'''
DOWNLOADS = context(before="xs, factor = fetch_numbers()\n")

REFERENCE = "ys = []\nfor x in xs:\n    ys.append(x * factor)\n"
BODY_REFERENCE = "    ys = []\n    for x in xs:\n        ys.append(x * factor)\n    return ys"


def row(number: int, library: str, code: str, **changes: Any) -> dict[str, Any]:
    """A line of the file."""
    found: dict[str, Any] = {
        "prompt": f"Problem {number}:\nMultiply.\nBEGIN SOLUTION\n<code>\n",
        "reference_code": REFERENCE,
        "metadata": {
            "problem_id": number,
            "library": library,
            "perturbation_type": "Origin",
            "test_case_cnt": 2,
        },
        "code_context": code,
    }
    return found | changes


ROWS = [
    row(0, "Pandas", PLAIN),
    row(1, "Pandas", NO_LOOPS, reference_code="ys = [x * factor for x in xs]"),
    row(2, "Numpy", BODY, reference_code=BODY_REFERENCE),
    row(3, "Pytorch", PLAIN),
    row(4, "Scipy", DOWNLOADS),
    row(5, "Scipy", NO_INPUT, reference_code="done = 1"),
]
ROWS[2]["metadata"]["perturbation_type"] = "Difficult-Rewrite"


def written(folder: Path, *, packed: bool = True) -> Path:
    """A root of data sets that holds the problems."""
    (folder / "ds1000").mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(r) + "\n" for r in ROWS).encode()
    file = folder / "ds1000" / ("ds1000.jsonl.gz" if packed else "ds1000.jsonl")
    file.write_bytes(gzip.compress(text, mtime=0) if packed else text)
    return folder


DRAWING = '''
import numpy as np
import matplotlib
import matplotlib.pyplot as plt
from PIL import Image


def skip_plt_cmds(l):
    return all(p not in l for p in ["plt.show()", "plt.clf()", "plt.close()", "savefig"])


def generate_test_case(test_case_id):
    x = [1, 2, 3]
    plt.bar(x, x)
    plt.ylabel("number")
    plt.savefig("ans.png", bbox_inches="tight")
    plt.close()
    return None, None


def exec_test(result, ans):
    code_img = np.array(Image.open("output.png"))
    oracle_img = np.array(Image.open("ans.png"))
    same = code_img.shape == oracle_img.shape and np.allclose(code_img, oracle_img)
    if not same:
        ax = plt.gca()
        plt.show()
        assert ax.get_ylabel() == "number"
        assert len(ax.patches) == 3
        for patch in ax.get_children():
            if isinstance(patch, matplotlib.patches.Rectangle) and patch in list(ax.patches):
                assert patch.get_height() in (1, 2, 3)
        assert plt.gcf().get_size_inches()[0] > 2
    return 1


exec_context = r"""
import matplotlib.pyplot as plt
x = [1, 2, 3]
[insert]
plt.savefig("output.png", bbox_inches="tight")
result = None
"""


def test_execution(solution: str):
    solution = "\\n".join(filter(skip_plt_cmds, solution.split("\\n")))
    code = exec_context.replace("[insert]", solution)
    for i in range(1):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {"test_input": test_input}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)
'''
