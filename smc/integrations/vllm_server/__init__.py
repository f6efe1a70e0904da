r"""The sampler inside a stock vLLM server, as a logits processor that it loads.

    python -m vllm.entrypoints.openai.api_server --model MODEL \
        --logits-processors smc.integrations.vllm_server.processor:SegmentProcessor \
        --logprobs-mode processed_logits

A request that carries our fields draws its tokens in the processor, under a grammar if it names
one, and its "logprobs" are weight increments. `smc.backends.vllm_remote.RemoteVLLM` is the other
end: a language model for the engine, whose rows are drawn in segments by such a server. Requests
without our fields are served as always.
"""
