"""The trainings of the embedded models: loss, packed rows, checkpoints, export, command line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from domains.training import command  # noqa: E402
from domains.training.batch import Batch  # noqa: E402
from domains.training.card import card_options, model_facts, write_card  # noqa: E402
from domains.training.held_out import answer_losses  # noqa: E402
from domains.training.model import batch_loss, build_model  # noqa: E402
from domains.training.run import TrainingRun  # noqa: E402
from domains.training.setting import Setting  # noqa: E402
from domains.training.tokenizer import END, train_tokenizer  # noqa: E402

TEXTS = [f"the cat number {n} sat on mat {n % 7}\n" for n in range(60)]
SMALL = Setting(
    minutes=1.0, rows=2, length=24, width=32, layers=1, inner=32, head=16, vocabulary=300
)


class Cats:
    """A corpus that says the same all the time; an epoch is three batches."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def make_tokenizer(self) -> Any:
        return train_tokenizer(TEXTS, self.setting.vocabulary, self.setting.context)

    def batches(self, tokenizer: Any, epoch: int) -> Iterator[Batch]:
        setting = self.setting
        for number in itertools.count(epoch):
            rng = np.random.default_rng([setting.seed, number])
            for _ in range(3):
                rows = [tokenizer.encode(TEXTS[i] * 3) for i in rng.integers(60, size=setting.rows)]
                yield Batch(number, np.array([row[: setting.length + 1] for row in rows]))

    def validate(self, model: Any, tokenizer: Any, prompts: int) -> dict[str, float]:
        assert not model.training
        return {"prompts": prompts}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return Cats(SMALL).make_tokenizer()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second passes whenever somebody looks."""
    ticks = itertools.count()
    monkeypatch.setattr("time.monotonic", lambda: next(ticks) * 0.5)


def trained(model: Any) -> Any:
    """A model whose blocks do something."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def weights_of(run: TrainingRun) -> dict[str, Any]:
    return {name: value.clone() for name, value in run.model.state_dict().items()}


def test_tokenizer_has_every_byte_and_keeps_to_its_pieces(tokenizer):
    text = "cat\n\n é🙂 \t" + "".join(map(chr, range(128)))
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer) <= 300 and tokenizer.eos_token == tokenizer.pad_token == END
    assert [t for t in tokenizer.get_vocab() if "Ċ" in t] == ["Ċ"]
    own = train_tokenizer(["a_b a_b a_b"] * 9, 300, 64, words=r"_[a-z]| ?[a-z]")
    assert own.tokenize("a_b a_b") == ["a", "_b", "Ġa", "_b"]


def test_the_loss_is_the_weighted_mean_over_what_counts(tokenizer):
    model = trained(build_model(SMALL, tokenizer))
    rng = np.random.default_rng(0)
    tokens = rng.integers(300, size=(3, 9))
    weights = np.array(rng.integers(3, size=(3, 8)), np.float32)
    with torch.no_grad():
        log_probs = model(input_ids=torch.from_numpy(tokens[:, :-1])).logits.log_softmax(-1)
        losses = -log_probs.gather(2, torch.from_numpy(tokens[:, 1:, None]))[..., 0].numpy()
        assert float(batch_loss(model, Batch(0, tokens))) == pytest.approx(losses.mean(), rel=1e-5)
        found = float(batch_loss(model, Batch(0, tokens, weights)))
    assert found == pytest.approx((losses * weights).sum() / weights.sum(), rel=1e-5)
    assert found != pytest.approx(losses.mean(), rel=1e-3)


def test_rows_that_share_their_beginning_lose_as_much_as_each_alone(tokenizer):
    """A beginning of 4 tokens, then 3 and 5 tokens that do not see each other."""
    model = trained(build_model(SMALL, tokenizer))
    start, one, two = [5, 6, 7, 8], [9, 10, 11], [12, 13, 14, 15, 16]
    group = np.array([0] * 4 + [1] * 3 + [2] * 5)
    sees = ((group[:, None] == group) | (group == 0)) & np.tri(12, dtype=bool)
    positions = np.array([[0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8]])
    counts = np.array([[0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0]], np.float32)
    packed = Batch(0, np.array([[*start, *one, *two, 0]]), counts, positions, sees[None])
    alone = []
    for rest in (one, two):
        weights = np.zeros((1, len(start) + len(rest) - 1), np.float32)
        weights[0, 4:] = 1
        alone.append((Batch(0, np.array([start + rest]), weights), len(rest) - 1))
    with torch.no_grad():
        found = float(batch_loss(model, packed))
        wanted = sum(float(batch_loss(model, b)) * n for b, n in alone) / 6
        unseen = float(batch_loss(model, replace(packed, sees=None, positions=None)))
    assert found == pytest.approx(wanted, rel=1e-5)
    assert unseen != pytest.approx(wanted, rel=1e-3)


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path, clock: None):
    setting = replace(SMALL, minutes=8 / 60)
    whole = TrainingRun(setting, Cats(setting), tmp_path / "whole")
    whole.train()
    cut = TrainingRun(setting, Cats(setting), tmp_path / "cut")
    steps = itertools.count(1)
    step = cut.step

    def failing(batch: Batch) -> float:
        if next(steps) == 9:
            raise KeyboardInterrupt
        return step(batch)

    cut.step = failing
    with pytest.raises(KeyboardInterrupt):
        cut.train(checkpoint_seconds=2.0)
    again = TrainingRun(setting, Cats(setting), tmp_path / "cut")
    assert 0 < again.progress.step < 9 and again.progress.epoch > 0
    again.train()
    assert again.progress == whole.progress and whole.progress.step == 16
    for name, value in weights_of(whole).items():
        assert torch.equal(value, weights_of(again)[name]), name


def test_a_run_learns_and_tells_how_far_it_is(tmp_path: Path, clock: None):
    setting = replace(SMALL, minutes=1.0)
    run = TrainingRun(setting, Cats(setting), tmp_path)
    first = next(Cats(setting).batches(run.tokenizer, 0))
    before = batch_loss(run.model, first).item()
    run.train(prompts=7, validate_seconds=20.0)
    assert batch_loss(run.model, first).item() < before / 2
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if "prompts" in r] == [41, 82, 120]
    assert [r["step"] for r in records if "loss" in r] == [50, 100]
    assert records[-1] == records[-1] | {"step": 120, "tokens": 120 * 48, "epoch": 39}
    assert run.model.training


def test_an_export_is_what_was_learned_and_its_facts_are_told(tmp_path: Path, clock: None):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    setting = replace(SMALL, minutes=2 / 60)
    run = TrainingRun(setting, Cats(setting), tmp_path / "work")
    run.train()
    run.export(tmp_path / "model")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(loaded(ids).logits, run.model(ids).logits)
    assert loaded.generation_config.top_k == 0
    assert AutoTokenizer.from_pretrained(tmp_path / "model").encode("cat") == run.tokenizer.encode(
        "cat"
    )
    facts = model_facts(tmp_path / "model")
    assert facts["parameters"] == sum(p.numel() for p in run.model.parameters())
    assert (facts["step"], facts["heads"], facts["vocabulary"], facts["spent"]) == (
        4,
        2,
        300,
        2 / 60,
    )


def test_other_settings_do_not_continue_a_run(tmp_path: Path):
    TrainingRun(SMALL, Cats(SMALL), tmp_path).save()
    with pytest.raises(ValueError, match="Give the same arguments or another --work"):
        other = replace(SMALL, seed=1)
        TrainingRun(other, Cats(other), tmp_path)
    with pytest.raises(ValueError, match="tokens, the setting 260"):
        other = replace(SMALL, vocabulary=260)
        TrainingRun(other, Cats(other), tmp_path)
    with pytest.raises(ValueError, match="width is 40; expected a multiple of the head size, 16"):
        replace(SMALL, width=40)


def test_the_command_line_trains_continues_and_exports(tmp_path: Path, clock: None):
    work, out = tmp_path / "work", tmp_path / "out"
    seen: list[Path] = []

    def make_run(setting: Setting, data: Path, work: Path) -> TrainingRun:
        seen.append(data)
        return TrainingRun(setting, Cats(setting), work)

    arguments = ["--work", str(work), "--out", str(out), "--data", "here", "--threads", "1"]
    arguments += ["--minutes", "0.05", "--seed", "5"]
    threads = torch.get_num_threads()
    command.main("x", SMALL, tmp_path / "default", make_run, arguments, prompts=3)
    facts = json.loads((out / "training.json").read_text())
    assert (facts["seed"], facts["step"], facts["minutes"]) == (5, 6, 0.05)
    again = tmp_path / "again"
    arguments[3] = str(again)
    command.main("x", SMALL, tmp_path / "default", make_run, [*arguments, "--export"])
    assert torch.get_num_threads() == threads
    assert torch.tensor(5e-324, dtype=torch.float64) * 1 > 0, (
        "the smallest numbers are numbers again"
    )
    assert (again / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()
    assert seen == [Path("here")] * 2


def test_losses_of_answers_are_those_of_the_model_itself(tokenizer: Any) -> None:
    torch.manual_seed(3)
    model = build_model(SMALL, tokenizer).eval()
    pairs = [("the cat", " sat on mat 1\n"), ("number", " 7\n"), ("the", " cat")]
    found = answer_losses(model, tokenizer, pairs)
    for (prompt, answer), total in zip(pairs, found.totals, strict=True):
        ids = tokenizer.encode(prompt) + tokenizer.encode(answer)
        labels = [-100] * len(tokenizer.encode(prompt)) + tokenizer.encode(answer)
        loss = model(torch.tensor([ids]), labels=torch.tensor([labels])).loss.detach()
        assert total == pytest.approx(float(loss) * len(tokenizer.encode(answer)), rel=1e-5)
    assert found.tokens == sum(len(tokenizer.encode(answer)) for _, answer in pairs)
    assert found.per_token == pytest.approx(sum(found.totals) / found.tokens)
    assert found.per_answer == pytest.approx(np.mean(found.totals))
    assert found.per_answer_se == pytest.approx(np.std(found.totals, ddof=1) / 3**0.5)


def test_a_card_is_its_template_filled_in(tmp_path: Path) -> None:
    options = card_options("cards", tmp_path).parse_args(["--machine", "a small one"])
    assert options.model == tmp_path
    write_card(tmp_path, "# Model\n{steps:,} steps on {machine}\n", {"steps": 1234, "machine": "M"})
    assert (tmp_path / "README.md").read_text() == "# Model\n1,234 steps on M\n"
    with pytest.raises(KeyError, match="loss"):
        write_card(tmp_path, "{loss}", {})
