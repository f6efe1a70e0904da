"""Importing the packages is cheap, and what they announce is there."""

import importlib
import pkgutil
import subprocess
import sys

import grimp
import networkx
import pytest

HEAVY = {
    "lark",
    "llguidance",
    "matplotlib",
    "partialsmiles",
    "rdkit",
    "sqlglot",
    "torch",
    "transformers",
    "vllm",
}
# Packages that only an extra brings: a module that needs one may fail to import without it.
OPTIONAL = {"fastapi", "openai", "prometheus_client", "sqlglot", "uvicorn", "vllm"}
PACKAGES = ("smc", "potentials")


def modules_of(package: str) -> list[str]:
    found = importlib.import_module(package)
    walked = pkgutil.walk_packages(found.__path__, package + ".", onerror=lambda _: None)
    return [package, *(info.name for info in walked if not info.name.endswith("__main__"))]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in ``sys.modules`` of a fresh interpreter after the statement."""
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("package", PACKAGES)
def test_import_loads_no_heavy_package(package):
    assert loaded_by(f"import {package}") & HEAVY == set()


def test_loaded_by_sees_a_heavy_package():
    assert "lark" in loaded_by("import lark")


def test_vllm_backend_leaves_transformers_and_triton_for_later():
    """Which vLLM's own process sets up first."""
    assert not loaded_by("import smc.backends.vllm") & {"transformers", "triton"}


@pytest.mark.parametrize("name", [name for package in PACKAGES for name in modules_of(package)])
def test_announced_names_exist(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in OPTIONAL:
            raise
        pytest.skip(f"{name} needs {error.name}, which an extra brings")
    announced = getattr(module, "__all__", [])
    assert len(announced) == len(set(announced)), "a name stands twice in __all__"
    for attribute in announced:
        assert hasattr(module, attribute), f"{name}.__all__ names {attribute!r}, which is missing"


def test_no_circle_of_imports_but_the_posterior_and_its_pages():
    """Lazy imports count; those for the type checker alone do not."""
    graph = grimp.build_graph(
        "smc", "potentials", "domains", "benchmarks", exclude_type_checking_imports=True
    )
    imports = networkx.DiGraph(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )
    circles = [c for c in networkx.strongly_connected_components(imports) if len(c) > 1]
    assert len(circles) == 1
    assert {name for name in circles[0] if not name.startswith("smc.pages")} == {"smc.posterior"}
