"""Inner thinking: the router, the steps, the sum, and that no token looks ahead."""

from __future__ import annotations

import pytest
import torch

from smc.backends.depth.inner_thinking import PreNormBlock, Router, calibrate
from smc.errors import SettingsError
from tests.backends.depth_models import ids_of, inner_thinking


def logits_of(network, ids):
    with torch.no_grad():
        return network(ids).logits


def test_without_any_token_it_is_the_plain_layers():
    network, ids = inner_thinking(), ids_of()
    plain = network.with_depth(1)
    assert torch.equal(logits_of(network.with_ratio(0.0), ids), logits_of(plain, ids))
    assert (logits_of(network, ids) - logits_of(plain, ids)).abs().max() > 0.01


def test_with_all_tokens_and_weights_of_one_it_is_the_loop():
    network, ids = inner_thinking().with_ratio(1.0), ids_of()
    loop = inner_thinking(routes=False)
    loop.load_state_dict(network.state_dict(), strict=False)
    assert (logits_of(network, ids) - logits_of(loop, ids)).abs().max() > 0.01
    with torch.no_grad():
        for router in (m for m in network.modules() if isinstance(m, Router)):
            router.weight.zero_()
            router.bias.fill_(100.0)  # a sigmoid of one
            router.encoding.fill_(1.0)
    for depth in (1, 3, 6):
        deep = network.with_depth(depth), loop.with_depth(depth)
        torch.testing.assert_close(logits_of(deep[0], ids), logits_of(deep[1], ids))


def test_the_loop_is_the_sum_of_its_updates_by_hand(monkeypatch):
    loop, ids = inner_thinking(routes=False, num_layers=2), ids_of(1)
    states, updates, update = [], [], PreNormBlock.update

    def noted(block, x, place, run):
        if block is loop.layers[1]:
            states.append(x)
            updates.append(update(block, x, place, run))
            return updates[-1]
        return update(block, x, place, run)

    monkeypatch.setattr(PreNormBlock, "update", noted)
    logits_of(loop, ids)
    assert len(states) == loop.depth
    for t in range(1, len(states)):
        torch.testing.assert_close(states[t], states[0] + sum(updates[:t]))


def test_tokens_left_out_keep_their_state_bit_for_bit(monkeypatch):
    network, ids = inner_thinking(), ids_of(3, 12)
    kept, step = [], network._step

    def noted(x, update, *rest):
        new, chosen = step(x, update, *rest)
        kept.append((x, new, chosen))
        return new, chosen

    monkeypatch.setattr(network, "_step", noted)
    logits_of(network, ids)
    assert len(kept) == 2 * 2
    for x, new, chosen in kept:
        assert torch.equal(x[~chosen], new[~chosen])
        assert (x[chosen] != new[chosen]).any(-1).all()
    assert all(0 < chosen.sum() < chosen.numel() for _, _, chosen in kept)


def test_generating_looks_at_no_later_token_and_training_does():
    """Of another end, the beginning's logits are the same; quantiles of the batch would differ."""
    network, ids = inner_thinking(), ids_of(1, 30)
    other = ids.clone()
    other[:, 15:] = ids_of(1, 15, seed=8)
    assert torch.equal(logits_of(network, ids)[:, :15], logits_of(network, other)[:, :15])
    assert torch.allclose(
        logits_of(network, ids[:, :15]), logits_of(network, ids)[:, :15], atol=1e-4
    )
    network.train()
    difference = logits_of(network, ids)[:, :15] - logits_of(network, other)[:, :15]
    assert difference.abs().max() > 0.01


@pytest.mark.parametrize("ratio", [0.3, 0.7])
def test_thresholds_pick_the_share_of_tokens_that_they_were_measured_for(ratio):
    network, ids = inner_thinking(), ids_of(40, 50)
    text = ids > 3
    calibrate(network, [(ids[:20], text[:20]), (ids[20:], text[20:])])
    network = network.with_ratio(ratio)
    with torch.no_grad():
        steps = network(ids).steps
    # The first step of the first thinking layer sees what the calibration saw.
    scores, router = [], network.router(0, 1)
    handle = router.register_forward_hook(lambda m, given, out: scores.append(out[text]))
    logits_of(network, ids)
    handle.remove()
    share = float((scores[0] > router.threshold(ratio)).float().mean())
    assert abs(share - ratio) < 0.02
    assert 0 < float(steps[text].float().mean()) < 2 * (network.depth - 1)


def test_thresholds_are_kept_with_the_weights(tmp_path):
    network = inner_thinking()
    calibrate(network, [(ids_of(8, 20), ids_of(8, 20) > 0)])
    network.save_pretrained(tmp_path)
    loaded = type(network).from_pretrained(tmp_path).eval()
    assert torch.equal(logits_of(loaded, ids_of()), logits_of(network, ids_of()))
    assert not network.training


def test_gradients_reach_routers_and_step_vectors():
    network = inner_thinking().train()
    network(ids_of(), counted=ids_of() > 2).logits.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_steps_beyond_the_trained_ones_use_the_last():
    network = inner_thinking()
    assert network.router(1, 2) is network.router(1, 9) is not network.router(1, 1)


def test_a_share_is_a_share():
    with pytest.raises(SettingsError, match="share"):
        inner_thinking().with_ratio(1.1)
