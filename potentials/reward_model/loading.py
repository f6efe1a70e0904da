"""Loading of published reward models, by name or folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from potentials.reward_model.formats import (
    Classifier,
    Format,
    MathShepherd,
    QwenPRM,
    RLHFlow,
    Skywork,
)
from potentials.reward_model.known import known_format
from potentials.reward_model.likelihood import LikelihoodReward, Logistic
from potentials.reward_model.model import RewardModel
from potentials.reward_model.texts import question_of
from smc.backends.embedded import place_of
from smc.errors import ModelError, SettingsError
from smc.model import Prompt

if TYPE_CHECKING:
    import torch

FormatName = Literal["math-shepherd", "rlhflow", "skywork", "qwen", "classifier"]
FORMATS: Mapping[str, Callable[[], Format]] = {
    "math-shepherd": MathShepherd,
    "rlhflow": RLHFlow,
    "skywork": Skywork,
    "qwen": QwenPRM,
    "classifier": Classifier,
}


def load_reward_model(
    name_or_path: str,
    format: FormatName | Format | None = None,
    *,
    device: str | None = None,
    dtype: str | torch.dtype = "auto",
    trust_remote_code: bool = False,
    revision: str | None = None,
    question: Callable[[Prompt], str] = question_of,
    batch_size: int = 64,
    cache_tokens: int = 32_768,
) -> RewardModel:
    """Load a process reward model and its tokenizer.

    The formats, and models that were published in them:

    - `math-shepherd`: a causal model that says `+` or `-` at `ки`
      (peiyi9979/math-shepherd-mistral-7b-prm);
    - `rlhflow`: a causal model that answers `+` or `-` to each turn
      (RLHFlow/Llama3.1-8B-PRM-Deepseek-Data);
    - `skywork`: a value head `v_head.summary` at each newline
      (Skywork/Skywork-o1-Open-PRM-Qwen-2.5-7B);
    - `qwen`: a head of two layers, `score`, at `<extra_0>` (Qwen/Qwen2.5-Math-PRM-7B);
    - `classifier`: `AutoModelForSequenceClassification` with one label (a logit) or two (the
      second is the good one), a decoder with a linear head `score`.

    Args:
        name_or_path: Of a Hub repository, a local folder, or a bundled model
            (`embedded:arithmetic-judge`).
        format: A name, or a format with other marks than the published ones; None: what the
            model's name or config tells.
        device: `"cuda"`, `"cpu"`, …; `"auto"` spreads the layers over what there is. By default the
            GPU where there is one.
        dtype: `"auto"` (the checkpoint's), `"bfloat16"`, `torch.float32`, ….
        trust_remote_code: Whether to run code that comes with the model. The formats above need
            none.
        revision: Branch, tag or commit of the repository.
        question: See `RewardModel`.
        batch_size: See `RewardModel`.
        cache_tokens: See `RewardModel`.

    Raises:
        ModelError: There is no such model, it cannot be loaded, it is not of the format, or
            nothing tells its format.
        SettingsError: There is no such format, or a number is out of its range.
    """
    shown = format if isinstance(format, Format) else _format(format, name_or_path, revision)
    kind = {
        QwenPRM: "AutoModel",
        Skywork: "AutoModel",
        Classifier: "AutoModelForSequenceClassification",
    }.get(type(shown), "AutoModelForCausalLM")
    model, tokenizer = _loaded(kind, name_or_path, device, dtype, trust_remote_code, revision)
    from potentials.reward_model.network import Network
    from potentials.reward_model.published import decoder_and_head

    decoder, head = decoder_and_head(shown, model, tokenizer, name_or_path, revision or "main")
    return RewardModel(
        Network(decoder, head),
        tokenizer,
        shown,
        question=question,
        batch_size=batch_size,
        cache_tokens=cache_tokens,
    )


def load_likelihood_reward(
    name_or_path: str,
    format: Format | None = None,
    *,
    calibration: Logistic | None = None,
    layers: int | None = None,
    device: str | None = None,
    dtype: str | torch.dtype = "auto",
    trust_remote_code: bool = False,
    revision: str | None = None,
    question: Callable[[Prompt], str] = question_of,
    batch_size: int = 64,
    cache_tokens: int = 32_768,
) -> LikelihoodReward:
    """Load a causal language model and its tokenizer as a judge by likelihood.

    Args:
        name_or_path: Of a Hub repository, or a local folder.
        format: See `LikelihoodReward`.
        calibration: See `LikelihoodReward`.
        layers: How many are run, from the first on, before the final norm and the output
            embedding; None: all. Fewer suit a model that was trained to foretell there.
        device: See `load_reward_model`, as the others.
        dtype: `"auto"` (the checkpoint's), `"bfloat16"`, `torch.float32`, ….
        trust_remote_code: Whether to run code that comes with the model.
        revision: Branch, tag or commit of the repository.
        question: See `RewardModel`.
        batch_size: See `RewardModel`.
        cache_tokens: See `RewardModel`.

    Raises:
        ModelError: There is no such model, or it cannot be loaded.
        SettingsError: A number is out of its range.
    """
    kind = "AutoModelForCausalLM"
    model, tokenizer = _loaded(kind, name_or_path, device, dtype, trust_remote_code, revision)
    if layers is not None:
        decoder = model.get_decoder()
        has = len(getattr(decoder, "layers", ()))
        if not 1 <= layers <= has:
            raise SettingsError(
                f"likelihood: layers={layers}, and {type(decoder).__name__} has {has} in `layers`; "
                "expected 1 to that many, or None for all."
            )
        decoder.layers = decoder.layers[:layers]
    return LikelihoodReward(
        model,
        tokenizer,
        format,
        calibration=calibration,
        question=question,
        batch_size=batch_size,
        cache_tokens=cache_tokens,
    )


def _loaded(
    kind: str,
    name_or_path: str,
    device: str | None,
    dtype: str | torch.dtype,
    trust_remote_code: bool,
    revision: str | None,
) -> tuple[Any, Any]:
    """The model, by the class of transformers that is named so, and its tokenizer."""
    import torch
    import transformers

    where = place_of(name_or_path)
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    source = {"trust_remote_code": trust_remote_code, "revision": revision or "main"}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **source)
        model: Any = getattr(transformers, kind).from_pretrained(
            where, dtype=dtype, device_map="auto" if place == "auto" else None, **source
        )
        if place != "auto":
            model.to(place)
        model.eval()
    except Exception as error:  # torch without CUDA raises AssertionError, say
        raise ModelError(_cannot_load(name_or_path, place, error)) from error
    return model, tokenizer


def _format(name: str | None, name_or_path: str, revision: str | None) -> Format:
    if name is None:
        return known_format(name_or_path, revision)
    if name not in FORMATS:
        raise SettingsError(
            f"reward model: format {name!r}; expected one of {', '.join(get_args(FormatName))}, or "
            "a Format."
        )
    return FORMATS[name]()


def _cannot_load(name: str, device: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()
    return (
        f"reward model {name!r}: cannot be loaded on {device}: "
        f"{reason[0] if reason else error!r}. Expected a folder with config.json, weights and "
        "tokenizer, or a model's name on the Hub. Without a network, download it elsewhere, pass "
        "the folder, and set HF_HUB_OFFLINE=1."
    )
