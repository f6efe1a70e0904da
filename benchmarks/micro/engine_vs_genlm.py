"""SMC under a regular expression, beside genlm-control on the same model.

Both run N particles for T tokens, resample under an effective sample size of N/2, and target
p(x | prompt) · [x matches] over sequences of at most T tokens; they must agree on the evidence.
genlm-control runs in an environment of its own (`make genlm-env`), in the fastest of several
variants found by a short trial. Not timed on either side: loading, and compiling the regular
expression. Both start each run without what they remember of the last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.micro.genlm import Peer, Variant, variants
from benchmarks.micro.models import CACHE, PROMPT, load, model_folder, sample_rate
from benchmarks.micro.timing import Options, Result, interleaved, of_rates
from potentials import Regex

NAME = "engine_vs_genlm"
REGEX = "[A-Za-z0-9 ,.]+"
"""Allows nine tenths of the vocabulary at every token, and texts of any length: the best case of
the peer's rejection sampler, which tests the tokens that it draws one by one."""

TARGET = 10
_TRIAL_TOKENS = 4


def run(options: Options, cache: Path = CACHE, regex: str = REGEX) -> Result:
    """Time both sides; see the module."""
    folder = model_folder(options, cache)
    model, _ = load(options, cache)
    trial = {v: _try(folder, regex, v, options) for v in variants(options.particles)}
    best = max(trial, key=lambda v: trial[v])
    evidence: dict[str, list[float]] = {"ours": [], "peer": []}
    with Peer(folder, regex, best, options) as peer:

        def ours(seed: int) -> float:
            rate, log_evidence = _engine_run(model, regex, options, seed)
            evidence["ours"].append(log_evidence)
            return rate

        def theirs(seed: int) -> float:
            found = peer.run(seed, options.tokens)
            evidence["peer"].append(found["log_evidence"])
            return found["rate"]

        rates = interleaved([ours, theirs], options.repeats)
        versions = peer.versions
    return of_rates(
        NAME,
        rates,
        setting=(
            f"random Llama ({options.layers} layers, width {options.hidden}, vocabulary "
            f"{options.vocabulary}, float32), regex {regex}, N = {options.particles}, at most "
            f"{options.tokens} tokens, ESS threshold 0.5, prompt of {len(PROMPT)}; peer: "
            f"genlm-control {versions['genlm-control']} ({best}); median of {options.repeats} "
            f"interleaved runs ({options.clock} time)"
        ),
        details={
            "target": TARGET,
            "peer_variants": {str(v): rate for v, rate in trial.items()},
            "peer_versions": versions,
            "log_evidence": evidence,
        },
    )


def _try(folder: Path, regex: str, variant: Variant, options: Options) -> float:
    """The rate of a short run, after a shorter warm-up of the same process."""
    with Peer(folder, regex, variant, options) as peer:
        peer.run(0, 2)
        return peer.run(1, min(_TRIAL_TOKENS, options.tokens))["rate"]


def _engine_run(model: Any, regex: str, options: Options, seed: int) -> tuple[float, float]:
    return sample_rate(model, Regex(regex), options, seed)  # a new one: it remembers masks
