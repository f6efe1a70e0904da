"""The one door to the backends: what it takes, refuses, and brings."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import smc
from smc.errors import ModelError, SettingsError
from tests.models import byte_fallback_tokenizer, saved_model, tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(saved_model(tmp_path_factory.mktemp("models") / "llama"))


def log_probs(model):
    return model.start(["the cat"], model.vocabulary, 5).log_probs()


def test_attention_is_what_was_asked_for(folder):
    eager = smc.load(folder, device="cpu", attn_implementation="eager")
    assert eager.model.config._attn_implementation == "eager"
    plain = smc.load(folder, backend="transformers", device="cpu")
    np.testing.assert_allclose(log_probs(eager), log_probs(plain), atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*quantiz")
def test_dynamically_quantised_modules_work(folder):
    """Their layers have no weight that could be asked for its shape; the output layer is one."""
    plain = smc.load(folder, device="cpu", dtype="float32")
    network = torch.ao.quantization.quantize_dynamic(
        copy.deepcopy(plain.model), {torch.nn.Linear}, dtype=torch.qint8
    )
    packed = smc.TransformersModel(network, plain.tokenizer)
    assert "quantized" in type(packed.model.get_output_embeddings()).__module__
    assert len(packed.vocabulary) == len(plain.vocabulary)
    difference = log_probs(packed) - log_probs(plain)
    assert 1e-6 < np.nanstd(difference) < 0.3 * log_probs(plain).std()
    posterior = smc.sample(packed, "the cat", num_particles=4, max_tokens=5, seed=0)
    assert np.isfinite(posterior.log_evidence)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"backend": "onnx"}, SettingsError, "'transformers' or 'vllm'"),
        ({"backend": "vllm", "gguf_file": "x.gguf"}, SettingsError, "gguf_file.*'vllm'"),
        ({"backend": "vllm", "device": "cpu"}, SettingsError, "device.*'vllm'"),
        ({"tensor_parallel_size": 2}, SettingsError, "tensor_parallel_size.*'transformers'"),
        ({"engine_args": {}}, SettingsError, "engine_args.*'transformers'"),
        ({"dtype": "float99"}, SettingsError, "dtype.*float99.*bfloat16"),
        ({"dtype": "nn"}, SettingsError, "dtype"),
        ({"dtype": "int8"}, SettingsError, "int8.*quantization"),
        ({"dtype": torch.float8_e4m3fn}, SettingsError, "quantization"),
        ({"backend": "vllm", "dtype": "float99"}, SettingsError, "dtype.*float99"),
        ({"colour": "red"}, TypeError, "colour"),
        ({"quantization": {"quant_method": "rounding"}}, SettingsError, "makes nothing of"),
        ({"quantization": "int3"}, SettingsError, "int3.*config of transformers"),
        ({"device": "warp-drive"}, ModelError, "no device is called 'warp-drive'"),
        ({"device": "cuda:97"}, ModelError, "'cuda:97' is not there.*GPUs"),
        ({"device": "meta"}, ModelError, "'meta' is not there, or keeps no values"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        smc.load(str(tmp_path / "nothing"), **options)


def test_a_gguf_file_without_its_reader(tmp_path, monkeypatch):
    monkeypatch.setattr("smc.backends.hf.loading.find_spec", lambda name: None)
    for name, file in ((str(tmp_path / "m.gguf"), None), (str(tmp_path), "m.gguf")):
        with pytest.raises(ModelError, match=r"extra gguf: pip install 'smc-lm\[gguf\]'"):
            smc.load(name, gguf_file=file)


def test_a_gguf_file_is_read_and_texts_begin_as_the_original(tmp_path):
    """A file written here, of a SentencePiece model that begins texts with BOS."""
    gguf = pytest.importorskip("gguf")
    tokenizer = byte_fallback_tokenizer()
    size = len(tokenizer)
    network = tiny_model("llama", size, eos=2, tie_word_embeddings=False)
    file = tmp_path / "tiny.gguf"
    write_gguf(gguf, file, network, tokenizer)
    for name, part in ((str(file), None), (str(tmp_path), "tiny.gguf")):
        model = smc.load(name, device="cpu", dtype="float32", gguf_file=part)
        assert model.encode("the cat", 5)[0] == 1
        ids = [1, 70, 80, 90]
        with torch.no_grad():
            expected = network(torch.tensor([ids])).logits[0, -1].double()
        expected[list(model.vocabulary.suppressed)] = -torch.inf
        ours = model.start([ids], model.vocabulary, 5).log_probs()[0]
        finite = np.isfinite(ours)
        np.testing.assert_allclose(ours[finite], expected.log_softmax(-1)[finite], atol=1e-4)


def write_gguf(gguf, file, network, tokenizer):
    config = network.config
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("llama")
    names = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer.add_token_list([name for name, _ in names])
    writer.add_token_scores([-float(i) for i, _ in enumerate(names)])
    kinds = [2 if i == 0 else 3 if i < 3 else 6 if i < 259 else 1 for i, _ in enumerate(names)]
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    plain = {
        "model.embed_tokens.weight": "token_embd.weight",
        "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight",
    }
    parts = {
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for name, weight in network.state_dict().items():
        values = weight.float().numpy()
        if name in plain:
            writer.add_tensor(plain[name], values)
            continue
        _, _, layer, part = name.removesuffix(".weight").split(".", 3)
        if parts[part] in ("attn_q", "attn_k"):  # the halves of a rotation lie beside each other
            count = heads if parts[part] == "attn_q" else kv_heads
            shape = values.shape
            values = values.reshape(count, 2, -1, shape[1]).swapaxes(1, 2).reshape(shape)
        writer.add_tensor(f"blk.{layer}.{parts[part]}.weight", np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
