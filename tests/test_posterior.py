"""What a posterior tells of itself: groups of texts, a summary, a table, a figure, a page."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

import smc
from smc.posterior import Posterior, Step, TextSequence


def made(*texts: str, weights: tuple[float, ...] | None = None, **changes) -> Posterior:
    with np.errstate(divide="ignore"):
        log_weights = np.log(np.array(weights or (1.0,) * len(texts)))
    return Posterior(tuple(TextSequence(t, (1, 2), True) for t in texts), log_weights, **changes)


def steps(count: int, size: int) -> tuple[Step, ...]:
    resampled = tuple(range(size))
    return tuple(
        Step(("a",) * size, (0.0,) * size, size / 2, resampled if t % 2 else None, 0.0, {})
        for t in range(count)
    )


def test_probabilities_by_what_texts_mean():
    posterior = made("4", " 4", "5", "four", "6", weights=(1, 2, 3, 4, 0))
    assert posterior.probabilities() == pytest.approx({"four": 0.4, "5": 0.3, " 4": 0.2, "4": 0.1})
    by_number = posterior.probabilities(lambda text: int(text) if text.strip().isdigit() else None)
    assert by_number == pytest.approx({None: 0.4, 5: 0.3, 4: 0.3})
    assert posterior.best == "four"
    assert made("a", weights=(0,)).probabilities(str.lower) == {}


def test_a_key_is_asked_about_texts_with_weight_only():
    seen = []
    made("a", "b", weights=(1, 0)).probabilities(lambda text: seen.append(text))
    assert seen == ["a"]


@pytest.mark.parametrize("size", [1, 5, 300])
@pytest.mark.parametrize("run", [{}, {"model": "m", "seed": 4, "prompt": "Q\n" * 500}])
def test_the_summary_is_short(size, run):
    posterior = made(*(f"text {i}\n\x1b[31m" + "x" * 500 for i in range(size)), **run)
    lines = repr(posterior).splitlines()
    assert len(lines) < 20 and max(map(len, lines)) <= 100
    assert "\x1b" not in repr(posterior)
    assert lines[0].startswith(f"Posterior(complete): {size} particles, effective sample size")
    assert ("model m, seed 4, prompt Q" in lines[2]) is bool(run)


def test_the_summary_names_texts_and_what_is_left_out():
    posterior = made(*"abcdefghijklm", weights=(10, *(1,) * 12), history=steps(3, 13))
    text = repr(posterior)
    assert "3 steps, 1 resamplings" in text and "  45.45 %  a" in text
    assert text.endswith("13.64 %  in 3 more texts")


def test_the_summary_of_an_extinct_population_says_why():
    dead = made("a", "b", weights=(0, 0), reason="Grammar, at 'a'")
    assert repr(dead).endswith("Extinct: Grammar, at 'a'") and "log evidence −∞" in repr(dead)


def test_a_row_of_the_table_is_a_particle():
    frame = made("a", "b", weights=(1, 3)).to_frame()
    assert list(frame.text) == ["a", "b"] and list(frame.weight) == pytest.approx([0.25, 0.75])
    assert list(frame.num_tokens) == [2, 2] and list(frame.finished) == [True, True]
    columns = ["text", "weight", "log_weight", "num_tokens", "finished", "truncated"]
    assert list(frame.columns) == columns


def test_the_figure_has_the_texts_and_the_sample_size(tmp_path):
    posterior = made("$x$ \\frac{", "b", "", "c", weights=(4, 3, 2, 1), history=steps(4, 4))
    figure = posterior.plot(top=3)
    over_time, bars = figure.axes
    assert [label.get_text() for label in bars.get_yticklabels()] == ["$x$ \\frac{", "b", "(empty)"]
    assert [b.get_width() for b in bars.patches] == pytest.approx([0.4, 0.3, 0.2])
    assert list(over_time.lines[0].get_ydata()) == [2.0] * 4
    assert len(over_time.lines) == 1 + 2, "a line for each resampling"
    figure.savefig(tmp_path / "figure.png")
    assert len(made("a").plot().axes) == 1
    extinct = made("a", weights=(0,)).plot()
    assert "extinct" in extinct.axes[0].get_title()
    with pytest.raises(smc.SettingsError, match="top"):
        posterior.plot(top=0)


@pytest.mark.parametrize(
    ("name", "module"), [("to_frame", "pandas"), ("plot", "matplotlib.figure")]
)
def test_a_package_that_is_missing_is_named(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(smc.SettingsError, match="pip install"):
        getattr(made("a"), name)()


def test_the_page_tells_how_the_run_was_made(tmp_path):
    evil = "<img src=x>"
    posterior = made("a", model=evil, seed=7, prompt=f"{evil} twice", settings={evil: evil})
    page = posterior.to_html(tmp_path / "page.html")
    assert "<img" not in page
    assert "<title>&lt;img src=x&gt; twice</title>" in page and "<code>7</code>" in page
    assert "<title>Posterior</title>" in made("a").to_html()
    assert "<title>mine</title>" in posterior.to_html(title="mine")
    assert "the run" not in made("a").to_html()


@pytest.mark.parametrize(
    ("prompt", "title"),
    [([{"role": "user", "content": "Why?"}], "Why?"), ([3, 4], "[3, 4]"), ("", "Posterior")],
    ids=["chat", "ids", "empty"],
)
def test_the_title_is_the_prompt(prompt, title):
    assert f"<title>{title}</title>" in made("a", prompt=prompt).to_html()


def test_replacing_a_part_checks_it():
    with pytest.raises(smc.SettingsError, match="log weights"):
        dataclasses.replace(made("a", "b"), log_weights=np.zeros(3))
