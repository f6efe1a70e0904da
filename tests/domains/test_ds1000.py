"""The DS-1000 task: data, items, where an answer ends, and the protocol of a domain."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import smc
from benchmarks.selection import Selection
from benchmarks.tasks import load_items, load_task
from domains.base import Item, Task
from domains.ds1000.data import load
from domains.ds1000.environment import interpreter
from domains.ds1000.potential import RunsOnInputs
from domains.ds1000.scoring import AnswerVerdict
from domains.ds1000.task import STOP, Ds1000Item, Ds1000Task
from smc.backends.table import TableModel
from smc.errors import SettingsError
from smc.model import Vocabulary
from tests.domains.ds1000_problems import PLAIN, ROWS, row, written


def ids(items: Sequence[Item]) -> list[str]:
    return [i.id for i in items]


@pytest.mark.parametrize("packed", [True, False])
def test_the_file_is_found_and_read(tmp_path: Path, packed: bool):
    root = written(tmp_path, packed=packed)
    problems = load(root)
    file = next((root / "ds1000").iterdir())
    assert load(root / "ds1000") == load(file) == problems
    assert [p.problem_id for p in problems] == [0, 1, 2, 3, 4, 5]
    assert problems[2].library == "Numpy" and problems[2].perturbation == "Difficult-Rewrite"
    assert problems[1].reference == ROWS[1]["reference_code"]
    assert problems[1].prompt == ROWS[1]["prompt"] and "exec_test" in problems[1].context


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.jsonl", None, FileNotFoundError, "no file .*a.jsonl.*SMC_DATA"),
        ("a.csv", b"", ValueError, "neither .jsonl nor .jsonl.gz"),
        ("a.jsonl", b"\n \n", ValueError, "no problems"),
        ("a.jsonl", b"\n{", ValueError, "line 2 is no JSON"),
        ("a.jsonl", b"\xff\xfe", ValueError, "not text"),
        ("a.jsonl.gz", b"{}", ValueError, "gzip"),
        ("a.jsonl.gz", gzip.compress(b"\n" * 9999, mtime=0)[:-9], ValueError, "gzip"),
        ("a.jsonl", b"[]\n", ValueError, "line 1 is not DS-1000's"),
        ("a.jsonl", b'{"prompt": "x"}\n', ValueError, "'metadata'.*expected prompt"),
        ("a.jsonl", json.dumps(row(1, "Numpy", "", prompt=3)).encode(), ValueError, "got int"),
        ("a.jsonl", (json.dumps(row(1, "Numpy", "")) + "\n").encode() * 2, ValueError, "1 twice"),
    ],
    ids="absent suffix empty json text gzip cut list keys type twice".split(),
)
def test_bad_files(
    tmp_path: Path, name: str, content: bytes | None, error: type[Exception], message: str
):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=message):
        load(file)


def test_no_folder_and_an_empty_one(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no folder was given"):
        load(None)
    with pytest.raises(FileNotFoundError, match=r"ds1000/ds1000\.jsonl\.gz"):
        load(tmp_path)


def test_items_are_of_each_library_in_turn(tmp_path: Path):
    task: Task[Ds1000Item] = Ds1000Task()
    root = written(tmp_path)
    items = task.items(None, root)
    assert ids(items) == ["ds1000-0000", "ds1000-0002", "ds1000-0005", "ds1000-0001"]
    assert task.items(2, root) == items[:2] and task.items(0, root) == []
    assert items[0].prompt == ROWS[0]["prompt"]
    left_out = Ds1000Task().left_out(root)
    assert set(left_out) == {"ds1000-0003", "ds1000-0004"}
    assert "Pytorch" in left_out["ds1000-0003"]
    assert "internet (fetch_numbers)" in left_out["ds1000-0004"]
    numpy = Ds1000Task(libraries=("Numpy",))
    assert ids(numpy.items(None, root)) == ["ds1000-0002"]


def test_bad_arguments(tmp_path: Path):
    with pytest.raises(ValueError, match="limit is -1"):
        Ds1000Task().items(-1, written(tmp_path))
    with pytest.raises(ValueError, match=r"Tensorflow.*expected some of Pandas"):
        Ds1000Task(libraries=("Tensorflow",))
    with pytest.raises(ValueError, match="weight -1"):
        item = Ds1000Task().items(1, written(tmp_path))[0]
        Ds1000Task().population_scores(item, ["x"], [-1.0])


def test_without_the_environment_the_error_says_how_to_make_it(tmp_path: Path):
    with pytest.raises(SettingsError, match="make ds1000-env"):
        interpreter(tmp_path)
    task = Ds1000Task(environment=tmp_path)
    item = task.items(1, written(tmp_path))[0]
    with pytest.raises(SettingsError, match="make ds1000-env"):
        task.expensive(item)
    with pytest.raises(SettingsError, match="make ds1000-env"):
        task.score(item, "")


def test_the_task_is_found_by_name(tmp_path: Path):
    token, statement = load_task("ds1000"), load_task("ds1000:by_statement")
    assert (token.name, statement.name) == ("ds1000", "ds1000")
    assert len(load_items(token, Selection(3), written(tmp_path))) == 3
    assert isinstance(token, Ds1000Task) and isinstance(statement, Ds1000Task)
    assert token.resample_at is None and statement.resample_at is not None
    short = load_task("ds1000:code_only_by_statement")
    assert short == Ds1000Task(words=False, statements=True)


def test_the_judge_keeps_what_it_has_run_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A method that comes after would seem cheaper than it is."""
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    task = Ds1000Task(environment=tmp_path / "environment")
    item = task.items(1, written(tmp_path))[0]
    steers, asked = task.expensive(item), []
    assert steers == task.expensive(item)
    monkeypatch.setattr("domains.ds1000.scoring.judge", lambda *_: AnswerVerdict(False, "wrong"))
    monkeypatch.setattr(RunsOnInputs, "complete", lambda self, _: asked.append(self) or 0.0)
    assert task.score(item, "x")["runs"] == 1.0
    assert len(asked) == 1 and asked[0] is not steers[0]


def test_a_prompt_without_words_begins_with_its_code(tmp_path: Path):
    rows = [row(1, "Numpy", PLAIN, prompt="P:\nA:\nno\nA:\n<code>\nx\n"), row(2, "Numpy", PLAIN)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    task = load_task("ds1000:code_only")
    assert [i.prompt for i in task.items(None, tmp_path / "a.jsonl")] == [
        "A:\n<code>\nx\n",
        rows[1]["prompt"],
    ]


def test_no_reference_is_in_a_prompt_or_reaches_a_potential(tmp_path: Path):
    for item in Ds1000Task().items(None, written(tmp_path)):
        assert item.problem.reference not in str(item.prompt)
        assert item.problem.reference not in repr(item.harness)


def said(*tokens: str) -> str:
    """What is left of a model's tokens, one after the other, under the task's end markers."""
    vocabulary = Vocabulary((*(t.encode() for t in tokens), b"?", None), (len(tokens) + 1,))
    size = len(vocabulary.tokens)

    def next_probs(prefix: tuple[int, ...]) -> list[float]:
        at = len(prefix) - 1
        return [float(i == (at if at < len(tokens) else size - 1)) for i in range(size)]

    found = smc.sample(TableModel(vocabulary, next_probs), [len(tokens)], stop=STOP)
    return found.sequences[0].text


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (("y = x[x ", "<", " 3]\n", "</code>"), "y = x[x < 3]\n"),
        (("a = 1 <", "2\n", "<", "/", "code", ">\nmore"), "a = 1 <2\n"),
        (("a = 1\n", "END", " SOLUTION"), "a = 1\n"),
        (("END", "ED = 'E", "ND", "'\n", "END SOLUTION\nb"), "ENDED = 'END'\n"),
        (("a = b", " </", "c\n", "# SOLUTION END\n"), "a = b </c\n"),
    ],
    ids="comparison pieces end word tag".split(),
)
def test_a_whole_marker_ends_an_answer_and_no_part_of_one(tokens: tuple[str, ...], text: str):
    assert said(*tokens) == text
