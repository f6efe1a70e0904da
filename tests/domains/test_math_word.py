"""Word problems: files, prompts, extraction, equality; and answers that mean harm."""

from __future__ import annotations

import json
import time

import pytest

from domains.base import Item
from domains.math_word.answers import LONGEST, ask, canonical, equal, equal_many, extract
from domains.math_word.data import load
from domains.math_word.prompt import QWEN, make_prompt
from domains.math_word.task import TASK, MathItem, MathWordTask
from domains.math_word.variants import VARIANTS
from potentials.reward_model import FunctionReward, Telescoping

RECORDS = [
    {"problem": "What is half of 3?", "answer": "\\frac{3}{2}", "level": 2, "subject": "Algebra"},
    {"problem": "Which is larger?", "answer": "\\text{neither}", "solution": "\\boxed{neither}"},
    {"problem": "How many?", "answer": 204},
]
SCHOOL = [
    {"question": "Two and two?", "answer": "2+2=<<2+2=4>>4\n#### 4"},
    {"question": "A thousand and two?", "answer": "So it is.\n#### 1,002"},
]


def write(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "math" / "math500.jsonl", RECORDS)
    write(tmp_path / "gsm8k" / "test.jsonl", SCHOOL)
    return tmp_path


def test_items_of_each_data_set(root, tmp_path):
    items = TASK.items(data=root)
    assert [i.answer for i in items] == ["\\frac{3}{2}", "\\text{neither}", "204"]
    assert [i.level for i in items] == [2, None, None]
    assert items[0].prompt == [
        {"role": "system", "content": QWEN},
        {"role": "user", "content": "What is half of 3?"},
    ]
    assert TASK.items(2, root) == items[:2] and len({i.id for i in items}) == 3
    assert [i.answer for i in VARIANTS["gsm8k"].items(data=root)] == ["4", "1002"]
    file = write(tmp_path / "mine.jsonl", RECORDS[2:])
    (item,) = VARIANTS["aime"].items(data=file)
    assert item.answer == "204" and VARIANTS["aime"].name == "math_word-aime"


def test_prompts():
    plain = make_prompt("How many?", "plain")
    assert isinstance(plain, str) and "How many?" in plain and "\\boxed{}" in plain
    llama = make_prompt("How many?", "llama")
    assert "## Step 1:" in llama[0]["content"] and llama[1]["content"] == "How many?"
    with pytest.raises(ValueError, match="style 'gpt'"):
        make_prompt("How many?", "gpt")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $\boxed{\frac{1}{2}}$, not $\boxed{3}$", "3"),
        (r"\boxed{\left\{1, 2\right\}}", r"\left\{1, 2\right\}"),
        (r"\boxed{\text{a \boxed{7}}}", "7"),
        (r"\boxed{5} and \boxed{unfinished", "5"),
        ("2+2=4\n#### 4", "4"),
        ("Therefore, the final answer is: $\\boxed{12}$. I hope it is correct.", "12"),
        ("The answer is $1,200.", "1,200"),
        ("the answer is 3.5.", "3.5"),
        ("first 3, then 14", "14"),
        ("14, and that is all", "14"),
        ("1,234,567 of them", "1,234,567"),
        ("from 10-3", "3"),
        ("so \N{MINUS SIGN}15", "-15"),
        ("about .5", ".5"),
        ("#### **18**", "18"),
        ("#### 5 #### 6", "6"),
        ("The answer is 5. #### 6", "6"),
        ("#### 5 ####", "5"),
        ("####\n7", "7"),
        ("5 apples. #### ", "5"),
        ("#### 18 dollars", "18"),
        ("**Answer:** $18 per day.", "18"),
        ("The answer is 18%.", "18%"),
        ("The answer is 5 or 6", "5 or 6"),
        ("The answer is 3 sqrt(2)", "3 sqrt(2)"),
        ("The answer is 2 pi", "2 pi"),
        (r"\boxed {5}, or \fbox{6}", "6"),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right."),
        ("no idea", None),
        ("", None),
        (r"\boxed{}", None),
    ],
)
def test_extraction(text, answer):
    assert extract(text) == answer


EQUAL = [
    ("\\frac{1}{2}", "0.5"),
    ("\\frac{3}{2}", "\\dfrac32"),
    ("x+1", "1 + x"),
    ("1002", "1,002"),
    ("\\text{neither}", "neither"),
    ("(1, -2)", "\\left( 1,-2 \\right)"),
    ("90^\\circ", "90"),
    ("1000", "1 000"),
    ("1000", "1{,}000"),
    ("32,\\!348", "32348"),
    ("50\\%", "0.5"),
    ("5", "5\\text{ cm}"),
    ("\\{1,2\\}", "\\{2, 1\\}"),
    ("(-\\infty,3]", "(-\\infty, 3]"),
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}"),
    ("\\text{Even}", "even"),
    ("025", "25"),
    ("204_5", "204_{5}"),
    ("204_{\\text{five}}", "(204)_5"),
    ("11_2", "10_3"),
    ("1A_{16}", "26_{10}"),
    ("204_5", "204"),
    ("1/2^{99}", "2^{-99}"),
    ("\\sqrt{2}/2^{99}", "2^{-98}/\\sqrt{2}"),
    ("0.333333", "1/3"),
    ("\\pi", "3.141593"),
    ("1500", "1.5e3"),
    ("1500", "1.5E+3"),
    ("1500", "1.5\\times10^3"),
    ("0.0015", "1.5e-3"),
    ("2e", "5.436564"),
    ("3/2", "1 1/2"),
    ("-\\frac{3}{2}", "-1 1/2"),
    ("\\frac{5}{2}", "2~\\tfrac12"),
    ("\\frac{5}{2}", "2 \\dfrac{1}{2}"),
    ("\\frac{5}{2}", "2½"),
    ("(3/2, 2)", "(1 1/2, 2)"),
    ("1/3", "0.\\overline{3}"),
    ("1/3", "0.\\bar3"),
    ("1/3", ".\\dot{3}"),
    ("1/3", "0.(3)"),
    ("0.1\\overline{6}", "1/6"),
    ("1/7", "0.\\dot{1}4285\\dot{7}"),
    ("0.\\overline{9}", "1"),
    ("[0, 1/3)", "[0, 0.\\overline{3})"),
    ("2\\pi r", "2 \\pi r"),
    ("1500", "1,500.0"),
    ("50", "50\\%"),
    ("1000", "1_000"),
    ("12345678", "12_345_678"),
    ("602000000000000000000000", "6.02\\times10^{23}"),
    ("6.02e23", "6.02 \\cdot 10^{23}"),
    ("1500", "1.5 x 10^3"),
    ("0.002", "2 \\times 10^{-3}"),
    ("1/3", "0.333\\ldots"),
    ("1/6", "0.1666..."),
    ("37/33", "1.1212\\dots"),
    ("6.25\\%", "6\\frac{1}{4}\\%"),
    ("12", "12°"),
    ("\\emptyset", "\\varnothing"),
    ("FF_{16}", "255_{10}"),
    ("\\text{True}", "true"),
    ("x\\le 3", "(-\\infty,3]"),
    ("\\{1,2\\}", "2, 1"),
]
UNEQUAL = [
    ("\\frac{1}{2}", "0.51"),
    ("(1,2)", "(2,1)"),
    ("x+1", "x-1"),
    ("4", None),
    ("4", ""),
    ("11/2", "1 1/2"),
    ("34", "3 4"),
    ("1234", "1, 234"),
    ("[1,2)", "(1,2)"),
    ("3", "1 or 3"),
    ("3", "1} \\boxed{3} {"),
    ("204_5", "204_6"),
    ("204_5", "54"),
    ("x_1", "x_2"),
    ("1/2^{99}", "1/2^{98}"),
    ("1/2^99", "0"),
    ("\\sqrt{2}/2^{99}", "\\sqrt{2}/2^{98}"),
    ("e^{-50}", "e^{-51}"),
    ("x+1/2^{99}", "x+1/2^{98}"),
    ("(1/2^{99}, 1)", "(1/2^{98}, 1)"),
    ("[0, 1/2^{99}]", "[0, 1/2^{98}]"),
    ("\\begin{pmatrix}2^{-99}\\\\1\\end{pmatrix}", "\\begin{pmatrix}2^{-98}\\\\1\\end{pmatrix}"),
    ("0.0000001", "0.0000002"),
    ("0.3333", "1/3"),
    ("5/2", "1 3/2"),
    ("1/3", "0.3\\overline{4}"),
    ("-1/2", "-1 1/2"),
    ("1", "1_000"),
    ("1_000", "1_001"),
    ("0.333\\ldots", "0.333"),
    ("0.33\\ldots", "1/3"),
    ("6.02\\times10^{23}", "6.03\\times10^{23}"),
    ("\\{1,2\\}", "(1,2)"),
    ("\\left\\{0, 1\\right\\}", "[0,1]"),
    ("\\text{True}", "false"),
    ("FF_{16}", "FE_{16}"),
    ("x\\le 3", "(-\\infty,3)"),
]


def test_equality():
    found = equal_many(EQUAL + UNEQUAL)
    assert found == [True] * len(EQUAL) + [False] * len(UNEQUAL)


def test_equality_has_no_direction():
    swapped = [(answer, gold) for gold, answer in EQUAL + UNEQUAL if answer]
    assert equal_many(swapped) == [True] * len(EQUAL) + [False] * (len(swapped) - len(EQUAL))


def test_votes_are_grouped_by_value():
    for same in (
        ["1.5", "3/2", "1 1/2", "\\frac{3}{2}"],
        ["1500", "1.5e3", "1 500"],
        ["\\pi r", "\\pi  r"],
    ):
        assert len(set(canonical(same))) == 1, same
    for other in (
        ["204_5", "204_6", "54", "204"],
        ["0.\\overline{3}", "0.3"],
        ["1 1/2", "1/2", "1"],
    ):
        assert len(set(canonical(other))) == len(other), other


def test_votes_are_grouped():
    a, b, c, d, e = canonical(["\\frac{1}{2}", "1/2", "7", "007", None])
    assert a == b and c == d == "7" and a != c and e is None


HOSTILE = [
    "9**9**9**9",
    "9^{9^{9^{9^{9}}}}",
    "(" * 400,
    "\\frac{" * 80 + "1",
    "\\sqrt" * 99,
    "x" + "!" * 300,
    "\\int_0^1 \\prod_{n=1}^{10^9} (1+x^n) dx",
    "__import__('os').abort()",
    "1" * LONGEST,
    "{" + "1" * (LONGEST + 1) + "}",
    "\ud800\x00\\boxed{",
]


def test_hostile_answers_are_wrong_and_do_no_harm():
    began = time.monotonic()
    assert equal_many([("3", text) for text in HOSTILE]) == [False] * len(HOSTILE)
    assert time.monotonic() - began < 12 * len(HOSTILE)  # the limits of each, at the very worst
    assert equal("\\frac{1}{2}", "0.5")  # and the sandbox is as it was
    began = time.process_time()
    assert extract("\\boxed{" * 50_000) is None
    assert time.process_time() - began < 1  # by pairs of braces it is 5 seconds


def test_scores(root):
    half, *_ = TASK.items(data=root)
    right = TASK.score(half, "First, divide.\n\nThe answer is $\\boxed{1.5}$.")
    assert right == {"correct": 1.0, "answered": 1.0, "correct_level_2": 1.0}
    assert TASK.score(half, "no idea") == {"correct": 0, "answered": 0, "correct_level_2": 0}
    assert TASK.population_scores(half, ["a"], [1.0]) == {}


def test_potentials():
    item = MathItem("1", "p", "question", "3", None)
    assert isinstance(item, Item) and TASK.cheap(item) == TASK.expensive(item) == []
    asked = []

    def judge(prompt, steps):
        asked.append((prompt, steps))
        return [0.5] * len(steps)

    (potential,) = MathWordTask(reward=FunctionReward(judge)).expensive(item)
    assert isinstance(potential, Telescoping) and potential.mark == "\n\n"
    potential.complete("one\n\ntwo")
    assert asked == [("question", ("one\n\n", "two"))]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("math500", '{"problem": "x"}\n', "no text under 'answer'"),
        ("math500", "{", "line 1 is not JSON"),
        ("math500", "[]\n", "expected a JSON object"),
        ("math500", "\n", "holds no problems"),
        ("gsm8k", '{"question": "x", "answer": "4"}\n', "#### number"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    (tmp_path / "file.jsonl").write_text(content)
    with pytest.raises(ValueError, match=message):
        load(name, tmp_path / "file.jsonl")


def test_what_is_not_there(tmp_path):
    for data, where in ((None, "aime was named"), (tmp_path, "aime at ")):
        with pytest.raises(FileNotFoundError, match=where):
            load("aime", data)
    with pytest.raises(ValueError, match="expected one of"):
        load("amc", tmp_path)
    with pytest.raises(ValueError, match="limit"):
        TASK.items(-1, tmp_path)


@pytest.mark.data
def test_gold_answers_are_right_of_gsm8k(data_dir):
    problems = load("gsm8k", data_dir)
    found = equal_many([(p.answer, extract(f"{p.solution}#### {p.answer}")) for p in problems])
    assert len(found) > 1000 and all(found)


@pytest.mark.data
def test_reference_solutions_are_right_of_math(data_dir):
    problems = load("math500", data_dir)
    assert all(equal_many([(p.answer, extract(p.solution)) for p in problems]))


@pytest.mark.data
@pytest.mark.slow
def test_gold_answers_are_right_of_math_by_algebra(data_dir):
    """Without the short cut for equal strings, every fifth."""
    problems = load("math500", data_dir)[::5]
    found = ask([("same", p.answer, p.answer) for p in problems])
    assert [p.id for p, r in zip(problems, found, strict=True) if r.value is not True] == []
