"""How the next token is drawn, and what incremental weight that gives: three proposals.

The local proposal (Loula et al. 2025, "local product of experts") is

    q(v | row) = p(v | row)^(1/τ) · φ(v | row) / L(row)

with φ the product of the cheap potentials' token scores and τ the proposal's temperature. The
incremental weight of the token drawn is p·φ/q; at τ = 1 that is the normaliser L(row), whatever
the token. `RejectionProposal` goes on drawing until opaque checks accept the token, and
`DraftProposal` has another model in the place of p in q. Each is exact: E[w · 1{token = v}] is
p(v)·φ(v), with the checks as a part of φ.

Here are their arguments (`arguments`) and the arithmetic on logits (`draws`), which backends run
where the logits live. What the engine does with them is in `local`, `rejection` and `draft`.
"""

from smc.proposal.arguments import DraftProposal, LocalProposal, Proposal, RejectionProposal
from smc.proposal.draws import draw_rows

__all__ = ["DraftProposal", "LocalProposal", "Proposal", "RejectionProposal", "draw_rows"]
