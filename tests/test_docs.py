"""The site: every block of Python runs, every command line is parsed, every page is reached."""

import re
import shlex

import pytest

from tests.documents import NOT_RUN, ROOT, blocks, cells, check_command, commands, execute, parses

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("how-to/*.md")])
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))
TEXTS = {str(page.relative_to(DOCS)): page.read_text(encoding="utf-8") for page in PAGES}


def with_blocks():
    """Pages that run by themselves; `tests/test_thirty_lines.py` runs the one that does not."""
    own = (name for name, text in TEXTS.items() if blocks(text, "python"))
    return [name for name in own if name != "thirty-lines.md"]


@pytest.mark.parametrize("name", with_blocks())
def test_the_blocks_of_a_page_run_in_order(name, monkeypatch, tmp_path):
    """From an empty folder, as a reader has it; the bundled models are all that is needed."""
    monkeypatch.chdir(tmp_path)
    execute(blocks(TEXTS[name], "python"), "page")


def test_the_domain_of_the_guide_runs_as_a_benchmark(monkeypatch, tmp_path, capsys):
    """Its first block, saved where the page says; the page's own commands."""
    from benchmarks.__main__ import main

    page = TEXTS["how-to/domain.md"]
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "sums.py").write_text(blocks(page, "python")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run, report = commands(page)
    assert main(shlex.split(run)[3:]) == 0
    capsys.readouterr()
    assert main(shlex.split(report)[3:]) == 0
    table = capsys.readouterr().out
    assert "embedded:arithmetic" in table and all(m in table for m in ("lcd", "is", "smc"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(notebook, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = cells(notebook)
    assert len(found) >= 4
    execute(found, "notebook")


def test_there_are_three_notebooks():
    assert len(NOTEBOOKS) >= 3


def test_what_is_not_run_is_of_others_and_is_python():
    found = [match for text in TEXTS.values() for match in NOT_RUN.findall(text)]
    assert found
    for why, code in found:
        package = re.search(r"^(?:from|import) (\w+)", code, re.MULTILINE)
        assert package is not None and package[1] not in ("smc", "potentials", "domains")
        assert "another package" in why and parses(code)


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if commands(text)])
def test_the_command_lines_parse(name):
    for line in commands(TEXTS[name]):
        check_command(line)


def test_every_strategy_names_its_source():
    """The page of a strategy is its docstring, and the overview shows the paper."""
    from smc.strategies import STRATEGIES

    for name, strategy in STRATEGIES.items():
        assert re.search(r"^ *Sources?: \S", strategy.__doc__ or "", re.MULTILINE), name


def test_every_page_is_in_the_navigation():
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    shown = site[site.index("\nnav:") :]
    for name in TEXTS:
        assert name in shown or name in site[: site.index("\nnav:")], name


def test_commands_of_others_are_not_passed_over():
    for line in ("smc generate --prompt x", "smc brew", "pip install 'smc-lm[tea]'", "rm -rf x"):
        with pytest.raises((SystemExit, AssertionError)):
            check_command(line)
