"""Bad input: one message, exit status 2, no traceback."""

import os
import socket
import subprocess
import sys

import pytest

from smc import references
from smc.cli.files import check_writable
from smc.errors import SettingsError

BAD = [
    (["--model", "/no/such/model"], "model"),
    (["--particles", "0"], "num_particles"),
    (["--max-tokens", "0"], "max_tokens"),
    (["--ess-threshold", "1.5"], "ess_threshold"),
    (["--method", "magic"], "method"),
    (["--resampling", "magic"], "resampling"),
    (["--temperature", "0"], "temperature"),
    (["--top-p", "2"], "top_p"),
    (["--dtype", "int8"], "dtype: got 'int8'"),
    (["--device", "cuda:97"], "device 'cuda:97' is not there"),
    (["--quantization", "awq"], "Names are vLLM's: backend='vllm'"),
    (["--quantization", "{"], "--quantization: got '{', which is no JSON"),
    (["--engine-args", "{}"], "engine_args: got {}, which the backend 'transformers' does not"),
    (["--backend", "vllm", "--device", "cpu"], "device: got 'cpu', which the backend 'vllm'"),
    (["--backend", "vllm", "--engine-args", '{"runner": "x"}'], "engine_args: 'runner' cannot"),
    (["--gguf-file", "no.gguf"], "no.gguf"),
    (["--stop", ""], "stop"),
    (["--stop", "a\udcff"], "--stop 'a\\udcff': 'utf-8' codec"),
    (["--particles", "99999999999999"], "not enough memory"),
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


@pytest.mark.parametrize("where", ["", "file/page.html"])
def test_a_page_that_cannot_be_written_is_told_before_the_work(where, model, tmp_path, run):
    (tmp_path / "file").write_text("")
    path = tmp_path / where
    commands = (
        ("--html", ["generate", "--model", model, "--prompt", "x", "--max-tokens", "2"]),
        ("--out", ["demo", "--prompts", "1", "--particles", "2", "--methods", "lm"]),
    )
    for option, command in commands:
        status, out, err = run(*command, option, path)
        assert (status, out) == (2, "")
        assert err.startswith(f"smc: error: {option} {path}: cannot be written")


def test_asking_whether_a_page_can_be_written_leaves_nothing(tmp_path):
    path = tmp_path / "new" / "page.html"
    check_writable(path, "--html")
    assert path.parent.exists() and not path.exists()
    path.write_text("kept")
    check_writable(path, "--html")
    assert path.read_text() == "kept"


def test_a_terminal_that_cannot_show_a_text_gets_escapes(model):
    program = "import sys; from smc.cli import main; sys.exit(main())"
    done = subprocess.run(
        [
            *(sys.executable, "-c", program, "generate", "--model", model, "--prompt", "x"),
            *("--max-tokens", "8", "--regex", "é", "--particles", "64"),
        ],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "\\xe9" in done.stdout


SERVE = [
    (["--port", "99999"], "--port 99999: cannot be listened at"),
    (["--host", "no.such.host.invalid"], "--host no.such.host.invalid"),
    (["--potential", "valid"], "NAME=module:Name"),
    (["--potential", "a=potentials.molecule:SMILESValidity"] * 2, "'a' is given twice"),
    (["--max-queue", "0"], "max_queue"),
    (["--max-prefill-tokens", "0"], "max_prefill_tokens"),
    (["--shutdown-seconds", "4"], "--shutdown-seconds: expected more than 4"),
    (["--shutdown-seconds", "nan"], "at most 86400, got nan"),
    (["--shutdown-seconds", "inf"], "at most 86400, got inf"),
    (["--served-model-name", "a", ""], "--served-model-name: got an empty one"),
    (["--api-key", ""], "--api-key: got an empty one"),
    (["--max-model-len", "1"], "--max-model-len: expected 2 or more"),
    (["--root-path", "models"], "--root-path models: expected one such as /models"),
    (["--allowed-origins", "[1]"], "--allowed-origins [1]: expected origins"),
    (["--ssl-keyfile", "/no/such/key"], "expected --ssl-certfile"),
    (["--ssl-certfile", "/no/such/file"], "--ssl-certfile /no/such/file: cannot be used"),
    (["--backend", "vllm", "--attn-implementation", "eager"], "attn_implementation: got 'eager'"),
]


@pytest.mark.parametrize(("argv", "said"), SERVE, ids=[" ".join(a)[:40] for a, _ in SERVE])
def test_a_server_that_cannot_start_says_why(argv, said, model, run):
    pytest.importorskip("fastapi", reason="needs the extra serve")
    status, out, err = run("serve", "--model", model, *argv)
    assert (status, out) == (2, "")
    assert err.startswith("smc: error: ") and said in err and len(err.splitlines()) == 1


def test_a_port_that_is_taken_is_told_before_the_model_is_read(run):
    pytest.importorskip("fastapi", reason="needs the extra serve")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, _, err = run("serve", "--model", "/no/such/model", "--port", port)
    assert status == 2 and f"--port {port}: cannot be listened at" in err


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
        references.find_potential(f"{path}:X")


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
