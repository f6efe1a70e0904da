"""Rewards by name: published reward models, and language models as judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from smc.backends.loading import load
from smc.errors import SettingsError
from smc.model import LanguageModel
from smc.steps import StepModel, StepScorer
from smc.strategies.judges import JudgeKind, as_judge
from smc.strategies.seeds import Seed
from smc.strategies.writing import Writer

if TYPE_CHECKING:
    from potentials.reward_model import Format, FormatName, RewardModel


def load_reward(
    name: str,
    format: FormatName | Format | None = None,
    *,
    device: str | None = None,
    dtype: Any = "auto",
    trust_remote_code: bool = False,
    revision: str | None = None,
) -> RewardModel:
    """Load a published process reward model; `potentials.reward_model` has the formats.

    Args:
        name: Of a Hub repository, such as `Qwen/Qwen2.5-Math-PRM-7B`, or a local folder.
        format: How it is shown a solution; None: what its name or config tells.
        device: As of `smc.load`, and so are the others.
        dtype: See `smc.load`.
        trust_remote_code: See `smc.load`.
        revision: See `smc.load`.

    Raises:
        ModelError: There is no such model, or nothing tells its format.
        SettingsError: There is no such format.
    """
    from potentials.reward_model import load_reward_model

    return load_reward_model(
        name,
        format,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        revision=revision,
    )


def reward_of(
    model: LanguageModel | StepModel | Writer,
    given: StepScorer | LanguageModel | str | None,
    judge: JudgeKind | None,
    seed: Seed = 0,
) -> StepScorer | None:
    """Return the judge that a reward and the way of asking it stand for.

    Args:
        model: That is judged.
        given: A judge, a language model, a name, `self` or None; see `smc.solve`.
        judge: How a language model is asked.
        seed: Of a judge's ratings.

    Raises:
        SettingsError: It is none of these, or both are contrary.
    """
    if given is None and judge is None:
        return None
    if given is None or (isinstance(given, str) and given == "self"):
        return as_judge(model, judge or "prompted", seed)
    if isinstance(given, str):
        return load_reward(given) if judge is None else as_judge(load(given), judge, seed)
    if hasattr(given, "scores"):
        if judge is not None:
            raise SettingsError(
                f"judge: got {judge!r} for {type(given).__name__}, which gives scores by itself; "
                "expected None, or a language model as the reward."
            )
        return cast(StepScorer, given)
    if hasattr(given, "start") and hasattr(given, "vocabulary"):
        return as_judge(cast(LanguageModel, given), judge or "prompted", seed)
    raise SettingsError(
        f"reward: got {given!r:.80}; expected a judge (smc.load_reward, a StepScorer), a language "
        "model, the name of a reward model, or 'self'."
    )
