"""Models that think in depth: layers that run again, as often as a caller is ready to pay for.

`recurrent` (recurrent depth) repeats a core of layers for all tokens, `inner_thinking` repeats
single layers for the tokens that a router picks. Both are known to transformers' auto classes once
`registry.register` was called, as loading does. `smc.with_depth` changes how deep one thinks.
"""
