"""Reward models of `smc serve`, by the names that clients may ask for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from smc.cli.solve_arguments import FORMAT_NAMES, JUDGE_NAMES
from smc.errors import SettingsError

if TYPE_CHECKING:
    from smc.integrations.server.shared_rewards import SharedReward


def add_served_rewards(parser: argparse.ArgumentParser) -> None:
    """Declare `--reward`."""
    parser.add_argument(
        "--reward",
        action="append",
        default=[],
        metavar="NAME=[FORMAT:]MODEL",
        help="a process reward model that requests with a strategy may ask for by name",
    )


def check_reward_options(options: Sequence[str]) -> dict[str, tuple[str | None, str]]:
    """Return the format, or None, and the model of each reward, by its name.

    Raises:
        SettingsError: One is malformed, or named twice or as a judge is.
    """
    rewards: dict[str, tuple[str | None, str]] = {}
    for given in options:
        name, equals, where = given.partition("=")
        if not (name and equals and where):
            raise SettingsError(
                f"--reward {given}: expected NAME=MODEL or NAME=FORMAT:MODEL, such as "
                "prm=Qwen/Qwen2.5-Math-PRM-7B."
            )
        if name in rewards or name in JUDGE_NAMES:
            raise SettingsError(
                f"--reward {given}: the name {name!r} is taken; expected each once, and none of "
                f"{', '.join(JUDGE_NAMES)}."
            )
        kind, colon, model = where.partition(":")
        formatted = bool(colon) and kind in FORMAT_NAMES
        rewards[name] = (kind, model) if formatted else (None, where)
    return rewards


def rewards_of(options: Sequence[str], device: str | None) -> Mapping[str, SharedReward]:
    """Return the reward models, loaded.

    Raises:
        SMCError: One cannot be.
    """
    from smc.integrations.rewards import load_reward
    from smc.integrations.server.shared_rewards import SharedReward

    def loaded(kind: Any, model: str) -> SharedReward:
        return SharedReward(load_reward(model, kind, device=device))

    return {name: loaded(*how) for name, how in check_reward_options(options).items()}
