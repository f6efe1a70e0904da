"""The embedded model of the text-to-SQL task: prompt, links, queries in one style, rows, files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domains.spider.compact_prompt import Listing, compact_prompt, stored_values, told
from domains.spider.data import SpiderData
from domains.spider.linking import Names, link
from domains.spider.scoring import judge
from domains.spider.task import SpiderTask
from domains.spider.training.examples import read, split
from domains.spider.training.pool import Pool
from domains.spider.training.queries import Part, UnreadableError, parts_of, written
from domains.spider.training.renaming import Renaming, renaming, retold, smaller
from domains.spider.variants import VARIANTS

MODEL = Path(__file__).parents[2] / "domains" / "spider" / "model"
LIMIT_BYTES = 10_000_000
DDL = """
CREATE TABLE Baker (Baker_ID INTEGER, FName TEXT, Town TEXT, Age INTEGER);
CREATE TABLE Cake (Cake_ID INTEGER, Made_By INTEGER, Kind TEXT, `Sold In` TEXT, Weight REAL);
INSERT INTO Baker VALUES (1, 'Ida', 'Ulm', 31), (2, 'Tom', 'Graz', 25), (3, 'Ida', 'Bern', 41);
INSERT INTO Cake VALUES (1, 1, 'apple pie', 'Ulm', 1.5), (2, 2, 'nut', 'Bern', 2),
    (3, 2, 'x{', '', 3);
"""
ENTRY: dict[str, Any] = {
    "table_names_original": ["Baker", "Cake"],
    "table_names": ["baker", "cake"],
    "column_names_original": [
        [-1, "*"],
        *[[0, n] for n in ("Baker_ID", "FName", "Town", "Age")],
        *[[1, n] for n in ("Cake_ID", "Made_By", "Kind", "Sold In", "Weight")],
    ],
    "column_names": [
        [-1, "*"],
        *[[0, n] for n in ("baker id", "first name", "town", "age")],
        *[[1, n] for n in ("cake id", "made by", "kind", "sold in", "weight")],
    ],
    "column_types": ["text", "number", "text", "text", "number"] + ["number"] * 2 + ["text"] * 3,
    "foreign_keys": [[6, 1]],
}
TRAIN = [
    ("How many bakers are there?", "SELECT count(*) FROM Baker"),
    ("What are the first names of bakers from Ulm?", 'SELECT fname FROM baker WHERE town = "Ulm"'),
    ("Which bakers are older than 30?", "SELECT T1.FName FROM Baker AS T1 WHERE T1.age  >  30"),
    (
        "Show the kinds of cakes made by each baker of age 25.",
        "SELECT T2.kind FROM baker AS T1 JOIN cake AS T2 ON T1.baker_id = T2.made_by "
        "WHERE T1.age = 25",
    ),
    ("List towns by age.", "SELECT town FROM baker ORDER BY age DESC;"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twenty-two small databases in the official layout, all alike."""
    folder = tmp_path / "spider"
    names = [f"shop_{n:02d}" for n in range(22)]
    for name in names:
        (folder / "database" / name).mkdir(parents=True)
        with closing(sqlite3.connect(folder / "database" / name / f"{name}.sqlite")) as connection:
            connection.executescript(DDL)
    rows = [dict(db_id=n, question=q, query=s) for n in names for q, s in TRAIN]
    beyond = dict(db_id=names[0], question="?", query="SELECT a FROM (SELECT 1 AS a)")
    (folder / "train_spider.json").write_text(json.dumps([*rows, beyond]))
    (folder / "dev.json").write_text(json.dumps(rows[:3]))
    (folder / "tables.json").write_text(json.dumps([ENTRY | {"db_id": n} for n in names]))
    return tmp_path


@pytest.fixture
def database(root: Path) -> Path:
    return SpiderData.find(root).database("shop_00")


@cache
def shop_grammar() -> Any:
    from potentials import Grammar
    from potentials.sql import Schema, schema_grammar

    return Grammar(schema_grammar(Schema.from_ddl(DDL.partition("INSERT")[0])))


def linked(question: str, values: dict[str, list[tuple[str, str]]] | None = None) -> str:
    return told(link(question, Names.of(ENTRY), lambda text: (values or {}).get(text, [])))


def test_prompt_lists_the_schema_and_marks_what_the_question_names(database: Path):
    prompt = compact_prompt(ENTRY, "Which first names do bakers in Ulm have?", database)
    assert prompt == (
        "baker: baker_id, fname, town, age\n"
        "cake: cake_id, made_by = baker.baker_id, kind, `sold in`, weight\n"
        "Q: Which first names (fname) do bakers [baker] in Ulm {town = 'Ulm'} {`sold in` = 'Ulm'}"
        " have?\nSQL:"
    )


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Ages of BAKERS", "Ages (age) of BAKERS [baker]"),
        ("the name of it", "the name (fname) of it"),
        ("who sold it in May?", "who sold (`sold in`) it in May?"),
        ("how many of the list", "how many of the list"),
        ("  kind,weight ", "  kind (kind),weight (weight) "),
        ("", ""),
    ],
)
def test_links_follow_stems_and_parts_of_names(question: str, wanted: str):
    assert linked(question) == wanted


def test_values_are_linked_whole_and_short_ones_in_their_own_case():
    values = {"new york": [("town", "New York")], "tx": [("town", "TX")], "or": [("town", "or")]}
    assert linked("new york or tx, TX?", values) == (
        "new york {town = 'New York'} or tx, TX {town = 'TX'}?"
    )


def test_the_pieces_make_the_question_whatever_it_is():
    rng = np.random.default_rng(0)
    words = [
        "baker",
        " ",
        "first name",
        "Ulm",
        "é",
        "'",
        "kinds",
        "?",
        "  ",
        "made by",
        "🙂",
        "age",
    ]
    for _ in range(200):
        question = "".join(rng.choice(words, size=rng.integers(12)))
        pieces = link(question, Names.of(ENTRY), lambda t: [("town", "Ulm")] * (t == "ulm"))
        assert "".join(p.text for p in pieces) == question


def test_stored_values_are_the_plain_texts_of_a_database(database: Path):
    values = stored_values(database)
    assert values["ulm"] == [("town", "Ulm"), ("sold in", "Ulm")]
    assert values["apple pie"] == [("kind", "apple pie")]
    assert not {"x{", "", "31", "1.5"} & set(values)


def test_the_compact_task_is_run_with_these_prompts(root: Path):
    items = VARIANTS["compact"].items(2, root)
    assert all(str(i.prompt).endswith("\nSQL:") and "Q: " in str(i.prompt) for i in items)
    assert VARIANTS["compact"].score(items[0], " SELECT COUNT(*) FROM baker")["correct"] == 1.0
    for bad in (dict(shots=3), dict(shots=0, chat=True)):
        with pytest.raises(ValueError, match="the compact prompt with shots"):
            SpiderTask(compact=True, **bad)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("select T1.FName from Baker as T1", "SELECT fname FROM baker"),
        (
            TRAIN[3][1],
            "SELECT cake.kind FROM baker JOIN cake ON cake.made_by = baker.baker_id "
            "WHERE baker.age = 25",
        ),
        (
            "SELECT a.age FROM baker AS a JOIN baker AS b ON a.age = b.age",
            "SELECT t1.age FROM baker AS t1 JOIN baker AS t2 ON t1.age = t2.age",
        ),
        (
            "SELECT fname FROM baker WHERE age NOT IN (SELECT weight FROM cake WHERE "
            "made_by = baker_id AND \"Sold In\" LIKE '%m')",
            "SELECT fname FROM baker WHERE NOT age IN (SELECT weight FROM cake WHERE "
            "made_by = baker.baker_id AND `sold in` LIKE '%m')",
        ),
        (
            'SELECT count(DISTINCT town) FROM baker WHERE town != "Ulm"',
            "SELECT COUNT(DISTINCT town) FROM baker WHERE town <> 'Ulm'",
        ),
        (
            "SELECT T2.*, count(*) FROM baker AS T1 CROSS JOIN cake AS T2 GROUP BY T2.kind",
            "SELECT cake.*, COUNT(*) FROM baker CROSS JOIN cake GROUP BY cake.kind",
        ),
    ],
)
def test_queries_are_written_in_one_style_and_mean_the_same(
    database: Path, query: str, wanted: str
):
    from smc.potential import log_complete

    assert written(parts_of(query, Listing.of(ENTRY))) == wanted
    assert judge(database, query, wanted).correct
    assert log_complete(shop_grammar(), f" {wanted}") == 0.0


@pytest.mark.parametrize(
    "query", ["SELECT a FROM (SELECT 1 AS a)", "SELECT x FROM nope", "SELECT nope FROM baker", "("]
)
def test_queries_beyond_the_style_are_refused(query: str):
    with pytest.raises(UnreadableError):
        parts_of(query, Listing.of(ENTRY))


def test_reading_leaves_out_what_is_beyond_and_holds_out_whole_databases(root: Path):
    samples = read(root)
    assert sum(map(len, samples.values())) == 22 * len(TRAIN)
    training, held_out = split(samples)
    assert {s.known.db_id for s in held_out}.isdisjoint(training)
    assert len({s.known.db_id for s in held_out}) == 10 and len(training) == 12


def test_new_names_are_said_in_the_question_and_meant_by_the_query(root: Path):
    sample = read(root)["shop_00"][1]
    new = Renaming({"baker": ("pilot", "pilot")}, {"fname": ("nickname", "nick name")})
    question, parts = retold(sample, new, 0.0, np.random.default_rng(0))
    assert question == "What are the nick names of pilots from Ulm?"
    assert written(parts) == "SELECT nickname FROM pilot WHERE town = 'Ulm'"
    names = new.names(sample.known.names, sample.known.listing)
    values = new.values(sample.known.held, frozenset({"town"}))
    assert told(link(question, names, values)) == (
        "What are the nick names (nickname) of pilots [pilot] from Ulm {town = 'Ulm'}?"
    )
    assert "made_by = pilot.baker_id" in str(new.listing(sample.known.listing))


def test_schemas_made_new_still_answer_their_questions(root: Path):
    """Every query refers to names that the new listing has, of which no two are the same."""
    samples = read(root)["shop_00"]
    pool = Pool(
        [("road", "road"), ("cake", "cake"), ("pet", "pet")],
        {
            True: [("road_id", "road id"), ("id", "id")],
            False: [("colour", "colour"), ("age", "age"), ("kind", "kind"), ("size", "size")],
        },
        ["apple", "moon", "select"],
    )
    rng = np.random.default_rng(1)
    renamed = dropped = 0
    for _ in range(60):
        chosen = [samples[i] for i in rng.choice(len(samples), 2, replace=False)]
        listing = smaller(chosen, 0.7, True, rng)
        new = renaming(chosen, pool, 0.8, rng, made_up=0.5)
        fresh = new.listing(listing)
        dropped += len(fresh.tables) < 2
        assert len(fresh.tables) == len(listing.tables)
        ddl = []
        for table, columns in fresh.tables.items():
            names = [c for c, _ in columns]
            assert len(set(names)) == len(names)
            ddl.append(f"CREATE TABLE `{table}` ({', '.join(f'`{n}`' for n in names)})")
            targets = [to for _, to in columns if to]
            assert all(c in {n for n, _ in fresh.tables[t]} for t, c in targets)
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(";".join(ddl))
            for sample in chosen:
                question, parts = retold(sample, new, 0.5, rng)
                connection.execute(written(parts))
                renamed += question != sample.question
    assert renamed > 30 and dropped > 5


def test_values_are_exchanged_in_question_and_query_alike(root: Path):
    samples = read(root)["shop_00"]
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(20):
        question, parts = retold(samples[1], Renaming({}, {}), 1.0, rng)
        (value,) = [p.text for p in parts if p.kind == "string"]
        assert f"from {value}?" in question
        seen.add(value)
        question, parts = retold(samples[2], Renaming({}, {}), 1.0, rng)
        assert Part("number", question.split()[-1].rstrip("?")) in parts
    assert seen == {"Ulm", "Graz", "Bern"}


def test_rows_hold_questions_that_see_the_schema_and_themselves(root: Path):
    pytest.importorskip("transformers")
    from domains.spider.training.corpus import Questions
    from domains.spider.training.setting import Setting

    setting = Setting(rows=3, length=200, vocabulary=400, batches=2)
    corpus = Questions(setting, root)
    tokenizer = corpus.make_tokenizer()
    source = corpus.batches(tokenizer, 0)
    batches = [next(source) for _ in range(3)]
    assert [b.epoch for b in batches] == [0, 0, 1]
    again = next(corpus.batches(tokenizer, 1))
    assert np.array_equal(again.tokens, batches[2].tokens)
    assert not np.array_equal(batches[0].tokens, batches[2].tokens)
    for batch in batches:
        assert batch.weights is not None and batch.sees is not None and batch.positions is not None
        assert batch.tokens.shape == (3, 201) and batch.sees.diagonal(axis1=1, axis2=2).all()
        for row, weights, sees, positions in zip(
            batch.tokens, batch.weights, batch.sees, batch.positions, strict=True
        ):
            text = tokenizer.decode(row)
            learned = tokenizer.decode(row[1:][weights == 1])
            queries = [line for line in text.split("\n") if line.startswith("SQL: ")]
            assert learned.splitlines() == [q.removeprefix("SQL:") for q in queries]
            links = tokenizer.decode(row[1:][weights == np.float32(0.3)])
            assert "]" in links and "Q" not in links
            # The last token of the last query sees the listing and its own question, no other.
            last = np.flatnonzero(weights == 1)[-1]
            visible = tokenizer.decode(row[:-1][sees[last]])
            assert visible.count("Q: ") == 1 and visible.startswith(text.split("\nQ: ")[0])
            assert positions[last] == sees[last].sum() - 1


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(MODEL)


@pytest.fixture(scope="module")
def model() -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoModelForCausalLM.from_pretrained(MODEL).eval()


def test_tokenizer_cuts_names_alike_wherever_they_stand(tokenizer: Any, database: Path):
    prompt = compact_prompt(ENTRY, "Which first names do bakers in Ulm have?", database)
    answer = " SELECT fname, AVG(age) FROM baker WHERE town = 'Ulm' AND age > 25\n"
    together = tokenizer.encode(prompt + answer)
    assert together == tokenizer.encode(prompt) + tokenizer.encode(answer)
    assert tokenizer.decode(together) == prompt + answer
    assert [t for t in tokenizer.get_vocab() if "Ċ" in t] == ["Ċ"]
    listed, written_ = tokenizer.tokenize(prompt.split("Q:")[0]), tokenizer.tokenize(answer)
    for name in ("fname", "baker", "town", "age"):
        pieces = tokenizer.tokenize(f", {name}")[1:]
        for tokens in (listed, written_):
            joined = [tokens[i : i + len(pieces)] for i in range(len(tokens))]
            assert pieces in joined, (name, tokens)


def test_files_are_small_and_of_the_stated_shape(model: Any, tokenizer: Any):
    assert (MODEL / "model.safetensors").stat().st_size <= LIMIT_BYTES
    config = json.loads((MODEL / "config.json").read_text())
    training = json.loads((MODEL / "training.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"] and config["tie_word_embeddings"]
    assert config["vocab_size"] == len(tokenizer) == training["vocabulary"]
    assert config["hidden_size"] == training["width"]
    assert model.generation_config.top_k == 0
    card = (MODEL / "README.md").read_text()
    assert "CC BY-SA 4.0" in card and f"{model.num_parameters():,}" in card


def test_model_writes_queries_of_the_schema(model: Any, tokenizer: Any, database: Path):
    """Greedy answers to easy questions about a schema of this test's own.

    The bounds lie below what was seen; a model that broke in the export, or a tokenizer that no
    longer fits it, falls under them.
    """
    from domains.spider.training.evaluate import answers

    asked = {
        "How many bakers are there?": "SELECT COUNT(*) FROM baker",
        "How many cakes are there?": "SELECT COUNT(*) FROM cake",
        "List the towns of all bakers.": "SELECT town FROM baker",
        "What is the average age of all bakers?": "SELECT AVG(age) FROM baker",
        "What are the ages of bakers from Graz?": "SELECT age FROM baker WHERE town = 'Graz'",
        "Show the kind and weight of all cakes.": "SELECT kind, weight FROM cake",
    }
    prompts = [compact_prompt(ENTRY, question, database) for question in asked]
    found = answers(model, tokenizer, prompts, greedy=True)
    verdicts = [judge(database, g, a) for g, a in zip(asked.values(), found, strict=True)]
    assert sum(v.runs for v in verdicts) >= 4, found
    assert sum(v.correct for v in verdicts) >= 3, found


def test_particles_may_wait_for_each_other_at_the_ends_of_clauses():
    from smc.potential import Boundary

    assert VARIANTS["compact"].resample_at is None
    boundary = VARIANTS["by_clause"].resample_at
    assert isinstance(boundary, Boundary)
    state, fired = boundary.start(), 0
    for char in "SELECT a FROM t WHERE a = 1 ORDER BY a":
        state, fires = boundary.advance(state, char)
        fired += fires
    assert 2 <= fired <= 4


def test_full_smc_may_draw_until_its_potentials_accept():
    from smc import RejectionProposal

    assert VARIANTS["compact"].proposal is None
    assert VARIANTS["by_name"].proposal == RejectionProposal()
