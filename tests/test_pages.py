"""Pages of posteriors: true to the history, harmless, and whole."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import smc
from smc.backends.table import TableModel
from smc.pages import posterior_fragment, posterior_page
from smc.pages.chart import WEIGHT_CLASSES, weight_class
from smc.pages.layout import Layout
from smc.pages.lineage import Lineage
from smc.pages.markup import clean, escape, number, one_line, script_json, visible
from smc.posterior import Posterior, Step, TextSequence

VOID = {"meta", "path", "circle", "rect", "line", "br"}


class Reader(HTMLParser):
    """Checks that tags are balanced, and collects the text of each element."""

    def __init__(self, page):
        super().__init__()
        self.open, self.texts, self.tags = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def classes(self, name):
        return [tag for tag, attrs in self.tags if name in (attrs.get("class") or "").split()]


class FewA(smc.Potential):
    """Two `a`s are bad and four are deadly, so weights differ and particles die."""

    def prefix(self, text):
        return -np.inf if text.count("a") > 3 else -2.0 * text.count("a")


class Dead(smc.Potential):
    def prefix(self, text):
        return 0.0 if len(text) < 2 else -np.inf


def posterior(*potentials, tokens=None, **settings):
    probabilities = tokens or {"a": 0.4, "b": 0.2, "é<&": 0.2}
    model = TableModel.constant(probabilities, eos=1 - sum(probabilities.values()))
    return smc.sample(
        model, "", list(potentials), **{"num_particles": 8, "max_tokens": 9, **settings}
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_pieces_and_ancestors_give_the_texts(seed, threshold):
    run = posterior(FewA(), seed=seed, ess_threshold=threshold)
    lineage = Lineage(run)
    texts = [lineage.text(lineage.num_steps, slot) for slot in range(lineage.num_particles)]
    assert texts == [s.text for s in run.sequences]
    if threshold in (0, 1):
        assert any(s.resampled for s in run.history) == (threshold == 1)


def test_the_runs_above_resample_and_kill():
    runs = [posterior(FewA(), seed=seed, ess_threshold=0.5) for seed in range(6)]
    assert sum(s.resampled for run in runs for s in run.history) > 2
    lines = [Lineage(run) for run in runs]
    assert any(line.died(t, k) for line in lines for t in range(line.num_steps) for k in range(8))


def test_a_wrong_ancestor_gives_another_text():
    run = posterior(FewA(), seed=0, ess_threshold=1.0)
    last = max(t for t, step in enumerate(run.history) if step.resampled)
    step = run.history[last]
    shifted = dataclasses.replace(step, ancestors=step.ancestors[1:] + step.ancestors[:1])
    history = (*run.history[:last], shifted, *run.history[last + 1 :])
    lineage = Lineage(dataclasses.replace(run, history=history))
    texts = [lineage.text(lineage.num_steps, slot) for slot in range(lineage.num_particles)]
    assert texts != [s.text for s in run.sequences]


def made_by_hand():
    """Three particles, two steps; the first step copies particle 0 over the dead particle 1."""
    dead = -np.inf
    return Posterior(
        sequences=(
            TextSequence("ax", (1, 4), False),
            TextSequence("a", (1, 0), True),
            TextSequence("cy", (3, 5), False),
        ),
        log_weights=np.array([0.0, 0.0, dead]),
        history=(
            Step(("a", "b", "c"), (1.0, dead, 0.0), 1.6, (0, 0, 2), -0.2, {}),
            Step(("x", "", "y"), (0.0, 0.0, dead), 2.0, None, -0.4, {}),
        ),
    )


def test_lineage_by_hand():
    lineage = Lineage(made_by_hand())
    assert lineage.parents == ((0, 1, 2), (0, 0, 2), (0, 1, 2))
    assert lineage.path(2, 1) == [0, 1, 1]
    assert lineage.descendants == ((2, 0, 0), (1, 1, 0), (1, 1, 0))
    assert lineage.text(0, 1) == "b" and lineage.text(1, 1) == "a" and lineage.text(2, 0) == "ax"
    assert [lineage.died(0, k) for k in range(3)] == [False, True, False]
    assert [lineage.died(1, k) for k in range(3)] == [False, False, True]
    assert [lineage.died(2, k) for k in range(3)] == [False] * 3
    assert lineage.end(1) == 1 and lineage.end(0) is None
    assert lineage.relative_weights[1] == (1.5, 1.5, 0.0)


def test_page_draws_each_particle_once():
    page = posterior_page(made_by_hand(), title="by hand")
    chart = re.search(r"<svg class=.smc-chart.*?</svg>", page, re.S)[0]
    marks = re.findall(r'<(?:path|rect) class="([^"]*)"[^>]*?(?: d="([^"]*)")?/>', chart)
    assert sum(d.count("h0") for kind, d in marks if "smc-node" in kind) == 4, "the live ones"
    assert sum(d.count("M") for kind, d in marks if kind == "smc-dead") == 2 * 2, "two strokes each"
    edges = sum(d.count("M") for kind, d in marks if "smc-edge" in kind)
    assert edges == 3 + 3 + 2, "the lines of the dead end with them"
    assert sum(kind == "smc-band" for kind, _ in marks) == 1, "one step resampled"


@pytest.mark.parametrize("make", [lambda p: posterior_page(p, title="<t&>"), posterior_fragment])
def test_nothing_comes_from_outside(make):
    page = make(posterior(FewA()))
    assert re.search(r"https?:|src=|url\(|@import|<link|<iframe|//[a-z]", page, re.I) is None


@pytest.mark.parametrize("make", [lambda p: posterior_page(p, title="t"), posterior_fragment])
def test_texts_are_escaped(make):
    evil = "</script><script>alert(1)</script>"
    run = posterior(Dead(), tokens={evil: 0.5, '"><img onerror=x>': 0.3}, max_tokens=3)
    for page in (make(run), make(posterior(tokens={evil: 0.5, "&lt;": 0.2}))):
        assert evil not in page and "<img" not in page
        reader = Reader(page)
        assert [tag for tag, _ in reader.tags].count("script") == 2, "the data and our own"


def test_title_is_escaped():
    page = posterior_page(posterior(), title="<b>&")
    assert "<title>&lt;b&gt;&amp;</title>" in page and "<b>" not in page


def test_hover_data_are_those_of_the_history():
    run = posterior(FewA(), seed=1, tokens={"a</script>": 0.5, "b\u2028": 0.3})
    page = posterior_page(run, title="t")
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S)[1])
    assert data["pieces"] == [[clean(p) for p in s.pieces] for s in run.history]
    assert data["ancestors"] == [
        None if s.ancestors is None else list(s.ancestors) for s in run.history
    ]
    assert data["texts"] == [clean(s.text) for s in run.sequences]
    np.testing.assert_allclose(data["final"], run.weights, atol=1e-5)


def test_texts_and_probabilities_are_shown():
    run = posterior(FewA(), seed=3)
    texts = Reader(posterior_page(run, title="t")).texts
    for text, probability in run.probabilities().items():
        assert text == "" or text in texts
        assert f"{100 * probability:.1f} %" in texts


def test_extinct_page_says_why():
    dead = posterior(Dead(), tokens={"ab": 1 - 1e-9})
    texts = Reader(posterior_page(dead, title="t")).texts
    assert dead.reason and f"Extinct: {dead.reason}" in texts and "−∞" in texts


@pytest.mark.parametrize("threshold", [0.02, 0.5, 0.95, 1.0])
def test_labels_of_the_axis_of_the_effective_sample_size_do_not_overlap(threshold):
    run = posterior(FewA(), seed=0, ess_threshold=threshold)
    page = posterior_page(run, title="t", ess_threshold=threshold)
    n = len(run.sequences)
    places = {
        label: float(re.search(rf'y="([0-9.]+)" dy="3.5" text-anchor="end">{label}<', page)[1])
        for label in (str(n), f"{threshold * n:.1f}", "0")
    }
    top, middle, bottom = places.values()
    assert top + 11 <= middle <= bottom - 11


def test_threshold_and_drawings_appear_where_given():
    run = posterior(FewA())
    plain = posterior_page(run, title="t")
    best = run.best
    page = posterior_page(
        run, title="t", ess_threshold=0.5, drawings={best: "<svg id='own'></svg>"}
    )
    assert 'class="smc-threshold"' in page and "<svg id='own'>" in page
    assert 'class="smc-threshold"' not in plain and 'class="smc-card"' not in plain


@pytest.mark.parametrize("particles", [1, 40, 500])
def test_any_size(particles):
    page = posterior_page(posterior(FewA(), num_particles=particles), title="t")
    Reader(page)


def test_no_history_no_chart():
    only = Posterior((TextSequence("a", (1,), True),), np.zeros(1))
    assert Reader(posterior_page(only, title="t")).classes("smc-chart") == []


def test_to_html_writes_the_page(tmp_path):
    run = posterior()
    path = tmp_path / "page.html"
    assert run.to_html(path, title="mine") == path.read_text(encoding="utf-8")
    assert run._repr_html_() == posterior_fragment(run)


def test_same_posterior_same_page():
    assert posterior_page(posterior(seed=5), title="t") == posterior_page(
        posterior(seed=5), title="t"
    )


def test_weight_classes_cover_all_weights():
    assert weight_class(1e-9) == 0 and weight_class(1.0) == 3
    assert weight_class(1e9) == len(WEIGHT_CLASSES)


def test_layout_keeps_texts_right_of_the_steps():
    at = Layout.of(Lineage(posterior(FewA())))
    assert at.texts > at.x(at.steps) and at.width > at.texts and at.ess > at.y(at.particles - 1)


def test_control_characters_never_reach_the_page():
    assert escape("a\x00\x1b[31m\r\nb") == "a\ufffd\ufffd[31m\nb"
    assert one_line("a\nb\tc\x1b") == "a⏎b⇥c\ufffd"
    assert visible("<" * 9, 4) == "&lt;&lt;&lt;…" and visible("abcdef", 4, keep_end=True) == "…def"
    assert "<" not in script_json(["</script>"]) and json.loads(script_json("é<&>")) == "é<&>"


@pytest.mark.parametrize(
    ("value", "text"), [(-1.234, "−1.23"), (-np.inf, "−∞"), (np.inf, "∞"), (np.nan, "–")]
)
def test_numbers_for_reading(value, text):
    assert number(value) == text


BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"


def test_no_text_can_turn_the_direction_of_what_is_around_it():
    """A right-to-left override would show "gnp.exe" as "exe.png"; Hebrew turns by itself."""
    text = f"{BIDI}gnp.exe שלום"
    run = dataclasses.replace(
        made_by_hand(), sequences=(TextSequence(text, (1,), True),) * 3, reason=text
    )
    pieces = dataclasses.replace(run.history[0], pieces=(text,) * 3, costs={text: (1, 0.1)})
    page = posterior_page(dataclasses.replace(run, history=(pieces, run.history[1])), title=text)
    assert "שלום" in page and not set(BIDI) & set(page)
    data = json.loads(re.search(r'application/json">(.*?)</script>', page).group(1))
    assert not set(BIDI) & set("".join([*data["texts"], *data["pieces"][0]]))
    assert not set(BIDI) & set(one_line(text))


def test_a_blank_in_front_is_kept_and_an_empty_text_is_told():
    run = dataclasses.replace(
        made_by_hand(),
        sequences=(
            TextSequence(" a b", (1,), True),
            TextSequence("", (0,), True),
            TextSequence("c", (3,), False),
        ),
    )
    page = posterior_page(run, title="x")
    assert "<code>&nbsp;a b</code>" in page and "<i>empty</i>" in page


def test_a_token_that_ends_a_text_and_adds_to_it_is_written_once():
    """Two labels at one place cannot be read; where the last token adds nothing, `end` stands."""
    ended = dataclasses.replace(
        made_by_hand(),
        sequences=(
            TextSequence("ax", (1, 4), True),
            TextSequence("a", (1, 0), True),
            TextSequence("cy", (3, 5), False),
        ),
    )
    page = posterior_page(ended, title="x")
    labels = re.findall(r'<text class="smc-token[^>]*x="([^"]+)" y="([^"]+)"[^>]*>([^<]*)<', page)
    places = [(x, y) for x, y, _ in labels]
    assert len(places) == len(set(places))
    assert [said for _, _, said in labels].count("end") == 1
