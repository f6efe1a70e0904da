"""Tests that run beside a program: what crosses, and what a program cannot choose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox, SandboxError
from smc.errors import SettingsError

LIMITS = Limits(wall_seconds=20.0, cpu_seconds=10.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, limits=LIMITS) as made:
        yield made


def examine(
    sandbox: Sandbox, program: str, test: str, setup: tuple[str, ...] = (), reuse: bool = True
) -> RunResult:
    return sandbox.run(Job((*setup, program, test), setup=len(setup), reuse=reuse))


PASSING = {
    "numbers": ("def f(x): return x + 1", "assert f(2) == 3 and f(0.5) == 1.5 and f(1j) == 1 + 1j"),
    "texts": (
        "def f(x): return x * 2",
        "assert f('é\\ud800') == 'é\\ud800é\\ud800' and f(b'a') == b'aa'",
    ),
    "containers": (
        "def f(x): return x",
        "from collections import Counter, OrderedDict, deque\n"
        "for v in ([1, (2, [3])], {1: {'a'}}, {(1, 2): None}, frozenset([1]), deque([1]),\n"
        "          Counter('aab'), OrderedDict(a=1), range(3), bytearray(b'x'), [], ()):\n"
        "    assert f(v) == v and type(f(v)) is type(v), v",
    ),
    "exact numbers and dates": (
        "def f(x): return x",
        "import datetime as d\nfrom decimal import Decimal\nfrom fractions import Fraction\n"
        "for v in (Decimal('1.10'), Fraction(1, 3), d.date(2020, 2, 29), d.time(1, 2, 3, 4),\n"
        "          d.datetime(2020, 1, 2, 3, 4, 5, 6), d.timedelta(1, 2, 3), 10 ** 60):\n"
        "    assert f(v) == v and type(f(v)) is type(v), v",
    ),
    "numbers longer than Python writes": (
        "import sys\nsys.set_int_max_str_digits(640)\ndef f(x): return x",
        "from fractions import Fraction\n"
        "for v in (10 ** 700, 10 ** 5000, -(2 ** 20_000), 2 ** 2000 - 1, 2 ** 2000,\n"
        "          Fraction(10 ** 5000, 3)):\n"
        "    assert f(v) == v and f([v]) == [v] and f(v) != v + 1, 'no'",
    ),
    "floats that are no numbers": (
        "def f(): return [float('inf'), float('nan'), -0.0]",
        "import math\nx = f()\nassert x[0] == math.inf and x[1] != x[1] and str(x[2]) == '-0.0'",
    ),
    "a named tuple": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
        "assert f() == (1, 2) and f().y == 2 and P(3, 4).x == 3",
    ),
    "an argument that is changed": (
        "def f(x, y): x.sort(); y['n'] = [1]; x.append(9)",
        "x, y = [3, 1], {}\nalias = x\nf(x, y=y)\nassert alias == [1, 3, 9] and y == {'n': [1]}",
    ),
    "inner lists that are changed": (
        "def f(grid): grid[1][0] = 7",
        "row = [0]\ngrid = [[1], row]\nf(grid)\nassert row == [7] and grid[1] is row",
    ),
    "an exception built in": (
        "def f(x):\n    if x < 0: raise ValueError('negative', x)\n",
        "try: f(-1)\nexcept ValueError as e: assert e.args == ('negative', -1)\nelse: assert False",
    ),
    "an exception of its own": (
        "class Mine(KeyError): pass\ndef f(): raise Mine('k')",
        "try: f()\nexcept Mine as e: assert e.args == ('k',) and isinstance(e, KeyError)\n"
        "else: assert False",
    ),
    "an object": (
        "class Stack:\n    def __init__(self): self.items = []\n"
        "    def push(self, x): self.items.append(x); return self\n"
        "    def __len__(self): return len(self.items)\n"
        "    def __eq__(self, other): return self.items == other.items\n"
        "    def __repr__(self): return f'Stack({self.items})'\n"
        "    def __getitem__(self, k): return self.items[k]\n",
        "s = Stack().push(1).push(2)\nassert s.items == [1, 2] and len(s) == 2 and s[0] == 1\n"
        "assert s == Stack().push(1).push(2) and s != Stack() and repr(s) == 'Stack([1, 2])'\n"
        "assert isinstance(s, Stack) and not isinstance([1, 2], Stack)\n"
        "assert 2 in s and list(s) == [1, 2]\n"
        "s.name = 'x'\nassert s.name == 'x'",
    ),
    "functions of the test": (
        "def f(g, xs): return [g(x) for x in xs]",
        "assert f(lambda x: x * 2, (n for n in range(3))) == [0, 2, 4]\nassert f(abs, [-1]) == [1]",
    ),
    "an exception through both": (
        "def f(g):\n    try: return g(1)\n    except ZeroDivisionError: return 'caught'",
        "assert f(lambda x: x / 0) == 'caught'",
    ),
    "a generator": ("def f(n):\n    yield from range(n)", "assert list(f(3)) == [0, 1, 2]"),
    "what it prints": (
        "def f(): print('hello')",
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as out: f()\n"
        "assert out.getvalue() == 'hello\\n'",
    ),
    "a variable that changes": (
        "n = 0\ndef f():\n    global n\n    n += 1",
        "assert n == 0\nf()\nassert n == 1",
    ),
    "a file that it writes": (
        "def f(): open('out', 'w').write('x')",
        "f()\nassert open('out').read() == 'x'",
    ),
}


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("reuse", [True, False])
def test_a_right_program_passes(sandbox: Sandbox, name: str, reuse: bool) -> None:
    program, test = PASSING[name]
    result = examine(sandbox, program, test, reuse=reuse)
    assert (result.outcome, result.piece) == (Outcome.OK, 2), result


NODES = (
    "class Node:\n    def __init__(self, val, next=None): self.val, self.next = val, next\n"
    "def chain(values):\n    node = None\n    for v in reversed(values): node = Node(v, node)\n"
    "    return node\n"
    "def values(node):\n    while node: yield node.val; node = node.next\n"
    "def check(xs): assert list(values(reverse(chain(xs)))) == xs[::-1]\n"
    "import enum\nclass Color(enum.Enum): RED = 1\n"
    "class Slotted:\n    __slots__ = ('a',)\n",
)
REVERSE = (
    "def reverse(node):\n    last = None\n"
    "    while node: node.next, last, node = last, node, node.next\n"
    "    return last\n"
    "def same(x): return x\n"
    "def ring():\n    a = Node(1)\n    a.next = Node(2, a)\n    return a\n"
)


def test_instances_of_the_setups_classes_cross(sandbox: Sandbox) -> None:
    for test in (
        "check([1, 2, 3])",
        "check(list(range(60)))",
        "assert same(Color.RED) is Color.RED",
        "s = Slotted()\ns.a = 3\nassert same(s).a == 3",
        "r = ring()\nassert r.next.next is r and type(r) is Node",
    ):
        assert examine(sandbox, REVERSE, test, NODES).ok, test
    assert examine(sandbox, "def reverse(node): return node", "check([1, 2])", NODES).error == (
        "AssertionError"
    )


EVERYTHING = """
class Everything:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __instancecheck__ = __subclasscheck__ = __lt__
    def __sub__(self, other): return 0
    __rsub__ = __add__ = __radd__ = __mul__ = __sub__
    def __hash__(self): return 6
    def __iter__(self): return iter([self])
    def __getattr__(self, name): return lambda *a, **k: True
"""
LYING = {
    "an object that equals everything": EVERYTHING + "def f(x): return Everything()",
    "a number that equals everything": (
        "class N(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\n"
        "def f(x): return N(5)"
    ),
    "a list that equals everything": (
        "class L(list):\n    def __eq__(self, other): return True\ndef f(x): return L()"
    ),
    "builtins replaced": (
        "import builtins\nbuiltins.AssertionError = builtins.abs = lambda *a: 0\n"
        "builtins.isinstance = lambda *a: True\ndef f(x): return 5"
    ),
    "names of builtins": "abs = isinstance = len = lambda *a: True\ndef f(x): return 5",
    "names of the setup": "def judge(x): return True\ndef f(x): return 5",
    "asserts looked for": (
        "import gc, sys\n"
        "def f(x):\n"
        "    found = [o for o in gc.get_objects() if isinstance(o, (tuple, list, dict))]\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n        found.append(dict(frame.f_locals))\n"
        "        frame = frame.f_back\n"
        "    return next((v for o in found for v in (o.values() if isinstance(o, dict) else o)\n"
        "                 if type(v) is int and v == int('600' + '613')), 5)"
    ),
    "frames rewritten": (
        "import sys\n"
        "def f(x):\n    frame = sys._getframe()\n"
        "    while frame:\n        frame.f_globals['__builtins__'] = {}\n"
        "        frame.f_trace = lambda *a: None\n        frame = frame.f_back\n    return 5"
    ),
    "leaving": "import os\ndef f(x): os._exit(0)",
    "another answer in the channel": (
        "import os\n"
        "def f(x):\n"
        '    words = b\'\\0\\0\\0\\x14["value", 4, "", []]\'\n'
        "    for n in range(4, 30):\n        try: os.write(n, words)\n"
        "        except OSError: pass\n    return 5"
    ),
    "a signal to the test": (
        "import os, signal\n"
        "def f(x):\n    for n in (signal.SIGINT, signal.SIGUSR1, signal.SIGTERM):\n"
        "        try: os.kill(-1, n)\n        except OSError: pass\n    return 5"
    ),
    "a test that is stopped": (
        "import os, signal\n"
        "def f(x):\n    try: os.kill(-1, signal.SIGSTOP)\n    except OSError: pass\n    return 5"
    ),
    "an exception like the test's": "def f(x): raise AssertionError",
    "a warning for the test": "def f(x): raise SystemExit(0)",
    "an end of its iterator": "def f(x): raise StopIteration",
    "nothing": "x = 1",
    "itself as an iterator": EVERYTHING + "f = Everything()",
    "a class": EVERYTHING + "class f(Everything):\n    def __init__(self, *a): pass",
}
TESTS = (
    "assert f(3) == 600_613",
    "assert not f(3) != 600_613",
    "assert f(3) in (600_613, 600_614)",
    "assert 600_613 in [f(3)]",
    "assert abs(f(3) - 600_613) < 1e-9",
    "assert {600_613: 1}[f(3)]",
    "x = f(3)\nassert type(x) is int and x > 5",
    "assert isinstance(f(3), int) and f(3) > 5",
    "assert sorted([f(3), 600_612])[1] == 600_613",
    "import math\nassert math.isclose(f(3), 600_613)",
    "import unittest\nunittest.TestCase().assertEqual(f(3), 600_613)",
    "assert judge(f(3))",
)
SETUP = ("def judge(x): return x == int('600' + '613')\n",)


def _is_slow(program: str) -> bool:
    """Whether a test of it runs into its time limit, or ends the processes that wait."""
    return "signal" in program or "builtins.isinstance" in program


@pytest.mark.parametrize("name", LYING)
def test_a_wrong_program_fails(sandbox: Sandbox, name: str) -> None:
    slow = _is_slow(LYING[name])
    limits = Limits(wall_seconds=2.0 if slow else 60.0)
    for test in TESTS[:2] if slow else TESTS:
        result = sandbox.run(Job((*SETUP, LYING[name], test), setup=1, limits=limits))
        assert not result.ok and result.piece == 2, (test, result)


HOSTILE_WORDS = [
    b'["value", {"reference": ["mine", "x"]}, "", []]',
    b'["value", {"instance": ["Node", [["__class__", 1]]]}, "", []]',
    b'["value", {"instance": ["Node", [["method", 1]]]}, "", []]',
    b'["value", {"instance": ["Sandbox", []]}, "", []]',
    b'["value", {"array": ["|O", [1], [1]]}, 5, []]',
    b'["value", {"namedtuple": ["import os", ["x"], [1]]}, "", []]',
    b'["value", {"again": 5}, "", []]',
    b'["value", ' + b"[" * 100_000 + b"]" * 100_000 + b', "", []]',
    b'["value", {"tuple": 5}, "", []]',
    b'["value", {"sparse": ["csr_matrix.__init__", [1, 1], [], [], []]}, "", []]',
    b'["value", {"Series": [[], [[], true], null, null]}, "", []]',
    b'["raised", [-1, "x", "open", [], "x"], ""]',
    b'["raised", [0, "a\\u0000b", "ValueError", [], "x"], ""]',
    b'["call", "getattr", 0, ["__globals__"], {}]',
    b'["call", "call", 0, [], {}]',
    b'["end"]',
    b"[]",
    b"{}",
    b"5",
    b"\xff",
]


@pytest.mark.parametrize("words", HOSTILE_WORDS, ids=range(len(HOSTILE_WORDS)))
def test_words_that_are_no_answer_fail_the_test(sandbox: Sandbox, words: bytes) -> None:
    program = (
        "import os\n"
        f"words = {words!r}\n"
        "def f(*a):\n"
        "    for n in range(4, 30):\n"
        "        try: os.write(n, len(words).to_bytes(4, 'big') + words)\n"
        "        except OSError: pass\n"
        "    return 5\n"
    )
    node = ("class Node:\n    def method(self): return 600_613\n",)
    test = "x = f(lambda: 600_613)\nassert x == 600_613 or x.method() == 600_613 or x"
    limits = Limits(wall_seconds=2.0)
    job = Job((*node, program, test.replace(" or x", "", 1)[:-5]), setup=1, limits=limits)
    assert not sandbox.run(job).ok


def test_what_the_test_expects_never_enters_the_programs_process(sandbox: Sandbox) -> None:
    """Among all the objects that it can find is no trace of it."""
    search = (
        "import gc, sys\n"
        "def f(x):\n"
        "    kinds = (dict, list, tuple, set)\n"
        "    texts = [repr(o) for o in gc.get_objects() if isinstance(o, kinds)]\n"
        "    return sum('-detcepxe'[::-1] in t for t in texts)\n"
    )
    assert examine(sandbox, search, "assert f(1) == 0 and 'expected-' + 'this' != f(2)").ok


def test_a_program_that_fails_is_no_test_that_fails(sandbox: Sandbox) -> None:
    result = examine(sandbox, "1 / 0", "assert True")
    assert (result.outcome, result.piece, result.error) == (Outcome.ERROR, 0, "ZeroDivisionError")
    result = examine(sandbox, "x = 1", "assert x == 2", ("y = 1",))
    assert (result.outcome, result.piece, result.error) == (Outcome.ERROR, 2, "AssertionError")
    result = examine(sandbox, "x = 1", "assert z")
    assert (result.error, result.piece) == ("NameError", 1)


def test_modules_do_not_cross(sandbox: Sandbox) -> None:
    """One that a program imports under a name is no judge of what it returns."""
    result = examine(sandbox, "import math as m\nx = 1", "assert m.isclose(x, 2)")
    assert result.error == "NotPlainError" and "module" in result.message


def test_limits_hold_for_both_processes(sandbox: Sandbox) -> None:
    limits = Limits(wall_seconds=0.5, output_bytes=10_000)
    for program, test, outcome in (
        ("def f():\n    while True: pass", "f()", Outcome.TIMEOUT),
        ("def f(): pass", "while True: pass", Outcome.TIMEOUT),
        ("def f(): print('x' * 10 ** 6)", "f()", Outcome.OUTPUT),
        ("import os\ndef f():\n    while True: os.write(1, b'x' * 1000)", "f()", Outcome.OUTPUT),
    ):
        result = sandbox.run(Job((program, test), setup=0, limits=limits))
        assert result.outcome is outcome, result


def test_arrays_and_tables_cross() -> None:
    pytest.importorskip("pandas")
    setup = (
        "import numpy as np\nimport pandas as pd\nfrom pandas.testing import assert_frame_equal\n",
    )
    program = (
        "import numpy as np\nimport pandas as pd\n"
        "def same(x): return x\n"
        "def double(d): return d.assign(a=d.a * 2)\n"
        "def clear(x): x[:] = 0\n"
        "class Frame(pd.DataFrame):\n    def equals(self, other): return True\n"
        "def lie(x): return Frame(x)\n"
    )
    frame = (
        "d = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'c': pd.to_datetime(['2020', '2021']),\n"
        "                  'd': pd.Categorical(['u', 'v']), 'e': pd.array([1, None], 'Int64')},\n"
        "                 index=pd.Index(['p', 'q'], name='i'))\n"
    )
    passing = (
        "x = np.ones((2, 3))\ny = same(x)\nassert (y == x).all() and y.dtype == x.dtype",
        "assert same(np.float32(1.5)) == 1.5 and type(same(np.float32(1.5))) is np.float32",
        "x = np.array([1, 'a', None], object)\nassert list(same(x)) == [1, 'a', None]",
        "x = np.ones(3)\nclear(x)\nassert not x.any()",
        frame + "assert_frame_equal(same(d), d)\nassert double(d).a.tolist() == [2, 4]",
        "s = pd.Series([1.5, np.nan], name='n')\npd.testing.assert_series_equal(same(s), s)",
        "m = pd.MultiIndex.from_product([[1, 2], ['a']])\nassert same(m).equals(m)",
        "assert same(pd.Timestamp('2020-01-02')) == pd.Timestamp('2020-01-02')",
        "g = pd.DataFrame({'a': [1]}).value_counts()\npd.testing.assert_series_equal(same(g), g)",
        "s = pd.Series(pd.Categorical(['b', None], ['c', 'b', 'a'], ordered=True))\n"
        "pd.testing.assert_series_equal(same(s), s)\nassert same(s).cat.ordered",
        "s = pd.cut(pd.Series([1, 5, 9]), [0, 2, 6]).value_counts()\n"
        "pd.testing.assert_series_equal(same(s), s)",
        "d = pd.DataFrame({'a': [1, 2]}, index=pd.date_range('2020', periods=2, freq='D'))\n"
        "assert_frame_equal(same(d), d)\nassert same(d).index.freq == d.index.freq",
        "assert same(pd.Interval(0, 1, 'both')) == pd.Interval(0, 1, 'both')",
    )
    with Sandbox(workers=1, imports=("numpy", "pandas"), limits=LIMITS) as sandbox:
        for test in passing:
            result = sandbox.run(Job((*setup, program, test), setup=1))
            assert result.ok, (test, result)
        for test in (
            "d = pd.DataFrame({'a': [1]})\nassert_frame_equal(lie(d), d + 1)",
            "d = pd.DataFrame({'a': [1]})\nassert np.array_equal(lie(d), d + 1)",
            "assert np.allclose(same([1, 2]), [1, 3])",
        ):
            assert not sandbox.run(Job((*setup, program, test), setup=1)).ok, test


def test_sparse_arrays_cross() -> None:
    pytest.importorskip("scipy")
    test = (
        "import numpy as np\nfrom scipy import sparse\nx = np.array([[0, 2.5, 0], [1, 0, 0]])\n"
        "for kind in 'csr csc coo lil dok bsr dia'.split():\n"
        "    for flavour in ('matrix', 'array'):\n"
        "        s = getattr(sparse, f'{kind}_{flavour}')(x)\n"
        "        assert type(same(s)) is type(s), (kind, type(same(s)))\n"
        "        assert same(s).shape == s.shape and (same(s) != s).nnz == 0\n"
    )
    with Sandbox(workers=1, imports=("scipy.sparse",), limits=LIMITS) as sandbox:
        result = sandbox.run(Job(("def same(x): return x\n", test), setup=0))
        assert result.ok, result


@pytest.mark.parametrize(
    "without", [("seccomp",), ("process namespace",), ("mount namespace",), ("landlock",)], ids=str
)
def test_it_is_as_sound_without_some_walls(without: tuple[str, ...]) -> None:
    """Where processes could look into each other, the test's shows itself to none."""
    program = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def reached(pid):\n"
        "    if libc.ptrace(16, pid, 0, 0) == 0: return True\n"
        "    try: open(f'/proc/{pid}/mem', 'r+b')\n    except OSError: return False\n"
        "    return True\n"
        "def f():\n    near = range(max(1, os.getpid() - 30), os.getpid() + 30)\n"
        "    return [p for p in near if p != os.getpid() and reached(p)]\n"
    )
    with Sandbox(workers=1, limits=LIMITS) as sandbox:
        sandbox._without = without
        try:
            assert without[0] not in sandbox.walls
        except SandboxError as error:
            pytest.skip(f"refused: {error}")
        assert examine(sandbox, "def f(): return 1", "assert f() == 1").ok
        assert examine(sandbox, "def f(): return 2", "assert f() == 1").error == "AssertionError"
        assert examine(sandbox, program, "assert f() == []").ok


def test_settings_are_checked() -> None:
    for setup, result in ((2, None), (-1, None), (0, "x")):
        with pytest.raises(SettingsError, match="setup"):
            Job(("x = 1", "assert x"), setup=setup, result=result)
