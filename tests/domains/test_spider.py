"""The text-to-SQL task: data, prompts, items, scores, and the protocol of a domain."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domains.base import Item, Task
from domains.spider.data import SpiderData
from domains.spider.hardness import LEVELS
from domains.spider.prompt import SHOTS
from domains.spider.task import SpiderItem, SpiderTask
from smc.potential import log_complete, log_prefix

DDL = """
CREATE TABLE singer (Singer_ID INTEGER, Name TEXT, Age INTEGER);
INSERT INTO singer VALUES (1, 'Ann', 30), (2, 'Bo', 25), (3, 'Bo', 41);
"""
ENTRY = {
    "table_names_original": ["singer"],
    "table_names": ["singer"],
    "column_names_original": [[-1, "*"], [0, "Singer_ID"], [0, "Name"], [0, "Age"]],
    "column_names": [[-1, "*"], [0, "singer id"], [0, "name"], [0, "age"]],
    "column_types": ["text", "number", "text", "number"],
}
DEV = [
    ("music", "How many singers\n are there?", "SELECT count(*) FROM singer"),
    ("gone", "What is lost?", "SELECT count(*) FROM lost"),
    ("plain_sql", "Name them by age.", "SELECT name FROM singer ORDER BY age;"),
    ("broken", "And this?", "SELECT 1 FROM singer"),
    ("music", "Who is old?", "SELECT name FROM singer WHERE age > 40 OR age > 50"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small data set in the official layout."""
    folder = tmp_path / "data" / "spider"

    def rows(examples: list[tuple[str, str, str]]) -> list[dict[str, str]]:
        return [dict(db_id=d, question=q, query=s) for d, q, s in examples]

    for db_id in ("music", "plain_sql", "broken"):
        (folder / "database" / db_id).mkdir(parents=True)
    with closing(sqlite3.connect(folder / "database" / "music" / "music.sqlite")) as connection:
        connection.executescript(DDL)
    (folder / "database" / "plain_sql" / "schema.sql").write_text(DDL)
    (folder / "database" / "broken" / "broken.sql").write_text("CREATED TABLE x (y);")
    (folder / "dev.json").write_text(json.dumps(rows(DEV)))
    training = [("music", f"Question {i}?", f"SELECT {i} FROM singer ;") for i in range(1001)]
    (folder / "train_spider.json").write_text(json.dumps(rows(training)))
    names = ("music", "plain_sql", "broken", "gone")
    (folder / "tables.json").write_text(json.dumps([ENTRY | {"db_id": n} for n in names]))
    return folder


def item_of(folder: Path, gold: str) -> SpiderItem:
    return SpiderItem("x", "", folder / "database" / "music" / "music.sqlite", "?", gold, "easy")


def test_items_are_the_questions_whose_database_is_there(folder: Path):
    task: Task[SpiderItem] = SpiderTask()
    items = task.items(None, folder.parent)
    assert [i.id for i in items] == ["spider-0000", "spider-0002", "spider-0004"]
    assert all(isinstance(i, Item) and i.hardness in LEVELS for i in items)
    assert [i.hardness for i in items] == ["easy", "easy", "medium"]
    assert items[1].gold == "SELECT name FROM singer ORDER BY age"
    assert task.items(2, folder) == items[:2] and task.items(0, folder) == []
    left_out = SpiderTask().left_out(folder)
    assert set(left_out) == {"gone", "broken"}
    assert "no gone.sqlite" in left_out["gone"] and "CREATED" in left_out["broken"]


def test_a_database_is_made_from_its_sql(folder: Path):
    path = SpiderData(folder).database("plain_sql")
    assert folder not in path.parents
    assert path == SpiderData(folder).database("plain_sql")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM singer").fetchone() == (3,)


def test_sql_that_attaches_other_files_is_refused(folder: Path):
    other = folder / "other.sqlite"
    (folder / "database" / "broken" / "broken.sql").write_text(f"ATTACH '{other}' AS o;")
    with pytest.raises(ValueError, match="not authorized"):
        SpiderData(folder).database("broken")
    assert not other.exists()


def test_the_plain_prompt(folder: Path):
    prompt = SpiderTask().items(1, folder)[0].prompt
    assert isinstance(prompt, str)
    blocks = prompt.split("\n\n")
    listing = (
        "Table singer\n* Singer_ID (number): singer id\n* Name (text): name\n* Age (number): age"
    )
    assert blocks[1:4] == [
        f"{listing}\nQuestion: Question {i}?\nSQL: SELECT {i} FROM singer" for i in SHOTS
    ]
    assert blocks[4:] == [f"{listing}\nQuestion: How many singers are there?\nSQL:"]
    assert SpiderTask(shots=0).items(1, folder)[0].prompt == f"{blocks[0]}\n\n{blocks[4]}"


def test_the_chat_prompt_says_the_same(folder: Path):
    plain = SpiderTask(shots=2).items(1, folder)[0].prompt
    chat: Any = SpiderTask(shots=2, chat=True).items(1, folder)[0].prompt
    assert [m["role"] for m in chat] == ["system"] + ["user", "assistant"] * 2 + ["user"]
    assert isinstance(plain, str)
    assert all(m["content"] in plain for m in chat)
    assert chat[2]["content"] == "SELECT 10 FROM singer"


def test_no_gold_query_is_in_a_prompt_or_reaches_a_potential(folder: Path):
    task = SpiderTask()
    items = task.items(None, folder)
    assert not [i for i in items for j in items if j.gold in str(i.prompt)]
    first, last = items[0], items[2]
    potentials = [*task.cheap(first), *task.expensive(first)]
    # The same objects whatever the gold query, so that they cannot know of it.
    again = [*task.cheap(last), *task.expensive(last)]
    assert [type(p).__name__ for p in potentials] == ["Grammar", "SQLScope", "SQLExecution"]
    assert all(p is q for p, q in zip(potentials, again, strict=True))


def test_potentials_admit_what_runs(folder: Path):
    task = SpiderTask()
    item = task.items(1, folder)[0]
    potentials = [*task.cheap(item), *task.expensive(item)]
    for text in (" SELECT Name FROM singer WHERE Age > 3", "SELECT count(*) FROM singer"):
        assert [log_complete(p, text) for p in potentials] == [0.0] * 3
        assert [log_prefix(p, text[:-2]) for p in potentials] == [0.0] * 3
    for text in ("SELECT Name FROM singers", "SELECT nothing FROM singer", "SELECT"):
        assert sum(log_complete(p, text) for p in potentials) == float("-inf")


def test_scores(folder: Path):
    task = SpiderTask()
    item = item_of(folder, "SELECT name, age FROM singer")
    assert task.primary in task.score(item, "")
    for text, correct, runs in [
        (" SELECT name, age FROM singer\n", 1.0, 1.0),
        ("SELECT age, name FROM singer", 1.0, 1.0),
        ("SELECT name FROM singer", 0.0, 1.0),
        ("SELECT name, age FROM singer, (SELECT 1 UNION SELECT 2)", 0.0, 1.0),
        ("SELECT name, age FROM sinner", 0.0, 0.0),
        ("DROP TABLE singer", 0.0, 0.0),
        ("", 0.0, 0.0),
    ]:
        expected = {"correct": correct, "executes": runs, "correct_easy": correct}
        assert task.score(item, text) == expected
    assert task.population_scores(item, ["a"], [1.0]) == {}


def test_missing_or_foreign_files_are_named(folder: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"dev\.json"):
        SpiderTask().items(1, tmp_path)
    with pytest.raises(FileNotFoundError, match="SMC_DATA"):
        SpiderTask().items(1, None)
    with pytest.raises(ValueError, match="limit"):
        SpiderTask().items(-1, folder)
    with pytest.raises(ValueError, match="shots is 4"):
        SpiderTask(shots=4)
    (folder / "train_spider.json").write_text("[]")
    other = SpiderData(folder.rename(folder.with_name("renamed")))
    with pytest.raises(ValueError, match="more than 1000"):
        SpiderTask().items(1, other.folder)
    assert len(SpiderTask(shots=0).items(1, other.folder)) == 1
    (other.folder / "train_spider.json").unlink()
    with pytest.raises(FileNotFoundError, match="train_spider"):
        SpiderData(other.folder.rename(folder)).examples("train_spider.json.gone")


@pytest.mark.data
def test_gold_is_right_against_gold(data_dir: Path):
    task = SpiderTask()
    items = task.items(None, data_dir)
    assert len(items) > 100
    for item in random.Random(5).sample(items, 80):
        assert task.score(item, item.gold)["correct"] == 1.0, item.gold


@pytest.mark.data
def test_the_prompt_shows_the_papers_examples(data_dir: Path):
    prompt = SpiderTask().items(1, data_dir)[0].prompt
    assert isinstance(prompt, str)
    questions = [line for line in prompt.splitlines() if line.startswith("Question: ")]
    train = json.loads((data_dir / "spider" / "train_spider.json").read_text())
    first = json.loads((data_dir / "spider" / "dev.json").read_text())[0]
    shown = [*(train[i] for i in (10, 100, 1000)), first]
    assert questions == [f"Question: {row['question']}" for row in shown]
