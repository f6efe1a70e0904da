"""The errors that the engine raises on purpose.

Every message says what went wrong, where, what was got, what was expected and what to do.
A candidate that fails (bad SQL, an invalid molecule) is never an error: it is a log weight of −inf.
"""


class SMCError(Exception):
    """Base class of everything raised on purpose by this project.

    Results hold errors as data (`Extension.error`), so those that say the same are equal.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash((type(self), str(self)))


def first_line(error: BaseException) -> str:
    """Return what another library's error says first, to stand within a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else repr(error)


class SettingsError(SMCError, ValueError):
    """An argument of a public entry point is out of its range."""


class VocabularyError(SMCError, ValueError):
    """A vocabulary that cannot be used: no end-of-sequence token, say."""


class ModelError(SMCError, RuntimeError):
    """A language model that cannot be loaded, or returned logits that are not numbers."""


class PromptError(SMCError, ValueError):
    """A prompt that the model cannot take: empty, or longer than its context."""


class PotentialError(SMCError, RuntimeError):
    """A potential that raised, or returned something that is not a log weight."""


class GrammarError(SMCError, ValueError):
    """A grammar that is malformed, or cannot be carried over exactly."""


class ExtinctError(SMCError, RuntimeError):
    """A value was asked for, and every particle died; without weight there is none.

    Args:
        message: What happened.
        posterior: The result of the run (an `smc.Posterior`).
    """

    def __init__(self, message: str, posterior: object = None) -> None:
        super().__init__(message)
        self.posterior = posterior


class MissingExtraError(SMCError, ImportError):
    """A package that one of the distribution's extras brings is not installed.

    Args:
        message: What needs it, and how it is installed.
        package: Its import name.
    """

    def __init__(self, message: str, package: str = "") -> None:
        super().__init__(message, name=package)


class EndpointError(SMCError, RuntimeError):
    """A generator behind a network that failed, stalled, or answered with nonsense."""
