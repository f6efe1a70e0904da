"""Pages made from texts that stand elsewhere: results, guides of a README, notebooks."""

from __future__ import annotations

import json
import re

from site_pages import RESULTS, ROOT, Pages, without_links  # pyright: ignore[reportMissingImports]


def results(pages: Pages) -> None:
    """Make a page a committed table, and their list."""
    listed = [("Overview", "index.md"), ("micro", "micro.md")]
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
        listed.append((file.stem, file.name))
        pages.write(f"results/{file.name}", without_links(text))
    micro = (RESULTS / "micro" / "README.md").read_text(encoding="utf-8")
    pages.write("results/micro.md", without_links(micro))
    for picture in RESULTS.glob("*.png"):
        pages.contents[f"results/{picture.name}"] = picture.read_bytes()
    pages.write("results/index.md", "\n".join(index) + "\n")
    pages.summary("results", listed)


def guides(pages: Pages) -> None:
    """Write the guides that stand in a README of the sources, where the tests run what they say."""
    integrations = (ROOT / "smc" / "integrations" / "README.md").read_text(encoding="utf-8")
    serving = _section(integrations, "## A server")
    pages.write("how-to/serving.md", f"# Serve\n\n{without_links(serving)}")
    rest = _section(integrations, "# Inside other people's generators").replace(serving, "")
    rest = rest.replace("## A server\n", "").rpartition("## Many machines")[0]
    pages.write("how-to/inside.md", f"# Inside other people's generators\n\n{without_links(rest)}")
    benchmarks = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    machines = _section(benchmarks, "### Many workers, many machines")
    pages.write("how-to/machines.md", f"# Use many machines\n\n{without_links(machines)}")


def _section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    begin = text.index(heading + "\n") + len(heading) + 1
    after = re.compile(rf"^#{{1,{level}}} ", re.MULTILINE)
    fenced = re.sub(r"^```.*?^```", lambda m: " " * len(m[0]), text, flags=re.S | re.M)
    end = after.search(fenced, begin)
    return text[begin : end.start() if end else None]


def notebooks(pages: Pages) -> None:
    """Make a page a notebook, and their list."""
    listed = [("Overview", "index.md")]
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
        listed.append((title, f"{file.stem}.md"))
        index.append(f"- [{title}]({file.stem}.md)")
        pages.write(f"notebooks/{file.stem}.md", page + "\n")
    pages.write("notebooks/index.md", "\n".join(index) + "\n")
    pages.summary("notebooks", listed)
