"""`smc generate`: what it prints, where it writes, and how it ends."""

import io
import json
import re
import sys

import pytest

import smc
from potentials import Regex
from smc import references
from smc.cli import generate


def test_generate_prints_the_posterior(model, run):
    argv = [
        "generate",
        "--model",
        model,
        "--prompt",
        "one two",
        "--regex",
        "[a-z]{1,3}",
        "--seed",
        3,
    ]
    status, out, err = run(*argv, "--max-tokens", 8, "--device", "cpu")
    assert status == 0, err
    assert "status: complete" in out and "\x1b" not in out
    lines = out.split("\n\n")[0].splitlines()
    assert lines[0].split() == ["probability", "text"]
    pairs = [line.split(maxsplit=1) for line in lines[1:]]
    assert all(re.fullmatch("[a-z]{1,3}", text) for _, text in pairs)
    assert sum(float(p) for p, _ in pairs) == pytest.approx(1, abs=1e-3)
    assert run(*argv, "--max-tokens", 8, "--device", "cpu")[1] == out


def test_generate_is_what_python_gives(model, run):
    _, out, _ = run(
        "generate", "--model", model, "--prompt", "one", "--regex", "[a-z]{1,3}", "--json",
        "--particles", 7, "--max-tokens", 6, "--resampling", "residual", "--ess-threshold", 0.9,
        "--temperature", 1.5, "--seed", 11, "--device", "cpu", "--stop", "\\n",
    )  # fmt: skip
    own = smc.sample(
        smc.load(model, device="cpu", temperature=1.5), "one", [Regex("[a-z]{1,3}")],
        num_particles=7, max_tokens=6, resampling="residual", ess_threshold=0.9, seed=11,
        stop=("\n",),
    )  # fmt: skip
    record = json.loads(out)
    assert record["probabilities"] == pytest.approx(own.probabilities())
    assert record["log_evidence"] == pytest.approx(own.log_evidence)
    assert record["status"] == "complete"
    again = smc.Posterior.from_json(out)
    assert again.sequences == own.sequences and len(again.history) == len(own.history)


def test_generate_takes_files(model, mine, tmp_path, run):
    grammar, schema = tmp_path / "g.lark", tmp_path / "s.json"
    grammar.write_text('start: ("a" | "e")+')
    schema.write_text('{"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2}')
    page = tmp_path / "new" / "page.html"
    common = ["generate", "--model", model, "--prompt", "x", "--max-tokens", 12]
    status, out, _ = run(
        *common, "--grammar", grammar, "--potential", f"{mine}:many_e", "--html", page
    )
    assert status == 0 and re.search(r"\d  [ae]+$", out, re.M)
    assert f"page: {page}" in out and "smc-chart" in page.read_text(encoding="utf-8")
    status, out, err = run(*common, "--json-schema", schema, "--json")
    assert status == 0, err
    assert all(set(json.loads(text)) <= {1, 2} for text in json.loads(out)["probabilities"])


def test_chat_needs_a_template(model, run):
    status, _, err = run("generate", "--model", model, "--prompt", "hi", "--chat")
    assert status == 2 and "template" in err


def test_prompt_from_standard_input(model, run, monkeypatch):
    common = ["generate", "--model", model, "--max-tokens", 4, "--json", "--prompt"]
    direct = json.loads(run(*common, "one two")[1])
    monkeypatch.setattr(sys, "stdin", io.StringIO("one two"))
    piped = json.loads(run(*common, "-")[1])
    assert piped["sequences"] == direct["sequences"]


def test_extinct_ends_with_3_and_the_reason(model, mine, run):
    argv = ["generate", "--model", model, "--prompt", "x", "--potential", f"{mine}:Short"]
    status, out, err = run(*argv)
    assert (status, err) == (3, "")
    assert "status: extinct" in out and "reason: Short gave weight zero to" in out
    status, out, _ = run(*argv, "--json")
    record = json.loads(out)
    assert status == 3 and record["status"] == "extinct" and record["log_evidence"] is None
    assert record["reason"].startswith("Short")


def test_a_text_that_was_cut_is_told(model, run):
    argv = ["generate", "--model", model, "--prompt", "x", "--regex", "[a-z]*", "--max-tokens", 2]
    status, out, err = run(*argv)
    assert status == 0, err
    assert "of the weight has texts that were cut at max_tokens=2" in out and "(cut)" in out
    record = json.loads(run(*argv, "--json")[1])
    assert 0 < record["truncated_share"] == pytest.approx(sum(record["truncated"].values()))
    assert record["settings"]["at_max_tokens"] == "cut"
    status, out, _ = run(*argv, "--at-max-tokens", "end")
    assert status == 0 and "cut" not in out
    assert run(*argv, "--at-max-tokens", "forced")[0] == 2


def test_extinction_is_tried_again_and_explained(model, mine, run):
    argv = ["generate", "--model", model, "--prompt", "x", "--potential", f"{mine}:Short"]
    status, out, _ = run(*argv, "--max-tokens", 9, "--particles", 2, "--retries", 2)
    assert status == 3 and "tried again, with particles: 1 → 2 → 4; 1 → 2 → 4" in out
    assert "of Short" not in out and re.search(r"^ *\d+  Short  ", out, re.M)
    assert "what may help: " in out and "check_potential" in out
    assert run(*argv, "--retries", -1)[0] == 2


def test_potentials_by_name(mine, monkeypatch, tmp_path):
    made = references.find_potential(f"{mine}:Short")
    assert type(made).__name__ == "Short"
    assert references.find_potential(f"{mine}:many_e") is references.find_potential(
        f"{mine}:many_e"
    )
    assert references.find_potential("potentials.molecule:SMILESValidity").complete("CCO") == 0.0
    monkeypatch.chdir(tmp_path)
    assert references.find_potential("mine:many_e").weight == 2.0


@pytest.mark.parametrize(
    ("given", "meant"),
    [(r"\n", "\n"), (r"\\n", r"\n"), (r"a\tb", "a\tb"), ("\n", "\n"), (r"\d", r"\d"), ("\\", "\\")],
)
def test_unescape(given, meant):
    assert generate.unescape(given) == meant
