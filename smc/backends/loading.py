"""The one door to every backend: a model by its name or folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack, cast, overload

from smc.backends.load_options import (
    Backend,
    LoadOptions,
    TransformersOptions,
    VLLMOptions,
    split,
)

if TYPE_CHECKING:
    from smc.backends.transformers import TransformersModel
    from smc.backends.vllm import VLLMModel


@overload
def load(
    name: str, *, backend: Literal["transformers"] = ..., **options: Unpack[TransformersOptions]
) -> TransformersModel: ...


@overload
def load(name: str, *, backend: Literal["vllm"], **options: Unpack[VLLMOptions]) -> VLLMModel: ...


@overload
def load(name: str, **options: Unpack[LoadOptions]) -> TransformersModel | VLLMModel: ...


def load(name: str, **options: Unpack[LoadOptions]) -> TransformersModel | VLLMModel:
    """Load a causal language model.

    Args:
        name: Of a Hub repository, a local folder, (transformers) a `.gguf` file, or of a small
            model that comes with the package: `embedded:` and `arithmetic`, `arithmetic-editor`,
            `arithmetic-judge`, `arithmetic-recurrent`,
            `arithmetic-inner-thinking`, `arithmetic-loop`, `arithmetic-plain`, `countdown`,
            `countdown-improved`, `countdown-plain`, `goals`, `molecules`, `python`, `reasoning`
            or `sql`.
        options: By name, see below; a None is as good as one left out.

    Options of both backends:
        backend: `"transformers"` (default), or `"vllm"` for an engine of vLLM in this process.
        dtype: `"auto"` (the checkpoint's, default), `"bfloat16"`, `torch.float32`, …. In bfloat16
            on a CPU, transformers' linear layers keep their weights a second time, laid out for
            the processor, where half of the free memory holds them: a step is a third faster.
        temperature: > 0, 1 by default; like top_p and top_k part of the model, and so of the
            target.
        top_p: In (0, 1]; 1 keeps all tokens, and is the default.
        top_k: 0 keeps all tokens, and is the default.
        eos_ids: Ids that end a sequence, in place of those that model and tokenizer name.
        quantization: Of transformers one of its quantization configs, or a mapping as in the
            `quantization_config` of a `config.json`; of vLLM the name of one of its methods.
        trust_remote_code: Whether to run code that comes with the model.
        revision: Branch, tag or commit of the repository.

    Options of transformers:
        device: `"cuda"`, `"cpu"`, …; `"auto"` spreads the layers over what there is. By default
            the GPU where there is one.
        attn_implementation: `"sdpa"`, `"eager"`, `"flash_attention_2"`, …; by default what the
            model prefers. Rows share prefixes under `"sdpa"`.
        compile: Whether to compile the step of rows that share a prefix (a prompt of more than 64
            tokens): what stands between its products is fused by `torch.compile`, which takes a
            minute at the first step of a process, less once its files are there, and needs a C++
            compiler (Triton on a GPU). Where that fails, or computes something else, the log says
            so and nothing is compiled.
        gguf_file: A file of the repository or folder, to be dequantised; needs the extra `gguf`.
        depth: Of a network whose layers can be repeated (recurrent depth, inner thinking), how
            often they are; by default what its config says. See `smc.with_depth`.

    Options of vLLM:
        tensor_parallel_size: Over how many devices each layer is spread; 1 by default. With more
            than one, vLLM starts a process for each: a script needs `if __name__ == "__main__":`.
        engine_args: Further arguments of `vllm.LLM`: `max_num_seqs` (at least the particles of a
            batch), `max_model_len`, `gpu_memory_utilization`, `enforce_eager`, ….

    Raises:
        ModelError: There is no such model, it cannot be loaded, or the device or dtype is not
            there.
        SettingsError: An option is out of its range, or not one of this backend.
    """
    backend: Backend = options.get("backend") or "transformers"
    rest = {n: v for n, v in options.items() if n != "backend"}
    split(backend, cast(LoadOptions, rest))  # before anything heavy is imported
    if backend == "vllm":
        from smc.backends.vllm import VLLMModel

        return VLLMModel.load(name, **cast(VLLMOptions, rest))
    from smc.backends.transformers import TransformersModel

    return TransformersModel.load(name, **cast(TransformersOptions, rest))
