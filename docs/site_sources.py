"""Pages made from docstrings, which griffe reads: the reference, strategies, domains."""

from __future__ import annotations

import ast
import re
from typing import Any

from site_pages import RESULTS, ROOT, Pages, without_links  # pyright: ignore[reportMissingImports]

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

_RESULTS = {
    "arithmetic": "strategies",
    "countdown": "countdown",
    "ds1000": "ds1000",
    "gdb17": "gdb17",
    "planetarium": "planetarium",
    "reasoning": "inference-time",
    "spider": "spider",
}
"""How the files of a domain's results begin."""


def reference(pages: Pages, modules: Any) -> None:
    """Make the reference: a page a public module."""
    index = ["# Reference", "", "| module | what |", "| --- | --- |"]
    listed = [("Overview", "index.md")]
    exported = {name: _exports(modules[name]) for name in REFERENCE}
    # What two modules give away is described once, in the narrower of them, and linked from both.
    owners = {home: f"strategies/{name}" for name, home in _strategy_homes(modules).items()}
    for name in sorted(REFERENCE, key=lambda n: -n.count(".")):
        for home in exported[name].values():
            owners.setdefault(home, name)
    for name, what in REFERENCE.items():
        index.append(f"| [`{name}`]({name}.md) | {what} |")
        listed.append((name, f"{name}.md"))
        docstring = modules[name].docstring
        parts = [f"# `{name}`", "", _examples(docstring.value) if docstring else "", ""]
        elsewhere = {e: home for e, home in exported[name].items() if owners[home] != name}
        if elsewhere:
            links = ", ".join(f"[`{export}`][{home}]" for export, home in elsewhere.items())
            parts += [f"Described on pages of their own: {links}.", ""]
        for export, home in exported[name].items():
            if export not in elsewhere:
                parts += [f"::: {home}", "    options:", "      heading_level: 2", ""]
        pages.write(f"reference/{name}.md", "\n".join(parts))
    pages.write("reference/index.md", "\n".join(index) + "\n")
    pages.summary("reference", listed)


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


def strategies(pages: Pages, modules: Any) -> None:
    """Make a page a strategy, and their table with sources."""
    listed = [("Overview", "index.md")]
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
        listed.append((name, f"{name}.md"))
        module = modules[home.rpartition(".")[0]]
        pages.write(
            f"strategies/{name}.md",
            f"# `{name}`\n\n{_first_line(module)}\n\n::: {home}\n    options:\n"
            "      heading_level: 2\n",
        )
    pages.write("strategies/index.md", "\n".join(index) + "\n")
    pages.summary("strategies", listed)


def domains(pages: Pages, modules: Any) -> None:
    """Make a page a domain: its task, results and bundled model."""
    listed = [("Overview", "index.md")]
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
        listed.append((name, f"{name}.md"))
        parts = [f"# `{name}`", "", package.docstring.value, ""]
        for member in task.members.values():
            if _ours(member, task.path) and member.is_class and member.name.endswith("Task"):
                parts += [f"::: {member.path}", "    options:", "      heading_level: 2", ""]
        parts += _domain_results(name)
        if embedded:
            card = (folder / "model" / "README.md").read_text(encoding="utf-8")
            card = re.sub(r"\A---.*?---\n", "", card, flags=re.DOTALL)
            card = re.sub(r"^(#+) ", r"#\1 ", card, flags=re.MULTILINE)
            parts += ["## The bundled model", "", without_links(card)]
        pages.write(f"domains/{name}.md", "\n".join(parts))
    pages.write("domains/index.md", "\n".join(index) + "\n")
    pages.summary("domains", listed)


def _domain_results(name: str) -> list[str]:
    start = _RESULTS.get(name)
    files = sorted(RESULTS.glob(f"{start}*.md")) if start else []
    links = [f"- [{file.stem}](../results/{file.name})" for file in files]
    return ["## Results", "", *links, ""] if links else []


def _first_line(item: Any) -> str:
    return item.docstring.value.split("\n")[0] if item.docstring else ""
