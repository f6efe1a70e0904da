"""Language models as judges: how one is asked for the worth of solutions."""

from __future__ import annotations

from typing import Literal, cast, get_args

from smc.errors import SettingsError
from smc.model import LanguageModel
from smc.steps import StepModel, StepScorer
from smc.strategies.likelihood_judge import LikelihoodJudge
from smc.strategies.llm_judge import LLMJudge
from smc.strategies.seeds import Seed
from smc.strategies.writing import TokenWriter, Writer

JudgeKind = Literal["prompted", "likelihood"]
JUDGES: tuple[JudgeKind, ...] = get_args(JudgeKind)

_RATING_TOKENS = 16


def as_judge(
    model: LanguageModel | StepModel | Writer, kind: JudgeKind = "prompted", seed: Seed = 0
) -> StepScorer:
    """Return a language model as a judge of steps.

    Args:
        model: That is asked.
        kind: `prompted`: it writes a rating from 0 to 10 (`LLMJudge`). `likelihood`: how probable
            it finds that it would say "Yes" (`LikelihoodJudge`), which needs its probabilities.
        seed: Of the ratings.

    Raises:
        SettingsError: There is no such kind, or the model cannot be asked so.
    """
    if kind not in JUDGES:
        raise SettingsError(f"judge: got {kind!r:.80}; expected one of {', '.join(JUDGES)}.")
    writes = hasattr(model, "extend") or hasattr(model, "write")
    if kind == "likelihood":
        if writes:
            raise SettingsError(
                f"judge: {type(model).__name__} gives texts and no probabilities; expected a "
                "language model, such as smc.load gives. Use judge='prompted'."
            )
        return LikelihoodJudge(cast(LanguageModel, model))
    if writes:
        return LLMJudge(cast(Writer, model), seed=seed)
    return LLMJudge(TokenWriter(cast(LanguageModel, model), max_tokens=_RATING_TOKENS), seed=seed)
