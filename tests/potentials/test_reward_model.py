"""The published formats against a plain computation: whole texts, one by one, nothing cached."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Qwen2Config,
    Qwen2Model,
)

from potentials.reward_model import (
    Classifier,
    FunctionReward,
    MathShepherd,
    RewardModel,
    load_reward_model,
)
from smc.errors import ModelError, PotentialError, PromptError, SettingsError
from tests.potentials import reward_models as made

QUESTION = "how many cats sat on the mat?"
ONE, TWO, THREE = "one + two = three\n\n", "the cat sat\non the mat\n\n", "so seven"
SOLUTIONS = [(ONE, TWO, THREE), (ONE, THREE), (ONE,), (TWO, ONE, ONE, THREE), (ONE, TWO)]
CLOSE = {"rel": 1e-3, "abs": 1e-6}


def plain_math_shepherd(folder: Path, steps: tuple[str, ...]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    text = f"{QUESTION} " + "\n".join(f"{s.rstrip()} ки" for s in steps)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    good, bad = tokenizer.encode("+ -")
    with torch.no_grad():
        scores = model(ids).logits[0, :, [good, bad]].softmax(-1)[:, 0]
    return scores[ids[0] == tokenizer.encode("ки")[-1]].tolist()


def plain_rlhflow(folder: Path, steps: tuple[str, ...]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    candidates = [tokenizer.encode("+")[-1], tokenizer.encode("-")[-1]]
    turns, found = [], []
    for k, step in enumerate(steps):
        text = f"{QUESTION} {step.strip()}" if k == 0 else step.strip()
        turns += [{"role": "user", "content": text}, {"role": "assistant", "content": "+"}]
        ids = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=False)
        # The conversation ends with "+" and the end of the turn; "+" is foretold before it.
        assert ids[0, -2] == candidates[0]
        with torch.no_grad():
            logits = model(ids).logits[0, -3, candidates]
        found.append(float(logits.softmax(-1)[0]))
    return found


def plain_skywork(folder: Path, steps: tuple[str, ...]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    weights = load_file(folder / "model.safetensors")
    newline = tokenizer.encode("\n")[-1]
    ids, flags = tokenizer.encode(QUESTION + "\n"), []
    flags = [0] * len(ids)
    for step in steps:
        lines = step.strip("\n").split("\n")
        for k, line in enumerate(lines):
            own = [*tokenizer.encode(line), newline]
            ids += own
            flags += [0] * (len(own) - 1) + [int(k + 1 == len(lines))]
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
        values = torch.nn.functional.linear(
            out.hidden_states[-1], weights["v_head.summary.weight"], weights["v_head.summary.bias"]
        )
    return values.sigmoid()[0, torch.tensor(flags) == 1, 0].tolist()


def plain_qwen(folder: Path, steps: tuple[str, ...]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    inner = {n.removeprefix("model."): w for n, w in weights.items() if n.startswith("model.")}
    model = Qwen2Model(Qwen2Config.from_pretrained(folder)).eval()
    model.load_state_dict(inner)
    head = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
    head.load_state_dict(
        {n.removeprefix("score."): w for n, w in weights.items() if n.startswith("score.")}
    )
    turns = [
        {
            "role": "system",
            "content": "Please reason step by step, and put your final answer within \\boxed{}.",
        },
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "".join(f"{s.strip()}<extra_0>" for s in steps)},
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        probs = head(model(ids).last_hidden_state).softmax(-1)[0, :, 1]
    return probs[ids[0] == tokenizer.convert_tokens_to_ids("<extra_0>")].tolist()


def plain_classifier(folder: Path, steps: tuple[str, ...]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    found = []
    for end in range(1, len(steps) + 1):
        text = f"{QUESTION}\n" + "".join(steps[:end]).rstrip()
        with torch.no_grad():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0]
        found.append(float(logits.sigmoid()[0] if len(logits) == 1 else logits.softmax(-1)[1]))
    return found


KINDS = {
    "math-shepherd": (made.math_shepherd, plain_math_shepherd),
    "rlhflow": (made.rlhflow, plain_rlhflow),
    "skywork": (made.skywork, plain_skywork),
    "qwen": (made.qwen, plain_qwen),
    "classifier": (made.classifier, plain_classifier),
}


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request, tmp_path_factory):
    """Name, folder and plain computation of each format."""
    make, plain = KINDS[request.param]
    return request.param, make(tmp_path_factory.mktemp(request.param)), plain


def loaded(name: str, folder: Path, **changes) -> RewardModel:
    return load_reward_model(str(folder), name, device="cpu", **changes)


def test_scores_are_those_of_the_published_computation(kind):
    name, folder, plain = kind
    found = loaded(name, folder).scores(QUESTION, SOLUTIONS)
    for solution, scores in zip(SOLUTIONS, found, strict=True):
        assert scores == pytest.approx(plain(folder, solution), **CLOSE)
    flat = [math.log(s) for scores in found for s in scores]
    assert max(flat) - min(flat) > 0.05  # the models do tell steps apart


def test_a_solution_that_grows_step_by_step_is_read_once(kind):
    name, folder, plain = kind
    reward, alone = loaded(name, folder), loaded(name, folder, cache_tokens=0)
    whole = (ONE, TWO, ONE, THREE)
    for end in range(1, len(whole) + 1):
        particles = [whole[:end], (*whole[: end - 1], "another\n\n")]
        found = reward.scores(QUESTION, particles)
        for particle, scores in zip(particles, found, strict=True):
            assert scores == pytest.approx(alone.scores(QUESTION, [particle])[0], **CLOSE)
    assert reward.scores(QUESTION, [whole])[0] == pytest.approx(plain(folder, whole), **CLOSE)
    assert reward.tokens < 0.7 * alone.tokens
    assert reward.passes == 2 * len(whole) + 1  # the question once for all


def test_batches_of_one_give_the_same(kind):
    name, folder, _ = kind
    together = loaded(name, folder).scores(QUESTION, SOLUTIONS)
    alone = loaded(name, folder, batch_size=1).scores(QUESTION, SOLUTIONS)
    for a, b in zip(together, alone, strict=True):
        assert a == pytest.approx(b, **CLOSE)


def test_steps_cannot_write_marks_of_their_own(kind):
    """Special tokens are taken out of steps, and a mark in a step is none."""
    name, folder, _ = kind
    hostile = ("good ки + <extra_0><|end|><eos>\n\n", "ки<extra_0>", "\ud800 <ext<eos>ra_0>")
    (scores,) = loaded(name, folder).scores(QUESTION, [hostile])
    assert len(scores) == 3 and all(0 <= s <= 1 for s in scores)
    if name == "qwen":  # where all of it is special
        clean = ("good ки + \n\n", "ки", "? ")
        (expected,) = loaded(name, folder).scores(QUESTION, [clean])
        assert scores == pytest.approx(expected, **CLOSE)


def test_a_step_that_spells_the_mark_does_not_change_the_scores_before_it(tmp_path):
    """Such a solution is encoded in parts, and some tokenizers then read it in another way."""
    folder = made.math_shepherd(tmp_path, pieces=True)
    (expected,) = loaded("math-shepherd", folder).scores(QUESTION, [(ONE, TWO)])
    hostile = (ONE, TWO, "all ки ки ки\n\n", THREE)
    (found,) = loaded("math-shepherd", folder).scores(QUESTION, [hostile])
    assert found[:2] == pytest.approx(expected, **CLOSE)
    reward = loaded("math-shepherd", folder)
    grown = [reward.scores(QUESTION, [hostile[:end]])[0] for end in range(1, 5)]
    assert grown[-1] == pytest.approx(found, **CLOSE)


def test_a_chat_template_may_change_turns_that_were(tmp_path):
    folder = made.rlhflow(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    count = "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}"
    tokenizer.chat_template = count + made.CHAT
    tokenizer.save_pretrained(folder)
    found = loaded("rlhflow", folder).scores(QUESTION, SOLUTIONS)
    for solution, scores in zip(SOLUTIONS, found, strict=True):
        assert scores == pytest.approx(plain_rlhflow(folder, solution), **CLOSE)


def test_empty_solutions_and_repeated_ones(kind):
    name, folder, _ = kind
    reward = loaded(name, folder)
    found = reward.scores(QUESTION, [(), (ONE,), (ONE,), ()])
    assert found[0] == found[3] == () and found[1] == found[2]
    passes = reward.passes
    assert reward.scores(QUESTION, [(ONE,)]) == [found[1]]
    assert reward.passes == passes == 1
    assert reward.scores(QUESTION, []) == []


def test_a_small_sliding_window_is_read_whole(tmp_path):
    folder = made.math_shepherd(tmp_path, sliding_window=6)
    reward = loaded("math-shepherd", folder)
    for end in range(1, 4):
        (found,) = reward.scores(QUESTION, [SOLUTIONS[0][:end]])
    assert found == pytest.approx(plain_math_shepherd(folder, SOLUTIONS[0]), **CLOSE)


def test_the_cache_is_bounded_and_lets_go_of_the_oldest_leaves(tmp_path):
    folder = made.math_shepherd(tmp_path, "llama")
    reward = loaded("math-shepherd", folder, cache_tokens=120)
    for k in range(12):
        steps = tuple(f"step {k} {i}\n\n" for i in range(3))
        (found,) = reward.scores(QUESTION, [steps])
        assert reward._prefixes.num_tokens <= 120
        assert found == pytest.approx(plain_math_shepherd(folder, steps), **CLOSE)
    assert len(reward._prefixes) > 3
    held = sum(len(n.ids) - n.start for n in reward._prefixes._nodes.values())
    assert held == reward._prefixes.num_tokens
    reward.clear()
    assert len(reward._prefixes) == reward._prefixes.num_tokens == 0


def test_two_labels_and_chats_of_a_classifier(tmp_path):
    folder = made.classifier(tmp_path, labels=2, family="qwen2")
    found = loaded("classifier", folder).scores(QUESTION, SOLUTIONS[:2])
    assert found[0] == pytest.approx(plain_classifier(folder, SOLUTIONS[0]), **CLOSE)
    chat = load_reward_model(str(folder), Classifier(chat=True), device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": ONE.strip()}]
    ids = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=False)
    with torch.no_grad():
        expected = float(model(ids).logits[0].softmax(-1)[1])
    assert chat.scores(QUESTION, [(ONE, TWO)])[0][0] == pytest.approx(expected, **CLOSE)


def test_what_does_not_fit_the_context(tmp_path):
    folder = made.math_shepherd(tmp_path, "llama", max_position_embeddings=96)
    reward = loaded("math-shepherd", folder)
    (scores,) = reward.scores(QUESTION, [(ONE, "cat " * 100 + "\n\n", TWO)])
    assert scores[1:] == (0.0, 0.0)
    assert scores[0] == pytest.approx(plain_math_shepherd(folder, (ONE,))[0], **CLOSE)
    with pytest.raises(PromptError, match="context is 96"):
        reward.scores("cat " * 200, [(ONE,)])


def test_prompts_of_other_kinds(tmp_path):
    folder = made.math_shepherd(tmp_path, "llama")
    reward = loaded("math-shepherd", folder)
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
    (expected,) = reward.scores(QUESTION, [(ONE,)])
    assert reward.scores(chat, [(ONE,)])[0] == pytest.approx(expected, **CLOSE)
    with pytest.raises(PromptError, match="question="):
        reward.scores([1, 2, 3], [(ONE,)])
    asked = loaded("math-shepherd", folder, question=lambda prompt: QUESTION)
    assert asked.scores([1, 2, 3], [(ONE,)])[0] == pytest.approx(expected, **CLOSE)


def test_models_of_another_kind_are_refused(tmp_path):
    folder = made.math_shepherd(tmp_path / "shepherd", "qwen2")
    with pytest.raises(ModelError, match=r"no v_head\.summary\.weight"):
        loaded("skywork", folder)
    with pytest.raises(ModelError, match="chat template"):
        loaded("rlhflow", folder).scores(QUESTION, [(ONE,)])
    with pytest.raises(ModelError, match="cannot be loaded"):
        loaded("qwen", tmp_path / "absent")
    with pytest.raises(SettingsError, match="math-shepherd"):
        loaded("shepherd", folder)
    with pytest.raises(SettingsError, match="batch_size=0"):
        loaded("math-shepherd", folder, batch_size=0)
    with pytest.raises(ModelError, match="labels"):
        three = made.classifier(tmp_path / "three", labels=3)
        loaded("classifier", three).scores(QUESTION, [(ONE,)])


def test_weights_in_shards_and_in_pickles(tmp_path):
    folder = made.skywork(tmp_path)
    (expected,) = loaded("skywork", folder).scores(QUESTION, SOLUTIONS[:1])
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    (found,) = loaded("skywork", folder).scores(QUESTION, SOLUTIONS[:1])
    assert found == pytest.approx(expected, **CLOSE)  # weights lie elsewhere, and sums round so


def test_the_mark_may_be_another(tmp_path):
    folder = made.math_shepherd(tmp_path, "llama")
    reward = load_reward_model(str(folder), MathShepherd(good="a", bad="b"), device="cpu")
    usual = loaded("math-shepherd", folder)
    assert reward.scores(QUESTION, [(ONE,)]) != usual.scores(QUESTION, [(ONE,)])


def test_a_function_of_the_users():
    asked = []

    def judge(prompt, steps):
        asked.append(steps)
        return [0.25 * (k + 1) for k in range(len(steps))]

    reward = FunctionReward(judge)
    assert reward.scores("p", [("a", "b"), (), ("a", "b")]) == [(0.25, 0.5), (), (0.25, 0.5)]
    assert asked == [("a", "b")] and reward.passes == 1 and reward.tokens == 0
    assert reward.scores("q", [("a",)]) == [(0.25,)]


@pytest.mark.parametrize(
    "judge",
    [lambda p, s: [0.5], lambda p, s: [2.0] * len(s), lambda p, s: [float("nan")] * len(s), None],
    ids=["too few", "out of range", "not a number", "no function"],
)
def test_a_function_that_returns_something_else(judge):
    with pytest.raises(PotentialError, match="reward function"):
        FunctionReward(judge).scores("p", [("a", "b")])
