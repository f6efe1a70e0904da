"""Pages that are made from the sources: reference, domains, strategies, results, notebooks.

Nothing is imported: names and docstrings are read by griffe, so that the site's environment needs
neither torch nor a model, and no words are copied by hand that could go stale. MkDocs calls the
two hooks at the end at each build.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"

REFERENCE = {
    "smc": "the engine: models, sampling, potentials, posteriors",
    "smc.retries": "trying again where all died",
    "smc.steps": "text in steps",
    "smc.steps.openai": "endpoints that give text",
    "smc.strategies": "inference-time scaling",
    "smc.integrations.transformers": "inside `generate` of transformers",
    "potentials": "grammars, schemas, patterns, types, programs",
    "potentials.boundaries": "where a potential is asked",
    "potentials.language_model": "language models as potentials",
    "potentials.marks": "constraints on parts of a text",
    "potentials.molecule": "molecules",
    "potentials.pddl": "planning",
    "potentials.reward_model": "reward models",
    "potentials.sql": "text to SQL",
    "potentials.tempered": "letting a harsh potential in by and by",
    "domains.base": "tasks of the benchmarks",
}
"""Modules of the public interface, and what each is about."""

_MODELS = {"gdb17": "molecules", "planetarium": "goals", "spider": "sql"}
_RESULTS = {
    "arithmetic": "strategies",
    "ds1000": "ds1000",
    "gdb17": "gdb17",
    "planetarium": "planetarium",
    "spider": "spider",
}
"""How the files of a domain's results begin."""


_pages: dict[str, str | bytes] = {}
"""Text, or the bytes of a picture, by path in the site; filled anew at each build."""

_navigation: dict[str, list[Any]] = {}
"""What stands under each folder, in order."""


def made() -> dict[str, str | bytes]:
    """Return all pages, by their path."""
    _pages.clear()
    _navigation.clear()
    sources = griffe.GriffeLoader(search_paths=[str(ROOT)])
    for package in ("smc", "potentials", "domains"):
        sources.load(package)
    sources.resolve_aliases()
    modules = sources.modules_collection
    _reference(modules)
    _strategies(modules)
    _results()
    _domains(modules)
    _notebooks()
    _guides()
    _file("changelog.md", "CHANGELOG.md")
    _file("contributing.md", "CONTRIBUTING.md")
    return _pages


def write(path: str, text: str) -> None:
    """Keep a page."""
    _pages[path] = text


def _file(path: str, source: str) -> None:
    write(path, (ROOT / source).read_text(encoding="utf-8"))


def _summary(folder: str, pages: Iterable[tuple[str, str]]) -> None:
    """Keep the navigation of a folder: titles and files."""
    _navigation[folder] = [{title: f"{folder}/{file}"} for title, file in pages]


def _first_line(item: Any) -> str:
    return item.docstring.value.split("\n")[0] if item.docstring else ""


def _reference(modules: Any) -> None:
    index = ["# Reference", "", "| module | what |", "| --- | --- |"]
    pages = [("Overview", "index.md")]
    exported = {name: _exports(modules[name]) for name in REFERENCE}
    # What two modules give away is described once, in the narrower of them, and linked from both.
    owners = {home: f"strategies/{name}" for name, home in _strategy_homes(modules).items()}
    for name in sorted(REFERENCE, key=lambda n: -n.count(".")):
        for home in exported[name].values():
            owners.setdefault(home, name)
    for name, what in REFERENCE.items():
        index.append(f"| [`{name}`]({name}.md) | {what} |")
        pages.append((name, f"{name}.md"))
        docstring = modules[name].docstring
        parts = [f"# `{name}`", "", _examples(docstring.value) if docstring else "", ""]
        elsewhere = {e: home for e, home in exported[name].items() if owners[home] != name}
        if elsewhere:
            links = ", ".join(f"[`{export}`][{home}]" for export, home in elsewhere.items())
            parts += [f"Described on pages of their own: {links}.", ""]
        for export, home in exported[name].items():
            if export not in elsewhere:
                parts += [f"::: {home}", "    options:", "      heading_level: 2", ""]
        write(f"reference/{name}.md", "\n".join(parts))
    write("reference/index.md", "\n".join(index) + "\n")
    _summary("reference", pages)


def _exports(module: Any) -> dict[str, str]:
    """Return where each public name of a module is defined."""
    names = module.exports
    if names is None:
        names = [k for k, m in module.members.items() if _ours(m, module.path)]
    members = ((str(n), module.members.get(str(n))) for n in names if not str(n).startswith("__"))
    return {name: _home(member) for name, member in members if member is not None}


def _examples(docstring: str) -> str:
    """Return a docstring whose doctests stand in fenced blocks."""
    return re.sub(
        r"(?m)(?:^>>> .*(?:\n(?!\n).*)*)", lambda m: f"```pycon\n{m[0].strip()}\n```", docstring
    )


def _home(member: Any) -> str:
    """Return where a public name is defined; a function may be called as its module is."""
    if member.is_alias:
        return member.target_path
    same = member.members.get(member.name) if member.is_module else None
    return member.path if same is None else same.path


def _ours(member: Any, module: str) -> bool:
    public = not member.name.startswith("_") and not member.is_alias
    return public and (member.is_function or member.is_class)


def _catalogue() -> list[str]:
    """Names of the strategies, as `smc/strategies/catalogue.py` has them."""
    tree = ast.parse((ROOT / "smc/strategies/catalogue.py").read_text(encoding="utf-8"))
    (table,) = (node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    return [key.value for key in table.keys if isinstance(key, ast.Constant)]  # pyright: ignore


def _strategy_homes(modules: Any) -> dict[str, str]:
    members = modules["smc.strategies"].members
    return {name: _home(members[name]) for name in _catalogue()}


def _strategies(modules: Any) -> None:
    pages = [("Overview", "index.md")]
    index = [
        "# Strategies",
        "",
        "All are called alike: `strategy(model, prompt, scorer, num_solutions=N, options=…)`, on",
        "text in steps, with a scorer of steps, and return a `StrategyResult` with what they cost.",
        "[What they buy](../results/strategies.md) was measured at equal cost.",
        "",
        "| strategy | what | source |",
        "| --- | --- | --- |",
    ]
    for name, home in _strategy_homes(modules).items():
        function = modules[home]
        docstring = function.docstring.value if function.docstring else ""
        found = re.search(r"Sources?:\s*(.*?)(?:\n\n|$)", docstring, re.DOTALL)
        source = " ".join(found[1].split()) if found else ""
        index.append(f"| [`{name}`]({name}.md) | {_first_line(function)} | {source} |")
        pages.append((name, f"{name}.md"))
        module = modules[home.rpartition(".")[0]]
        write(
            f"strategies/{name}.md",
            f"# `{name}`\n\n{_first_line(module)}\n\n::: {home}\n    options:\n"
            "      heading_level: 2\n",
        )
    write("strategies/index.md", "\n".join(index) + "\n")
    _summary("strategies", pages)


def _domains(modules: Any) -> None:
    pages = [("Overview", "index.md")]
    index = ["# Domains", "", "| domain | what | bundled model |", "| --- | --- | --- |"]
    for folder in sorted((ROOT / "domains").iterdir()):
        name = folder.name
        if not (folder / "task.py").is_file():
            continue
        package, task = modules[f"domains.{name}"], modules[f"domains.{name}.task"]
        embedded = (folder / "model" / "config.json").is_file()
        index.append(
            f"| [`{name}`]({name}.md) | {_first_line(package)} | {'yes' if embedded else ''} |"
        )
        pages.append((name, f"{name}.md"))
        parts = [f"# `{name}`", "", package.docstring.value, ""]
        for member in task.members.values():
            if _ours(member, task.path) and member.is_class and member.name.endswith("Task"):
                parts += [f"::: {member.path}", "    options:", "      heading_level: 2", ""]
        parts += _domain_results(name)
        if embedded:
            card = (folder / "model" / "README.md").read_text(encoding="utf-8")
            card = re.sub(r"\A---.*?---\n", "", card, flags=re.DOTALL)
            card = re.sub(r"^(#+) ", r"#\1 ", card, flags=re.MULTILINE)
            parts += ["## The bundled model", "", _without_links(card)]
        write(f"domains/{name}.md", "\n".join(parts))
    write("domains/index.md", "\n".join(index) + "\n")
    _summary("domains", pages)


def _domain_results(name: str) -> list[str]:
    start = _RESULTS.get(name)
    files = sorted(RESULTS.glob(f"{start}*.md")) if start else []
    links = [f"- [{file.stem}](../results/{file.name})" for file in files]
    return ["## Results", "", *links, ""] if links else []


def _results() -> None:
    pages = [("Overview", "index.md"), ("micro", "micro.md")]
    index = [
        "# Results",
        "",
        "The committed tables of `benchmarks/results`, each with its command, commit, machine and",
        "date. [Speed](micro.md) was measured beside its peers, in the same runs.",
        "",
        "| table | of |",
        "| --- | --- |",
        "| [micro](micro.md) | speed beside peers |",
    ]
    for file in sorted(RESULTS.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        title = text.split("\n")[0].lstrip("# ")
        index.append(f"| [{file.stem}]({file.name}) | {title} |")
        pages.append((file.stem, file.name))
        write(f"results/{file.name}", _without_links(text))
    micro = (RESULTS / "micro" / "README.md").read_text(encoding="utf-8")
    write("results/micro.md", _without_links(micro))
    for picture in RESULTS.glob("*.png"):
        _pages[f"results/{picture.name}"] = picture.read_bytes()
    write("results/index.md", "\n".join(index) + "\n")
    _summary("results", pages)


def _without_links(text: str) -> str:
    """Return Markdown whose links to files that are no pages are their words alone."""
    return re.sub(r"(?<!!)\[([^\]\n]+)\]\((?!https?:|#)(?![\w-]+\.md\))[^)\n]+\)", r"\1", text)


def _guides() -> None:
    """Write the guides that stand in a README of the sources, where the tests run what they say."""
    integrations = (ROOT / "smc" / "integrations" / "README.md").read_text(encoding="utf-8")
    serving = _section(integrations, "## A server")
    write("how-to/serving.md", f"# Serve\n\n{_without_links(serving)}")
    rest = _section(integrations, "# Inside other people's generators").replace(serving, "")
    rest = rest.replace("## A server\n", "").rpartition("## Many machines")[0]
    write("how-to/inside.md", f"# Inside other people's generators\n\n{_without_links(rest)}")
    benchmarks = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    machines = _section(benchmarks, "### Many workers, many machines")
    write("how-to/machines.md", f"# Use many machines\n\n{_without_links(machines)}")


def _section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    begin = text.index(heading + "\n") + len(heading) + 1
    after = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE)
    fenced = re.sub(r"^```.*?^```", lambda m: " " * len(m[0]), text, flags=re.S | re.M)
    end = after.search(fenced, begin)
    return text[begin : end.start() if end else None]


def _notebooks() -> None:
    pages = [("Overview", "index.md")]
    index = [
        "# Notebooks",
        "",
        "Executed by the tests. The files are in `docs/notebooks` of the checkout.",
        "",
    ]
    for file in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        page = "\n\n".join(
            "".join(cell["source"])
            if cell["cell_type"] == "markdown"
            else f"```python\n{''.join(cell['source'])}\n```"
            for cell in cells
        )
        title = page.split("\n")[0].lstrip("# ")
        pages.append((title, f"{file.stem}.md"))
        index.append(f"- [{title}]({file.stem}.md)")
        write(f"notebooks/{file.stem}.md", page + "\n")
    write("notebooks/index.md", "\n".join(index) + "\n")
    _summary("notebooks", pages)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the pages, and put those of each folder into the navigation."""
    made()
    for entry in config.nav or []:
        ((title, place),) = entry.items()
        if isinstance(place, str) and place.endswith("/"):
            entry[title] = _navigation[place.rstrip("/")]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those of the folder."""
    for path, content in _pages.items():
        files.append(File.generated(config, path, content=content))
    return files
