"""Sequential Monte Carlo inside `model.generate` of Hugging Face transformers.

    from smc.integrations.transformers import SMCGenerate
    sampler = SMCGenerate(tokenizer, [JSONSchema(schema)], num_particles=20)
    model.generate(**inputs, custom_generate=sampler, do_sample=True, top_k=0, max_new_tokens=64)

Temperature, top-k and top-p of the generation config are part of the model and so of the target, as
`smc.TransformersModel` says; `generate` sets top_k=50 unless told otherwise. Stop strings go to
`SMCGenerate`. The folder `smc/integrations/hub` does the same by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.utils.generic import ModelOutput

from smc.backends.transformers import TransformersModel
from smc.errors import SettingsError
from smc.integrations.hf_arguments import GenerateArguments, read_arguments
from smc.pages.deaths import deaths_line
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential, Boundary
from smc.sampling import sample_batch
from smc.settings import LastSlot


@dataclass
class SMCOutput(ModelOutput):
    """What `generate(..., return_dict_in_generate=True)` returns.

    Attributes:
        sequences: `[B · num_return_sequences, L]` token ids, prompt first, padded on the right.
        log_evidence: `[B]` log Ẑ of each prompt.
        posteriors: `[B]` the whole result of each prompt.
    """

    sequences: torch.Tensor | None = None
    log_evidence: torch.Tensor | None = None
    posteriors: tuple[Posterior, ...] | None = None


class SMCGenerate:
    """A `custom_generate` callable.

    By default each returned sequence is drawn from the posterior, so that many calls have the
    distribution that the weights stand for (up to the error of N particles).

    Args:
        tokenizer: Of the model.
        potentials: What texts should be; for every prompt.
        num_particles: N for each prompt.
        method: One of `smc.METHODS`.
        ess_threshold: Resample when ESS < threshold · N.
        resampling: `multinomial`, `residual`, `stratified` or `systematic`.
        resample_at: Where particles wait for each other; None: nowhere.
        stop: Strings that end a text, besides the end tokens.
        seed: A number: every call draws alike. A generator: calls follow one another. None: from
            torch's generator, as `generate` itself draws.
        answer: `draw`: by weight. `best`: the text with the largest posterior probability,
            whatever `num_return_sequences` is.
        at_max_tokens: As in `smc.sample`: a text that has not ended with `max_new_tokens` is taken
            as it is (`cut`), as `generate` itself does, or its last token is an end (`end`).

    `generate` hands neither a `streamer` nor the `tokenizer` of its `stop_strings` to a callable:
    the first is told the prompt and nothing more, the second it refuses itself.

    Raises:
        SettingsError: On use, where `generate` is asked for something that has no weights: beams,
            greedy decoding, processors that change logits, inputs beside token ids.
    """

    def __init__(
        self,
        tokenizer: Any,
        potentials: Sequence[AnyPotential] = (),
        *,
        num_particles: int = 10,
        method: str = "smc",
        ess_threshold: float = 0.5,
        resampling: str = "systematic",
        resample_at: Boundary[Any] | None = None,
        stop: Sequence[str] = (),
        seed: int | np.random.Generator | None = None,
        answer: str = "draw",
        at_max_tokens: LastSlot = "cut",
    ) -> None:
        if isinstance(stop, str):
            raise SettingsError(f"stop: expected a sequence of strings, got {stop!r}.")
        if answer not in ("draw", "best"):
            raise SettingsError(f"answer: expected draw or best, got {answer!r}.")
        self._answer = answer
        self._tokenizer = tokenizer
        self._potentials = tuple(potentials)
        self._num_particles = num_particles
        self._method = method
        self._ess_threshold = ess_threshold
        self._resampling = resampling
        self._resample_at = resample_at
        self._stop = tuple(stop)
        self._seed = seed
        self._at_max_tokens: LastSlot = at_max_tokens
        self._models: dict[tuple[Any, ...], TransformersModel] = {}

    def __call__(
        self,
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Any = None,
        stopping_criteria: Any = None,
        generation_config: Any = None,
        **model_kwargs: Any,
    ) -> torch.Tensor | SMCOutput:
        """Sample; the arguments are those that `generate` hands to its decoding methods."""
        if model.config.is_encoder_decoder:
            raise SettingsError(
                f"generate: {type(model).__name__} has an encoder; expected a decoder-only model."
            )
        arguments = read_arguments(
            input_ids,
            model_kwargs,
            logits_processor,
            stopping_criteria,
            generation_config,
        )
        posteriors = sample_batch(
            self._model(model, arguments),
            arguments.prompts,
            [self._potentials] * len(arguments.prompts),
            num_particles=self._num_particles,
            max_tokens=arguments.max_tokens,
            at_max_tokens=self._at_max_tokens,
            ess_threshold=self._ess_threshold,
            resampling=self._resampling,
            resample_at=self._resample_at,
            method=self._method,
            stop=(*self._stop, *arguments.stop),
            seeds=np.random.default_rng(self._next_seed()),
        )
        sequences = self._sequences(input_ids, arguments, posteriors)
        if not arguments.as_dict:
            return sequences
        return SMCOutput(
            sequences=sequences,
            log_evidence=torch.tensor([p.log_evidence for p in posteriors], dtype=torch.float64),
            posteriors=tuple(posteriors),
        )

    def _model(self, model: Any, arguments: GenerateArguments) -> TransformersModel:
        """Return the model with these settings; its vocabulary is read once."""
        key = (id(model), arguments.eos_ids, arguments.warp)
        if key not in self._models:
            self._models = {
                key: TransformersModel(
                    model, self._tokenizer, eos_ids=arguments.eos_ids, **dict(arguments.warp)
                )
            }
        return self._models[key]

    def _next_seed(self) -> int:
        if isinstance(self._seed, np.random.Generator):
            return int(self._seed.integers(2**62))
        if self._seed is not None:
            return self._seed
        return int(torch.randint(0, 2**62, (1,)))

    def _sequences(
        self, input_ids: torch.Tensor, arguments: GenerateArguments, posteriors: Sequence[Posterior]
    ) -> torch.Tensor:
        """`[B · num_return_sequences, L]` draws from the posteriors behind their prompts."""
        rng = np.random.default_rng([self._next_seed(), 1])
        drawn = []
        for posterior in posteriors:
            if posterior.status is Status.EXTINCT:
                warnings.warn(
                    f"generate: no text satisfies the potentials: {posterior.reason} "
                    f"({deaths_line(posterior)}). The prompt is returned as it is; use more "
                    "particles, or ask for less.",
                    stacklevel=4,
                )
                drawn += [()] * arguments.num_return
                continue
            if self._answer == "best":
                texts = [s.text for s in posterior.sequences]
                best = posterior.sequences[texts.index(posterior.best or "")]
                drawn += [best.tokens] * arguments.num_return
                continue
            chosen = rng.choice(
                len(posterior.sequences), size=arguments.num_return, p=posterior.weights
            )
            drawn += [posterior.sequences[i].tokens for i in chosen]
        longest = max(map(len, drawn))
        new = input_ids.new_full((len(drawn), longest), arguments.pad_id)
        for row, tokens in zip(new, drawn, strict=True):
            row[: len(tokens)] = torch.tensor(tokens, dtype=new.dtype)
        return torch.cat([input_ids, new], dim=1)
