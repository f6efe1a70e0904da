"""Reward models of runs: what a task is to judge steps by, named on the command line."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import provenance
from benchmarks.tasks import names_function
from domains.base import Task
from potentials.reward_model import FORMATS, load_reward_model
from smc.errors import SettingsError
from smc.references import find_object


@dataclass(frozen=True)
class RewardOptions:
    """A reward model as a command line names it.

    Attributes:
        name: Folder, name on the Hub, or `module:function`, called without arguments.
        format: How it is shown a solution; None: what its name or config tells.
        device: That it runs on; None: the GPU where there is one.
    """

    name: str
    format: str | None = None
    device: str | None = None

    def given_to(self, task: Task[Any]) -> Task[Any]:
        """Return the task with this reward, loaded.

        Raises:
            SettingsError: The task takes none, or there is no such function.
            ModelError: It cannot be loaded.
        """
        check_takes_reward(task)
        return dataclasses.replace(task, reward=self._loaded())  # type: ignore[type-var]

    def stated(self) -> dict[str, Any]:
        """Return what fixes it, as it stands among the settings of a run."""
        return {
            "reward": provenance.shown_model(self.name),
            "reward_format": self.format,
            "reward_digest": provenance.model_digest(self.name),
        }

    def resolved(self) -> RewardOptions:
        """Return it with the folder in full, for processes that run elsewhere."""
        here = Path(self.name).exists()
        return dataclasses.replace(self, name=str(Path(self.name).resolve())) if here else self

    def _loaded(self) -> Any:
        if names_function(self.name):
            return find_object(self.name, option="--reward")()
        return load_reward_model(self.name, self.format, device=self.device)  # type: ignore[arg-type]


def add_reward_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--reward",
        metavar="NAME",
        help="a process reward model for a task that judges steps (math_word): folder, name on the "
        "Hub, or module:function",
    )
    parser.add_argument(
        "--reward-format",
        choices=tuple(FORMATS),
        help="how it is shown a solution (default: what its name or config tells)",
    )


def reward_options(arguments: argparse.Namespace, task: Task[Any]) -> RewardOptions | None:
    """Return the reward that a command line names; None: none.

    Raises:
        SettingsError: The task takes none, or only a format is named.
    """
    if arguments.reward is None:
        if arguments.reward_format is not None:
            raise SettingsError("--reward-format: got one without --reward; expected both.")
        return None
    check_takes_reward(task)
    return RewardOptions(arguments.reward, arguments.reward_format, arguments.device)


def check_takes_reward(task: Task[Any]) -> None:
    """Raise unless a task has a place for a reward.

    Raises:
        SettingsError: It has none.
    """
    fields = dataclasses.fields(task) if dataclasses.is_dataclass(task) else ()
    if "reward" not in (field.name for field in fields):
        raise SettingsError(
            f"--reward: {task.name} has its own potentials and takes no reward model; expected a "
            "task with a field `reward`, such as math_word."
        )
