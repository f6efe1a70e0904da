"""Pages that are made from the sources: reference, domains, strategies, results, notebooks.

Nothing is imported: names and docstrings are read by griffe, so that the site's environment needs
neither torch nor a model, and no words are copied by hand that could go stale. MkDocs calls the
two hooks at each build.
"""

from __future__ import annotations

import griffe
import site_sources  # pyright: ignore[reportMissingImports]
import site_texts  # pyright: ignore[reportMissingImports]
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from site_pages import ROOT, Pages  # pyright: ignore[reportMissingImports]

_FILES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}


def made() -> Pages:
    """Return all pages."""
    pages = Pages()
    sources = griffe.GriffeLoader(search_paths=[str(ROOT)])
    for package in ("smc", "potentials", "domains"):
        sources.load(package)
    sources.resolve_aliases()
    modules = sources.modules_collection
    site_sources.reference(pages, modules)
    site_sources.strategies(pages, modules)
    site_sources.domains(pages, modules)
    site_texts.results(pages)
    site_texts.guides(pages)
    site_texts.notebooks(pages)
    for path, source in _FILES.items():
        pages.write(path, (ROOT / source).read_text(encoding="utf-8"))
    return pages


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the pages, and put those of each folder into the navigation."""
    pages = config.extra["made"] = made()
    for entry in config.nav or []:
        ((title, place),) = entry.items()
        if isinstance(place, str) and place.endswith("/"):
            entry[title] = pages.navigation[place.rstrip("/")]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages to those of the folder."""
    for path, content in config.extra["made"].contents.items():
        files.append(File.generated(config, path, content=content))
    return files
