"""Networks whose weights change while they answer: FTTT and OpTune (arXiv:2502.15771).

`FeedbackTuning` learns a low-rank adapter from the tokens of the feedback; `PredictedUpdates`
applies the update that a small trained network foretells. Both are learners for
`smc.strategies.adaptable.Adapted`, and leave the network's own weights alone: what they add is
added behind the layers, and taken away again.
"""

from smc.backends.adapting.fttt import FeedbackTuning
from smc.backends.adapting.lora import LowRankAdapter
from smc.backends.adapting.predicted import PredictedUpdates
from smc.backends.adapting.update_network import UpdateNetwork

__all__ = ["FeedbackTuning", "LowRankAdapter", "PredictedUpdates", "UpdateNetwork"]
