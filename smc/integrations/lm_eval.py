"""A model type `smc` for lm-evaluation-harness: any of its generation tasks under our sampler.

    python -m smc.integrations.lm_eval run --model smc \
        --model_args pretrained=gpt2,num_particles=16,regex=[0-9]+ --tasks gsm8k

It is the harness's own `hf` model in all but how texts are drawn, so likelihood tasks, prompts,
batches and limits are the harness's. Where a value has braces or commas, as patterns, grammars and
schemas do, all are given as JSON: `--model_args '{"pretrained": "gpt2", "regex": "[0-9]{1,3}"}'`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM

from smc.backends.embedded import place_of
from smc.errors import SettingsError
from smc.integrations.constraints import constraints
from smc.integrations.transformers import SMCGenerate

_HarnessModel: Any = HFLM  # its decorator hides its type
_IGNORED = ("do_sample", "use_cache")


@register_model("smc")
class SMCModel(_HarnessModel):
    """The harness's `hf` model, sampling by sequential Monte Carlo.

    Args:
        pretrained: As of `hf`.
        num_particles: N for each request.
        method: One of `smc.METHODS`.
        ess_threshold: Resample when ESS < threshold · N.
        resampling: `multinomial`, `residual`, `stratified` or `systematic`.
        temperature: Of the model, for tasks that ask for greedy decoding: those that sample bring
            their own. The most probable text under the constraints is not what SMC finds; the
            answer is a text of the posterior. top_k and top_p are off unless a task sets them.
        answer: `best`: the text with the largest posterior probability. `draw`: one by weight.
        grammar: Lark source.
        regex: For the whole answer.
        json_schema: As text.
        potentials: `module:Name`; several parted by `|`, since commas part arguments.
        seed: Of the whole evaluation. None: from torch's generator, which the harness seeds.
        **options: Of `hf`: dtype, device, batch_size, max_length, ….

    Raises:
        SettingsError: A value out of its range, or an encoder-decoder model.
        GrammarError: A constraint is malformed.
    """

    def __init__(
        self,
        pretrained: Any,
        *,
        num_particles: int = 10,
        method: str = "smc",
        ess_threshold: float = 0.5,
        resampling: str = "systematic",
        temperature: float = 1.0,
        answer: str = "best",
        grammar: str | None = None,
        regex: str | None = None,
        json_schema: str | None = None,
        potentials: str = "",
        seed: int | None = None,
        **options: Any,
    ) -> None:
        if answer not in ("best", "draw"):
            raise SettingsError(f"answer: expected best or draw, got {answer!r}.")
        if temperature <= 0:
            raise SettingsError(f"temperature: expected more than 0, got {temperature}.")
        if seed is not None and (not isinstance(seed, int) or seed < 0):
            raise SettingsError(f"seed: expected a whole number from 0 on, got {seed!r}.")
        self._temperature = temperature
        self._potentials = constraints(
            grammar=grammar,
            regex=regex,
            json_schema=json_schema,
            potentials=potentials.replace("|", ","),
        )
        self._settings: dict[str, Any] = {
            "num_particles": num_particles,
            "method": method,
            "ess_threshold": ess_threshold,
            "resampling": resampling,
            # One for all batches: else a question that is asked repeatedly has the same answer.
            "seed": None if seed is None else np.random.default_rng(seed),
            "answer": answer,
        }
        self._samplers: dict[tuple[str, ...], SMCGenerate] = {}
        super().__init__(
            place_of(pretrained) if isinstance(pretrained, str) else pretrained, **options
        )
        if self.backend != "causal":
            raise SettingsError("lm_eval: expected a decoder-only model; this one has an encoder.")

    def _model_generate(
        self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any
    ) -> torch.Tensor:
        """Draw an answer for every row of a batch; called by `generate_until`."""
        asked = {k: v for k, v in generation_kwargs.items() if k not in _IGNORED and v is not None}
        temperature = asked.pop("temperature", 0.0) or self._temperature
        stops = tuple(s for s in stop if s)
        if stops not in self._samplers:
            self._samplers[stops] = SMCGenerate(
                self.tokenizer, self._potentials, stop=stops, **self._settings
            )
        mixed = self.mixed_precision_dtype
        with torch.autocast(self.device.type, dtype=mixed, enabled=mixed is not None):
            return self.model.generate(
                input_ids=context,
                max_length=max_length,
                custom_generate=self._samplers[stops],
                pad_token_id=self.tokenizer.pad_token_id,
                **{"top_k": 0, "top_p": 1.0, **asked},
                do_sample=True,
                temperature=temperature,
            )


def main() -> None:
    """Run the harness's command line, with our model type among its own."""
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()


if __name__ == "__main__":
    main()
