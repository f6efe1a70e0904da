"""What a sandbox returns, what it keeps, and what it raises."""

from __future__ import annotations

import ast
import contextlib
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import potentials.sandbox
from potentials.sandbox import Job, Limits, Outcome, Sandbox, SandboxError
from smc.errors import SettingsError, SMCError
from tests.potentials.sandbox.watching import open_files, processes


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, imports=("random", "fractions")) as found:
        yield found


def test_value_and_output(sandbox: Sandbox) -> None:
    code = (
        "import sys\nx = [1, 2.5, None, True, 'é\\n']",
        "print('ö'); print('e', file=sys.stderr)",
    )
    result = sandbox.run(Job(code, result="{'x': x}"))
    assert (result.outcome, result.ok, result.piece) == (Outcome.OK, True, 2)
    assert result.value == {"x": [1, 2.5, None, True, "é\n"]}
    assert (result.stdout, result.stderr) == ("ö\n", "e\n")
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("pieces", "piece", "error", "line"),
    [
        (("x = 1", "\n\ny = x + z"), 1, "NameError", 3),
        (("def f():\n    return 1 / 0", "x = 1", "f()"), 2, "ZeroDivisionError", 1),
        (("x = (1,\n  2",), 0, "SyntaxError", 1),
        (("import nothing_of_that_name",), 0, "ModuleNotFoundError", 1),
        (("x = 1", "class A(BaseException): pass\nraise A"), 1, "A", 2),
    ],
)
def test_errors_say_where(
    sandbox: Sandbox, pieces: tuple[str, ...], piece: int, error: str, line: int
) -> None:
    result = sandbox.run(Job(pieces))
    assert (result.outcome, result.piece) == (Outcome.ERROR, piece)
    assert (result.error, result.line) == (error, line)


def test_a_value_that_json_has_not_is_an_error(sandbox: Sandbox) -> None:
    result = sandbox.run(Job(("x = {1, 2}",), result="x"))
    assert (result.outcome, result.error, result.piece) == (Outcome.ERROR, "TypeError", 1)
    assert "set" in result.message
    wrong = sandbox.run(Job(("x = 1",), result="y"))
    assert (wrong.outcome, wrong.error, wrong.piece) == (Outcome.ERROR, "NameError", 1)


def test_a_value_too_large_is_too_much_output(sandbox: Sandbox) -> None:
    limits = Limits(output_bytes=1000)
    result = sandbox.run(Job(("x = 1",), result="'x' * 10_000", limits=limits))
    assert result.outcome is Outcome.OUTPUT


def test_pieces_are_one_main_module(sandbox: Sandbox) -> None:
    pieces = (
        "from __future__ import annotations\nimport pickle, inspect\nclass A:\n    x: Unknown = 1",
        "def f(a: Unknown): return a",
        "b = pickle.loads(pickle.dumps(A())).x",
    )
    result = sandbox.run(Job(pieces, result="[__name__, b, inspect.getsource(f)]"))
    assert result.value == ["__main__", 1, "def f(a: Unknown): return a\n"]


def test_files_are_put_there_and_nothing_else(sandbox: Sandbox) -> None:
    files = (("data/a.txt", b"one"), ("b", b"\0\xff"))
    read = (
        "import os; found = sorted(os.listdir()), open('data/a.txt').read(), len(open('b').read(1) "
    )
    for _ in range(2):
        job = Job((read + "if False else 'x')", "open('c', 'w')"), files, result="list(found)")
        assert sandbox.run(job).value == [["b", "data"], "one", 1]
    assert sandbox.run(Job(("import os",), result="os.listdir()")).value == []


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", ".", "a//b", "a\0b"])
def test_names_of_files_stay_inside(name: str) -> None:
    with pytest.raises(SettingsError, match="relative to the program's"):
        Job(("x",), ((name, b""),))


@pytest.mark.parametrize("names", [("\ud800",), ("x" * 300,), ("a", "a/b")])
def test_files_that_cannot_be_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="file"):
        Job(("x",), tuple((name, b"") for name in names))


def test_files_that_do_not_fit_are_refused(sandbox: Sandbox) -> None:
    job = Job(("x = 1",), (("f", bytes(9000)),), limits=Limits(file_bytes=8192))
    with pytest.raises(SettingsError, match=r"9000 bytes.*file_bytes.*8192"):
        sandbox.run(job)


def test_signals_are_as_a_program_expects(sandbox: Sandbox) -> None:
    code = (
        "from signal import *\nusual = (default_int_handler, SIG_DFL, SIG_DFL)\n"
        "found = tuple(map(getsignal, (SIGINT, SIGTERM, SIGHUP)))"
    )
    assert sandbox.run(Job((code,), result="found == usual")).value is True


def test_settings_are_checked() -> None:
    with pytest.raises(SettingsError, match="wall_seconds"):
        Limits(wall_seconds=0)
    with pytest.raises(SettingsError, match="processes"):
        Limits(processes=0)
    with pytest.raises(SettingsError, match="pieces"):
        Job(())
    with pytest.raises(SettingsError, match="pieces"):
        Job("x = 1")  # pyright: ignore[reportArgumentType]
    with pytest.raises(SettingsError, match="workers"):
        Sandbox(workers=0)
    with pytest.raises(SettingsError, match="imports"):
        Sandbox(imports="numpy")


def test_many_jobs_keep_their_order() -> None:
    jobs = [Job(("base = 100", f"x = base + {n}"), result="x") for n in range(40)]
    with Sandbox(workers=3) as sandbox:
        assert [r.value for r in sandbox.run_many(jobs)] == [100 + n for n in range(40)]


def test_nothing_is_left_after_many_runs() -> None:
    with Sandbox(workers=1, snapshots=4) as sandbox:
        for n in range(20):
            sandbox.run(Job((f"x = {n}",)))
        before = open_files(os.getpid()), len(processes(sandbox))
        containers = {pid: open_files(pid) for pid in processes(sandbox)}
        for n in range(100):
            codes = (f"x = {n + 100}", "import os; os._exit(1)", "1 / 0", "open('f', 'w')")
            sandbox.run(Job((codes[n % 4],)))
        assert (open_files(os.getpid()), len(processes(sandbox))) == before
        for pid in processes(sandbox) & set(containers):
            assert open_files(pid) == containers[pid]
        fork_server = sandbox._fork_server
        assert fork_server is not None and os.path.isdir(fork_server.base)
    assert not os.path.exists(fork_server.base) and open_files(os.getpid()) < before[0]


def test_walls_are_told(sandbox: Sandbox) -> None:
    text = str(sandbox.walls)
    assert "rlimits" in sandbox.walls and "rlimits" in text and "missing: " in text


def test_a_broken_sandbox_raises(tmp_path: Path) -> None:
    job = Job(("x = 1",))
    with (
        Sandbox(python=tmp_path / "python") as absent,
        pytest.raises(SandboxError, match="does not start"),
    ):
        absent.run(job)
    with Sandbox(imports=("no_such_module",)) as lacking, pytest.raises(SandboxError) as error:
        lacking.run(job)
    assert "no_such_module" in str(error.value) and "ModuleNotFoundError" in str(error.value)
    closed = Sandbox()
    closed.close()
    with pytest.raises(SandboxError, match="closed"):
        closed.run(job)
    assert issubclass(SandboxError, SMCError)
    with pytest.raises(TypeError, match="cannot be copied"):
        pickle.dumps(closed)


def _kill_all(sandbox: Sandbox) -> None:
    for pid in processes(sandbox):
        # With the first process of a namespace all others die.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def test_a_dead_cell_is_replaced_and_a_dead_parent_once() -> None:
    job = Job(("x = 1",), result="x")
    with Sandbox(workers=1) as sandbox:
        assert sandbox.run(job).value == 1
        _kill_all(sandbox)
        assert sandbox.run(job).value == 1
        for _ in range(2):
            _kill_all(sandbox)
            fork_server = sandbox._fork_server
            assert fork_server is not None
            fork_server._process.kill()
            if _ == 0:
                assert sandbox.run(job).value == 1
        with pytest.raises(SandboxError, match="died twice"):
            sandbox.run(job)


def test_the_code_inside_needs_nothing_but_an_old_standard_library() -> None:
    inside = Path(potentials.sandbox.__file__).parent / "inside"
    for path in inside.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            assert all(n.partition(".")[0] in sys.stdlib_module_names for n in names), path


def test_pandas_works_inside() -> None:
    pytest.importorskip("pandas")
    pieces = (
        "import pandas as pd",
        "d = pd.DataFrame({'a': [1, 1, 2], 'b': [1.0, 2.0, 3.0]})",
        "s = d.groupby('a').b.sum()",
    )
    with Sandbox(workers=1, imports=("numpy", "pandas")) as sandbox:
        result = sandbox.run(Job(pieces, result="s.to_dict()"))
        assert result.value == {"1": 3.0, "2": 3.0}
        wrong = sandbox.run(Job((*pieces, "d['c']")))
        assert (wrong.outcome, wrong.error, wrong.piece) == (Outcome.ERROR, "KeyError", 3)


def test_what_is_reused_writes_into_the_folder_that_is_there(sandbox: Sandbox) -> None:
    """A process that was stopped where it stood may stand in a folder that is gone since."""
    files = (("b", b"two"),)
    for _ in range(12):
        job = Job(("import os; seen = os.listdir()", "open('c', 'w')"), files, result="seen")
        assert sandbox.run(job).value == ["b"]
        assert sandbox.run(Job(("import os",), result="os.listdir()")).value == []
