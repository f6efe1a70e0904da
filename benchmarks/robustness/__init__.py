"""Robustness over compute: what injected instructions achieve against a model that thinks more.

After Zaremba et al. (2025), "Trading inference-time compute for adversarial robustness",
arXiv:2501.18841, on models that run on a processor.
"""
