"""The distribution: what the wheel holds, what its page says, and what extras are for."""

import importlib.util
import os
import pickle
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import smc
from smc.backends.embedded import EMBEDDED, place_of
from smc.extras import EXTRAS, Needed, require

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("needs hatchling, which the extra dev brings")
    out = tmp_path_factory.mktemp("wheel")
    code = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_the_wheel_holds_three_packages_and_the_models(names):
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"smc", "potentials", "domains"}
    for folder in EMBEDDED.values():
        for file in ("config.json", "model.safetensors", "tokenizer.json", "README.md"):
            assert f"{folder}/{file}" in names
    for file in ("smc/py.typed", "potentials/py.typed", "potentials/smiles.lark",
                 "smc/pages/page.css", "smc/pages/page.js"):  # fmt: skip
        assert file in names


def test_the_wheel_holds_every_file_that_the_checkout_has(names):
    """Whatever git knows of the three packages is there, so nothing is read that is not shipped."""
    listed = subprocess.run(
        ["git", "ls-files", "smc", "potentials", "domains"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("no checkout of git")
    assert set(listed.stdout.split()) - names == set()


def test_the_page_of_the_distribution(wheel, names):
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as opened:
        page = message_from_string(opened.read(metadata).decode())
    assert page["Name"] == "smc-lm" and page["Description-Content-Type"] == "text/markdown"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert str(page.get_payload()).strip() == readme.strip()
    assert any("arxiv.org" in url for url in page.get_all("Project-URL", []))
    assert len(page.get_all("Classifier", [])) >= 8
    assert {"all", "molecules", "sql", "serve"} <= set(page.get_all("Provides-Extra", []))


def test_the_plain_installation_is_small():
    plain = {requirement_name(r) for r in PROJECT["dependencies"]}
    assert not plain & {"rdkit", "partialsmiles", "sqlglot", "fastapi", "matplotlib"}
    assert {"torch", "transformers", "lark", "llguidance", "pydantic"} <= plain


def test_extras_that_messages_name_bring_what_they_say():
    extras = PROJECT["optional-dependencies"]
    spelled = {"prometheus_client": "prometheus-client", "math_verify": "math-verify"}
    for package, extra in EXTRAS.items():
        assert spelled.get(package, package) in {requirement_name(r) for r in extras[extra]}


def requirement_name(requirement):
    return requirement.split(";")[0].split(">")[0].split("<")[0].split("=")[0].split("[")[0].strip()


def test_each_bound_has_a_constraint_to_test_it():
    def read(name):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        pairs = (line.split("==") for line in lines if "==" in line)
        return {a.lower().replace("_", "-"): b for a, b in pairs}

    oldest, newest = read("constraints-oldest.txt"), read("constraints-newest.txt")
    held = read("constraints.txt") | newest
    extras = PROJECT["optional-dependencies"]
    for requirement in [
        *PROJECT["dependencies"],
        *extras["molecules"],
        *extras["serve"],
        *extras["sql"],
    ]:
        name = requirement_name(requirement).lower()
        low = requirement.split(">=")[1].split(",")[0]
        assert numbers(oldest[name])[: len(numbers(low))] == numbers(low), name
        if "<" in requirement:
            assert numbers(held[name]) < numbers(requirement.split("<")[1]), name


def numbers(version):
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def test_every_model_in_the_tree_has_a_name():
    found = {p.parent for p in (ROOT / "domains").glob("*/*/model.safetensors")}
    assert {ROOT / folder for folder in EMBEDDED.values()} == found


def test_models_load_by_name():
    model = smc.load("embedded:arithmetic")
    assert model.name == "embedded:arithmetic" and "embedded:arithmetic" in repr(model)
    posterior = smc.sample(model, "1", num_particles=2, max_tokens=3)
    assert posterior.model == "embedded:arithmetic"
    assert place_of("gpt2") == "gpt2" and place_of("embedded:sql") == smc.embedded("sql")


def test_judges_load_by_name():
    from potentials.reward_model import load_reward_model

    reward = load_reward_model("embedded:arithmetic-judge", "math-shepherd")
    assert reward is not None


@pytest.mark.parametrize("load", [smc.load, lambda name: smc.load(name, backend="transformers")])
def test_an_unknown_name_lists_the_known_ones(load):
    with pytest.raises(smc.ModelError) as error:
        load("embedded:poems")
    for name in EMBEDDED:
        assert f"embedded:{name}" in str(error.value)


def test_incomplete_installations_are_told(monkeypatch, tmp_path):
    from smc.backends import embedded

    monkeypatch.setattr(embedded, "_BESIDE", tmp_path)
    with pytest.raises(smc.ModelError, match="install the wheel of smc-lm again"):
        smc.load("embedded:sql")


def python(code, *, path=(), cwd=None, **environment):
    paths = os.pathsep.join([*map(str, path), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
    )


# An interpreter that has none of a list of packages, as after `pip install smc-lm`.
WITHOUT = """
import sys
for name in {names}:
    sys.modules[name] = None
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hide())
import importlib.util as u
find = u.find_spec
u.find_spec = lambda name, package=None: None if name in {names} else find(name, package)
"""


@pytest.mark.parametrize(
    ("use", "extra"),
    [
        ("from potentials.molecule import SMILESValidity; SMILESValidity()", "molecules"),
        ("from potentials.molecule import qed; qed(weight=1.0)", "molecules"),
        ("from potentials.molecule import parse; parse('CC')", "molecules"),
        ("from potentials.sql import SQLScope", "sql"),
        ("from potentials.sql.scope import SQLScope", "sql"),
        ("from smc.cli.demo_domain import find_domain; find_domain('molecules')", "molecules"),
        ("from smc.cli.demo_domain import find_domain; find_domain('sql')", "sql"),
    ],
)
def test_a_missing_package_names_its_extra(use, extra):
    names = ["rdkit", "partialsmiles", "sqlglot"]
    done = python(WITHOUT.format(names=names) + use)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and "MissingExtraError" in last
    assert f"pip install 'smc-lm[{extra}]'" in last and "smc-lm[all]" in last


def test_the_plain_installation_does_what_needs_no_extra(tmp_path):
    """Grammars, schemas, output types, a model and the demo, without any package of an extra."""
    code = WITHOUT.format(names=sorted(EXTRAS)) + (
        "import smc\n"
        "from potentials import Choice, Grammar, JSONSchema, Regex\n"
        "from potentials.molecule import smiles_grammar\n"
        "model = smc.load('embedded:molecules')\n"
        "p = smc.sample(model, 'Molecule:', [Grammar(smiles_grammar())], stop=('\\n',))\n"
        "print(p.best)\n"
        "print(smc.generate(model, 'Molecule:', list[int], max_tokens=8).value)\n"
        "from smc.cli import main\n"
        "print(main(['demo', '--prompts', '2', '--methods', 'lm,smc']))\n"
    )
    done = python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Planning goals" in done.stdout and (tmp_path / "out" / "demo.html").is_file()
    assert done.stdout.strip().splitlines()[-1] == "0"


def test_needed_lets_other_errors_pass():
    with pytest.raises(ModuleNotFoundError, match="no_such_module") as error, Needed("nobody"):
        import no_such_module  # noqa: F401  # pyright: ignore[reportMissingImports]
    assert not isinstance(error.value, smc.SMCError)
    require("nobody", "sqlglot")


def test_the_error_can_cross_processes():
    error = smc.MissingExtraError("what and how", "rdkit")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.name) == ("what and how", "rdkit") and isinstance(copy, ImportError)


def package(folder, name, text='"""Another one."""\n'):
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(text)
    return folder


@pytest.mark.parametrize("kind", ["package", "namespace"])
def test_another_package_called_potentials(tmp_path, kind):
    """`import smc` says so, and the engine works."""
    package(tmp_path, "potentials")
    use = "import smc; m = smc.TableModel.constant({'a': .5}, eos=.5); print(smc.sample(m, ''))"
    if kind == "package":
        done = python(use, path=[tmp_path], cwd=tmp_path)
        assert done.returncode == 0 and "Posterior(complete)" in done.stdout
        assert "UserWarning: smc: expected `potentials`" in done.stderr
        assert str(tmp_path / "potentials") in done.stderr and "another name" in done.stderr
    else:  # a plain folder before ours: the package wins, and nothing is said
        (tmp_path / "potentials" / "__init__.py").unlink()
        done = python(use + "; from potentials import Regex", path=[tmp_path], cwd=tmp_path)
        assert done.returncode == 0 and done.stderr == ""


def test_a_package_that_overwrote_ours(tmp_path):
    """Two distributions in one folder: the last one installed has its `__init__.py` there."""
    (tmp_path / "smc").symlink_to(ROOT / "smc")
    package(tmp_path, "potentials")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import smc"
    done = python(code)
    assert done.returncode == 0 and "expected `potentials`" in done.stderr


def test_another_package_called_domains(tmp_path):
    """Nothing is said before the demo needs ours; then what it finds, and what to do."""
    package(tmp_path, "domains")
    demo = "from smc.cli import main; sys.exit(main(['demo', 'goals']))"
    done = python(f"import sys, smc; {demo}", path=[tmp_path], cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "smc: error: demo: expected `domains`" in done.stderr
    assert str(tmp_path / "domains") in done.stderr


def test_ours_are_ours():
    done = python("import smc, potentials, domains")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_an_installed_wheel_works_outside_the_checkout(wheel, tmp_path):
    """Installed beside what this environment has; the README's blocks run from an empty folder."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)
    blocks = (
        "import re, smc, potentials, domains, pathlib\n"
        f"assert smc.__file__.startswith({str(site)!r}), smc.__file__\n"
        "space = {}\n"
        f"text = pathlib.Path({str(ROOT / 'README.md')!r}).read_text(encoding='utf-8')\n"
        "for block in re.findall(r'^```python\\n(.*?)^```', text, re.S | re.M):\n"
        "    exec(compile(block, 'README.md', 'exec'), space)\n"
        "from smc.cli import main\n"
        "print(main(['demo', '--prompts', '1', '--methods', 'smc']))\n"
    )
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", blocks],
        cwd=tmp_path / "empty",
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "0"
