"""What a population's texts are drawn and weighed under; each may have its own."""

from __future__ import annotations

from dataclasses import dataclass

from smc.model import Vocabulary
from smc.settings import Settings


@dataclass(frozen=True)
class Terms:
    """The method, and what ends a text.

    Attributes:
        settings: The method.
        vocabulary: The model's, with the tokens that begin with a stop string as EOS.
        stop: Strings that end a text.
    """

    settings: Settings
    vocabulary: Vocabulary
    stop: tuple[str, ...] = ()
