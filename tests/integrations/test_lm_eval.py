"""Tasks of lm-evaluation-harness, from local files, under our sampler."""

from __future__ import annotations

import json
import math
import sys
from functools import partial

import pytest
import torch

pytest.importorskip("lm_eval", reason="needs the extra lm-eval")

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

from smc.errors import GrammarError, SettingsError
from smc.integrations.lm_eval import SMCModel, main
from tests.models import saved_model

pytestmark = pytest.mark.filterwarnings("ignore")

ITEMS = 150
YAML = """\
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
output_type: generate_until
test_split: test
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: [{until}]
  max_gen_toks: 6
  do_sample: {sample}
  temperature: {temperature}
{filters}
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""
FIRST_LETTER = """\
filter_list:
  - name: first
    filter:
      - function: regex
        regex_pattern: "([a-z])"
      - function: take_first
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def task_folder(tmp_path_factory):
    """A task that samples, and one that asks for greedy decoding and stops at a letter."""
    where = tmp_path_factory.mktemp("tasks")
    data = where / "items.jsonl"
    rows = [{"question": f"the cat {i} sat", "answer": "e"} for i in range(ITEMS)]
    data.write_text("\n".join(map(json.dumps, rows)))
    for name, sample, temperature, until, filters in (
        ("sampled", "true", "1.0", '"#"', FIRST_LETTER),
        ("greedy", "false", "0.0", '"c"', ""),
    ):
        text = YAML.format(
            name=name,
            file=data,
            sample=sample,
            temperature=temperature,
            until=until,
            filters=filters,
        )
        (where / f"{name}.yaml").write_text(text)
    return where


@pytest.fixture(scope="module")
def tasks(task_folder):
    return TaskManager(include_path=str(task_folder), include_defaults=False)


def evaluated(model, tasks, name, **options):
    return simple_evaluate(
        model=model,
        tasks=[name],
        task_manager=tasks,
        log_samples=True,
        bootstrap_iters=0,
        **options,
    )


def answers(results, name):
    return [s["resps"][0][0] for s in results["samples"][name]]


def test_both_tasks_under_a_constraint(folder, tasks):
    model = SMCModel(
        str(folder), device="cpu", batch_size=8, num_particles=4, regex="[a-e]{2,4}", seed=0
    )
    for name in ("sampled", "greedy"):
        results = evaluated(model, tasks, name, limit=12)
        assert "exact_match,first" in results["results"][name] or name == "greedy"
        found = answers(results, name)
        assert len(found) == 12
        for text in found:
            assert set(text) <= set("abcde") and len(text) <= 4
            assert name == "sampled" or "c" not in text
        assert any(found)


def test_plain_sampling_scores_as_the_harness_does(folder, tasks):
    """The task's score, and the shares of some first letters: two proportions each, z = 4.

    The standard error of the difference of two shares of n answers, p the mean of both, is
    sqrt(2 p (1 − p) / n). The score is the share of answers whose first small letter is "e".
    """
    ours = SMCModel(str(folder), device="cpu", batch_size=16, num_particles=1, method="lm", seed=1)
    found = []
    for model, options in (
        (ours, {}),
        ("hf", {"model_args": {"pretrained": str(folder), "device": "cpu"}, "batch_size": 16}),
    ):
        results = evaluated(model, tasks, "sampled", gen_kwargs="top_k=0", **options)
        texts = answers(results, "sampled")
        assert len(texts) == ITEMS
        score = results["results"]["sampled"]["exact_match,first"]
        found.append([score, *(sum(t[:1] == c for t in texts) / ITEMS for c in ("e", "o", "t"))])
    for a, b in zip(*found, strict=True):
        mean = (a + b) / 2
        assert abs(a - b) <= 4 * math.sqrt(2 * mean * (1 - mean) / ITEMS) + 1e-9, found
    assert all(0 < score < 1 for score, *_ in found), "a score that tells nothing"
    assert max(found[0][1:]) > 0, "none of these letters ever begins an answer"


def test_a_seed_is_of_the_evaluation_and_not_of_every_batch(folder):
    """A question that a task asks ten times in batches of one has not ten times one answer."""
    from lm_eval.api.instance import Instance

    asked = ("the cat", {"until": ["#"], "max_gen_toks": 6, "do_sample": True, "temperature": 1.0})
    requests = [Instance("generate_until", {}, asked, i) for i in range(10)]

    def ask(seed):
        model = SMCModel(
            str(folder), device="cpu", batch_size=1, num_particles=2, seed=seed, answer="draw"
        )
        return model.generate_until(requests, disable_tqdm=True)

    found = ask(3)
    assert len(set(found)) > 5
    assert found == ask(3) != ask(4)


def test_mixed_precision_and_the_model_s_own_cuts(folder, monkeypatch):
    """The first is the harness's; the second are off unless a task asks for them."""
    model = SMCModel(str(folder), device="cpu", num_particles=2, mixed_precision_dtype="bfloat16")
    model.model.generation_config.top_p = 0.01
    seen = []

    def generate(**options):
        seen.append((torch.is_autocast_enabled("cpu"), options["top_p"], options["top_k"]))
        return options["input_ids"]

    monkeypatch.setattr(model.model, "generate", generate)
    for asked in ({}, {"top_p": 0.9, "top_k": 7}):
        model._model_generate(torch.tensor([[3]]), 4, ["#"], temperature=1.0, **asked)
    assert seen == [(True, 1.0, 0), (True, 0.9, 7)]


def test_likelihoods_are_the_harness_s_own(folder, tasks):
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    requests = [
        Instance("loglikelihood", {}, ("the cat", " sat on"), 0),
        Instance("loglikelihood", {}, ("one two", " three"), 1),
    ]
    ours = SMCModel(str(folder), device="cpu", batch_size=2).loglikelihood(requests)
    theirs = HFLM(str(folder), device="cpu", batch_size=2).loglikelihood(requests)
    assert ours == theirs


@pytest.mark.parametrize(
    "options, error, named",
    [
        ({"answer": "worst"}, SettingsError, "answer"),
        ({"temperature": 0.0}, SettingsError, "temperature"),
        ({"seed": -1}, SettingsError, "seed"),
        ({"seed": "one"}, SettingsError, "seed"),
        ({"regex": "("}, GrammarError, "regex"),
        ({"potentials": "nothing.here:It"}, SettingsError, "nothing"),
    ],
)
def test_bad_arguments(folder, options, error, named):
    with pytest.raises(error, match=named):
        SMCModel(str(folder), device="cpu", **options)


def test_the_command_line_knows_the_model_type(folder, task_folder, tmp_path, monkeypatch, capsys):
    """In this process; the README's command, in one of its own, is `test_readme`'s."""
    command = [
        *("lm_eval", "run", "--model", "smc", "--device", "cpu"),
        *("--model_args", json.dumps({"pretrained": str(folder), "regex": "[ab]{1,3}"})),
        *("--tasks", "sampled", "--include_path", str(task_folder), "--limit", "3"),
        *("--output_path", str(tmp_path)),
    ]
    monkeypatch.setattr(sys, "argv", command)
    # The harness's own thousands of tasks take it a quarter of a minute to read.
    monkeypatch.setattr("lm_eval.tasks.TaskManager", partial(TaskManager, include_defaults=False))
    main()
    assert "exact_match" in capsys.readouterr().out
