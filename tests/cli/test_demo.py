"""`smc demo`: its table and its page."""

import json
import re

import pytest

from smc import intervals
from smc.settings import METHODS


def test_bootstrap():
    found = intervals.bootstrap([0.0, 1.0] * 50)
    assert found.mean == 0.5
    # The standard error is 0.05: the interval is 0.5 ± 1.96 of it.
    assert abs(found.low - 0.402) < 0.02 and abs(found.high - 0.598) < 0.02
    assert intervals.bootstrap([0.0, 1.0] * 50) == found


def test_demo(tmp_path, run):
    out_file = tmp_path / "deep" / "demo.html"
    argv = [
        "demo",
        "--prompts",
        2,
        "--particles",
        4,
        "--methods",
        "lm,rerank,smc",
        "--out",
        out_file,
    ]
    status, out, err = run(*argv)
    assert status == 0, err
    assert "\x1b" not in out and f"page: {out_file}" in out
    rows = re.findall(
        r"^(lm|rerank|smc) +\d\.\d{3}  \d\.\d{3} to \d\.\d{3} +(\d\.\d{3})", out, re.M
    )
    assert [name for name, _ in rows] == ["lm", "rerank", "smc"]
    page = out_file.read_text(encoding="utf-8")
    assert re.search(r"https?:|src=|xmlns", page) is None
    assert page.count('class="smc-chart"') == 2 and "currentColor" in page


@pytest.mark.parametrize("domain", ["molecules", "goals", "arithmetic", "json", "sql"])
def test_every_domain_fits_a_terminal(tmp_path, run, domain):
    argv = ["demo", domain, "--prompts", 2, "--particles", 3, "--out", tmp_path / "demo.html"]
    status, out, err = run(*argv)
    assert status == 0, err
    assert re.findall(r"^(\w+) +\d\.\d{3} ", out, re.M) == list(METHODS)
    shown, page = out.split("\npage: ")
    assert max(map(len, shown.splitlines())) <= 80
    assert (tmp_path / "demo.html").stat().st_size > 10_000 and page.strip().endswith("demo.html")


def test_demo_is_the_same_again(tmp_path, run):
    argv = ["demo", "--prompts", 1, "--particles", 3, "--methods", "smc", "--seed", 5]

    def texts():
        run(*argv, "--out", tmp_path / "demo.html")
        page = (tmp_path / "demo.html").read_text(encoding="utf-8")
        return json.loads(re.search(r'application/json">(.*?)</script>', page, re.S)[1])

    assert texts() == texts()


@pytest.mark.parametrize(
    "argv", [["nowhere"], ["--methods", "magic"], ["--methods", ","], ["--prompts", "0"],
             ["--particles", "-1"]],
)  # fmt: skip
def test_bad_demo(argv, run):
    status, out, err = run("demo", *argv)
    assert (status, out) == (2, "") and err.startswith("smc: error: ")


def test_page_into_a_file_that_is_a_folder(tmp_path, run):
    argv = ["demo", "--prompts", 1, "--particles", 2, "--methods", "lm", "--out", tmp_path]
    status, _, err = run(*argv)
    assert status == 2 and str(tmp_path) in err
