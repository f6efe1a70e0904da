"""Bad input: one message, exit status 2, no traceback."""

import pytest

from smc.cli import loading
from smc.errors import SettingsError

BAD = [
    (["--model", "/no/such/model"], "model"),
    (["--particles", "0"], "num_particles"),
    (["--max-tokens", "0"], "max_tokens"),
    (["--ess-threshold", "1.5"], "ess_threshold"),
    (["--method", "magic"], "method"),
    (["--resampling", "magic"], "resampling"),
    (["--temperature", "0"], "temperature"),
    (["--stop", ""], "stop"),
    (["--prompt", "one two " * 99], "prompt"),
    (["--grammar", "/no/such/file.lark"], "--grammar /no/such/file.lark"),
    (["--regex", "("], "--regex '('"),
    (["--regex", r"(a)\1"], "--regex"),
    (["--json-schema", "/no/such/file.json"], "--json-schema"),
    (["--potential", "smc"], "module:Name"),
    (["--potential", "no_such_module:Name"], "no module named 'no_such_module'"),
    (["--potential", "smc.no_such:Name"], "no module named 'smc.no_such'"),
    (["--potential", "/no/file.py:Name"], "no file"),
    (["--potential", "potentials.molecule:Nothing"], "SMILESValidity"),
    (["--potential", "potentials.molecule:qed"], "expected a potential"),
    (["--potential", "pathlib:Path"], "no potential"),
]


@pytest.mark.parametrize(("argv", "said"), BAD, ids=[" ".join(a)[:40] for a, _ in BAD])
def test_bad_input_is_one_message_and_2(argv, said, model, run):
    given = ["generate", "--model", model, "--prompt", "x", "--max-tokens", "4", *argv]
    status, out, err = run(*given)
    assert (status, out) == (2, "")
    assert err.startswith("smc: error: ") and said in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "said"),
    [("Weighted", "without arguments"), ("not_one", "got 3"), ("Nan", "NaN"), ("Absent", "many_e")],
)
def test_bad_objects_in_a_file(name, said, model, mine, run):
    argv = ["generate", "--model", model, "--prompt", "x", "--potential", f"{mine}:{name}"]
    status, _, err = run(*argv)
    assert status == 2 and said.lower() in err.lower()


@pytest.mark.parametrize("source", ["import no_such_thing", "x = (", "1 / 0"])
def test_broken_file(source, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(source)
    with pytest.raises(SettingsError, match=r"importing the file raised \w+Error"):
        loading.potential(f"{path}:X")


@pytest.mark.parametrize("content", [b"start: (", b"\xff\xfe", b'start: "a" start'])
def test_bad_grammar_file(content, model, tmp_path, run):
    path = tmp_path / "bad.lark"
    path.write_bytes(content)
    argv = ["generate", "--model", model, "--prompt", "x", "--grammar", path]
    status, _, err = run(*argv)
    assert status == 2 and str(path) in err and "Traceback" not in err


@pytest.mark.parametrize("content", ["{", '{"type": "no such type"}', "[1]"])
def test_bad_schema_file(content, model, tmp_path, run):
    path = tmp_path / "bad.json"
    path.write_text(content)
    argv = ["generate", "--model", model, "--prompt", "x", "--json-schema", path]
    status, _, err = run(*argv)
    assert status == 2 and str(path) in err and "Traceback" not in err
