"""Table of the particles of a posterior, as a pandas data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.errors import SettingsError
from smc.posterior import Posterior

if TYPE_CHECKING:
    import pandas


def particle_frame(posterior: Posterior) -> pandas.DataFrame:
    """Return a row for each particle, in the order of `sequences`.

    Raises:
        SettingsError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise SettingsError(
            f"to_frame: needs pandas ({error}); expected it to be installed: pip install pandas."
        ) from error
    return pandas.DataFrame(
        {
            "text": [s.text for s in posterior.sequences],
            "weight": posterior.weights,
            "log_weight": posterior.log_weights,
            "num_tokens": [len(s.tokens) for s in posterior.sequences],
            "finished": [s.finished for s in posterior.sequences],
            "truncated": [s.truncated for s in posterior.sequences],
        }
    )
