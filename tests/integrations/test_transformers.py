"""`model.generate` with our sampler: what comes back, its distribution, and what is refused."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import smc
from potentials import Regex
from smc.errors import SettingsError
from smc.integrations.transformers import SMCGenerate, SMCOutput
from tests.models import byte_level_tokenizer, tiny_model

FOLDER = Path(smc.__file__).parent / "integrations" / "hub"


@pytest.fixture(scope="module")
def tokenizer():
    return byte_level_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer):
    return tiny_model("llama", len(tokenizer))


def encoded(tokenizer, *prompts):
    tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "left"
    return tokenizer(list(prompts), return_tensors="pt", padding=True)


def texts(tokenizer, sequences, prompt_length):
    return tokenizer.batch_decode(sequences[:, prompt_length:], skip_special_tokens=True)


def test_every_sequence_satisfies_the_potentials(model, tokenizer):
    inputs = encoded(tokenizer, "the cat", "one two three four five")
    sampler = SMCGenerate(tokenizer, [Regex("[ab]{1,3}")], num_particles=8, seed=1)
    out = model.generate(
        **inputs,
        custom_generate=sampler,
        do_sample=True,
        top_k=0,
        num_return_sequences=3,
        max_new_tokens=6,
    )
    assert out.shape[0] == 6
    length = inputs["input_ids"].shape[1]
    assert torch.equal(out[::3, :length], inputs["input_ids"])
    for text in texts(tokenizer, out, length):
        assert 1 <= len(text) <= 3 and set(text) <= set("ab"), text


RUNS = 30


def test_padding_and_batching_change_nothing(model, tokenizer):
    """γ of each text, estimated in a padded batch and on the prompt alone; z = 4, 30 runs each."""
    prompts = ("the cat", "one two three four five")
    own = smc.TransformersModel(model, tokenizer)
    settings = {"num_particles": 50}
    ours: list[list[smc.Posterior]] = [[], []]
    alone: list[list[smc.Posterior]] = [[], []]
    for seed in range(RUNS):
        sampler = SMCGenerate(tokenizer, [Regex("[a-c]{1,2}")], seed=seed, **settings)
        out = model.generate(
            **encoded(tokenizer, *prompts),
            custom_generate=sampler,
            do_sample=True,
            top_k=0,
            max_new_tokens=4,
            return_dict_in_generate=True,
        )
        assert isinstance(out, SMCOutput)
        for i, prompt in enumerate(prompts):
            ours[i].append(out.posteriors[i])
            alone[i].append(
                smc.sample(
                    own, prompt, [Regex("[a-c]{1,2}")], max_tokens=4, seed=1000 + seed, **settings
                )
            )
    for i in range(2):
        for text in {t for p in alone[i] for t in p.probabilities()}:
            a, b = masses(ours[i], text), masses(alone[i], text)
            error = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / RUNS)
            if (a > 0).sum() + (b > 0).sum() >= 20:  # else the error is not known
                assert abs(a.mean() - b.mean()) <= 4 * error + 1e-12, text
    a, b = (np.array([math.exp(p.log_evidence) for p in each]) for each in (alone[0], alone[1]))
    error = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / RUNS)
    assert abs(a.mean() - b.mean()) > 4 * error, "prompts that differ must be told apart"


def masses(posteriors, text):
    """`[runs]` estimates of γ(text)."""
    return np.array(
        [math.exp(p.log_evidence) * p.probabilities().get(text, 0.0) for p in posteriors]
    )


def test_what_is_returned_is_drawn_by_weight(model, tokenizer):
    inputs = encoded(tokenizer, "the cat")
    sampler = SMCGenerate(tokenizer, [Regex("[ab]")], num_particles=400, seed=3)
    out = model.generate(
        **inputs,
        custom_generate=sampler,
        do_sample=True,
        top_k=0,
        num_return_sequences=600,
        max_new_tokens=3,
        return_dict_in_generate=True,
    )
    found = Counter(texts(tokenizer, out.sequences, inputs["input_ids"].shape[1]))
    for text, p in out.posteriors[0].probabilities().items():
        assert abs(found[text] / 600 - p) <= 4 * math.sqrt(p * (1 - p) / 600) + 1e-9


def test_the_temperature_is_part_of_the_model(model, tokenizer):
    inputs = encoded(tokenizer, "the cat")
    found = {}
    for temperature in (1.0, 0.2):
        sampler = SMCGenerate(tokenizer, [Regex("[ab]")], num_particles=50, seed=3)
        out = model.generate(
            **inputs,
            custom_generate=sampler,
            do_sample=True,
            temperature=temperature,
            top_k=0,
            max_new_tokens=3,
            return_dict_in_generate=True,
        )
        found[temperature] = float(out.log_evidence[0])
        own = smc.TransformersModel(model, tokenizer, temperature=temperature)
        again = smc.sample(own, "the cat", [Regex("[ab]")], num_particles=50, max_tokens=3)
        # One token and an end: the evidence has no error but that of the second step.
        assert abs(found[temperature] - again.log_evidence) < 1.0
    assert abs(found[1.0] - found[0.2]) > 2.0


def test_stop_strings_seed_and_torch_generator(model, tokenizer):
    inputs = encoded(tokenizer, "the cat")

    def run(seed):
        sampler = SMCGenerate(tokenizer, num_particles=4, stop=["e", " "], seed=seed)
        return model.generate(
            **inputs,
            custom_generate=sampler,
            do_sample=True,
            top_k=0,
            max_new_tokens=12,
        )

    assert torch.equal(run(7), run(7))
    torch.manual_seed(0)
    first = run(None)
    second = run(None)
    torch.manual_seed(0)
    assert torch.equal(first, run(None))
    assert first.shape != second.shape or not torch.equal(first, second)


def test_an_extinct_prompt_is_returned_with_a_warning(model, tokenizer):
    class Nothing(smc.Potential):
        def prefix(self, text):
            return -math.inf

    inputs = encoded(tokenizer, "the cat")
    with pytest.warns(UserWarning, match="Nothing"):
        out = model.generate(
            **inputs,
            custom_generate=SMCGenerate(tokenizer, [Nothing()], num_particles=3),
            do_sample=True,
            max_new_tokens=3,
        )
    assert torch.equal(out, inputs["input_ids"])


@pytest.mark.parametrize(
    "options, named",
    [
        ({"do_sample": False}, "do_sample"),
        ({"do_sample": True, "num_beams": 2}, "num_beams"),
        ({"do_sample": True, "repetition_penalty": 1.3}, "RepetitionPenalty"),
        ({"do_sample": True, "max_time": 3.0}, "MaxTime"),
        ({"do_sample": True, "dola_layers": "low"}, "dola_layers"),
        *(
            ({"do_sample": True, "return_dict_in_generate": True, f"output_{kind}": True}, kind)
            for kind in ("scores", "logits", "attentions", "hidden_states")
        ),
    ],
)
def test_what_has_no_weights_is_refused(model, tokenizer, options, named):
    with pytest.raises(SettingsError, match=named):
        model.generate(
            **encoded(tokenizer, "the cat"),
            custom_generate=SMCGenerate(tokenizer),
            max_new_tokens=3,
            **options,
        )


def test_inputs_beside_the_prompts_tokens_are_refused(model, tokenizer):
    """Not read, they would be ignored, and the texts follow another prompt than was asked for."""
    inputs = encoded(tokenizer, "the cat")
    ids = inputs["input_ids"]
    embeds = model.get_input_embeddings()(ids)
    parameters = inspect.signature(model.forward).parameters
    cache = "cache" if "cache" in parameters else "past_key_values"  # as the release calls it
    read = model(ids, use_cache=True)
    for given, named in (
        ({"inputs_embeds": embeds}, "inputs_embeds"),
        ({**inputs, "inputs_embeds": embeds}, "inputs_embeds"),
        ({**inputs, cache: read[cache]}, f"{cache} holds"),
        ({**inputs, "position_ids": torch.arange(ids.shape[1])[None] + 5}, "position_ids"),
        ({"input_ids": ids, "attention_mask": torch.zeros_like(ids)}, "prompt 0 has no tokens"),
    ):
        with pytest.raises(SettingsError, match=named):
            model.generate(
                **given,
                custom_generate=SMCGenerate(tokenizer, num_particles=2),
                do_sample=True,
                max_new_tokens=3,
            )


def test_a_warper_beside_the_config_is_refused(model, tokenizer):
    """`generate` prefers it to the config, which the sampler reads."""
    for option, named in (({}, "temperature=0.5"), ({"temperature": 0.9}, "temperature=0.5")):
        with pytest.raises(SettingsError, match=named):
            model.generate(
                **encoded(tokenizer, "the cat"),
                custom_generate=SMCGenerate(tokenizer, num_particles=2),
                logits_processor=[transformers.TemperatureLogitsWarper(0.5)],
                do_sample=True,
                max_new_tokens=3,
                **option,
            )


def test_a_model_with_an_encoder_is_refused(tokenizer):
    sizes = {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2}
    config = transformers.T5Config(
        vocab_size=len(tokenizer), decoder_start_token_id=0, eos_token_id=0, pad_token_id=0, **sizes
    )
    model = transformers.T5ForConditionalGeneration(config)
    with pytest.raises(SettingsError, match="T5ForConditionalGeneration has an encoder"):
        model.generate(
            **encoded(tokenizer, "the cat"),
            custom_generate=SMCGenerate(tokenizer),
            do_sample=True,
            max_new_tokens=3,
        )


def test_half_precision_padded_on_either_side(tokenizer):
    """What is padded on the right has its padding between prompt and text, as with `generate`."""
    model = tiny_model("llama", len(tokenizer)).to(torch.bfloat16)
    inputs = encoded(tokenizer, "the cat", "one two three four five")
    tokenizer.padding_side = "right"
    other = tokenizer(["the cat", "one two three four five"], return_tensors="pt", padding=True)
    assert not torch.equal(inputs["input_ids"], other["input_ids"])
    found = [
        model.generate(
            **each,
            custom_generate=SMCGenerate(tokenizer, [Regex("[ab]{3}")], num_particles=8, seed=1),
            do_sample=True,
            top_k=0,
            max_new_tokens=6,
        )[:, each["input_ids"].shape[1] :]
        for each in (inputs, other)
    ]
    assert torch.equal(*found)


@pytest.fixture
def by_folder(model, tokenizer, tmp_path, monkeypatch):
    """Call `generate` with the folder; the arguments are those of the call beyond the usual."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path))

    def call(**options):
        return model.generate(
            **encoded(tokenizer, "the cat"),
            custom_generate=str(FOLDER),
            trust_remote_code=True,
            tokenizer=tokenizer,
            do_sample=True,
            top_k=0,
            seed=0,
            **options,
        )

    return call


def test_the_folder_is_loaded_by_name(tokenizer, by_folder):
    out = by_folder(max_new_tokens=6, regex="[ab]{2}", num_particles=5)
    (text,) = texts(tokenizer, out, encoded(tokenizer, "the cat")["input_ids"].shape[1])
    assert len(text) == 2 and set(text) <= {"a", "b"}


def test_the_folder_takes_the_stop_strings_of_generate(tokenizer, by_folder):
    out = by_folder(
        max_new_tokens=9,
        regex="[a-c]{0,4}",
        stop_strings="a",
        num_particles=64,
        return_dict_in_generate=True,
    )
    ended = [s for s in out.posteriors[0].sequences if s.finished]
    assert ended and not any("a" in s.text for s in ended)
    assert any(s.tokens[-1] != tokenizer.eos_token_id for s in ended), "none met the stop string"


def test_the_folder_takes_the_best(by_folder):
    out = by_folder(
        max_new_tokens=4,
        regex="[ab]",
        num_particles=40,
        answer="best",
        num_return_sequences=5,
        return_dict_in_generate=True,
    )
    (posterior,) = out.posteriors
    assert len(posterior.probabilities()) == 2
    assert len({tuple(row) for row in out.sequences.tolist()}) == 1


def test_the_folder_refuses_a_streamer(tokenizer, by_folder):
    """It would be told the prompt, and whoever reads it would wait for the rest for ever."""
    with pytest.raises(SettingsError, match="streamer"):
        by_folder(max_new_tokens=3, streamer=transformers.TextStreamer(tokenizer))


def test_the_folder_without_a_tokenizer_says_so(model, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path))
    with pytest.raises(SettingsError, match="tokenizer="):
        model.generate(
            torch.tensor([[3, 4]]),
            custom_generate=str(FOLDER),
            trust_remote_code=True,
            do_sample=True,
            max_new_tokens=2,
        )
