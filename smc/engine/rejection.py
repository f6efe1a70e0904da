"""Adaptive weighted rejection sampling: tokens that opaque checks accept, and what they weigh.

With q and L of the local proposal, A the tokens that the checks accept, and for each row of the
batch the sets K and G of tokens that it knows to be rejected and accepted:

    x ~ q(· | not in K) for each particle, until x ∈ A      K grows with each miss, G with each hit
    y ~ q(· | not in K ∪ G)                                 m fresh draws for each particle
    w = L · [q(G) + q(not in K ∪ G) · share of the y in A]

A miss is never in A, so leaving K out, whoever found it, does not change that x is distributed as
q(· | A). The y are drawn when all x of the row are, so that E[w | x, K, G] = L · q(A) whatever
they are. Hence at τ = 1

    E[w · 1{x = v}] = L · q(A) · q(v | A) = p(v) φ(v) 1{v ∈ A}       for every v,

and at another τ with x's own factor p·φ/(L·q), as of the local proposal. With one particle in a
row and m = 1 it is the recursive estimator of the AWRS literature (Lipkin et al. 2025,
arXiv:2504.05410). If K comes to hold everything, no x is left and the particles die.

Only token ids, their probabilities and normalisers come from the device: without replacement means
a mask that grows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from smc.engine.batch import Batch
from smc.engine.candidates import Candidate
from smc.engine.checks import Checks
from smc.engine.evaluator import all_allowed
from smc.engine.propose import spread
from smc.engine.sampler import Key
from smc.errors import SettingsError
from smc.model import DrawRequest, Draws, FloatArray
from smc.proposals import RejectionProposal

_MOST_AT_ONCE = 256
"""Draws of one particle in a round; a round is one call of the device."""


def draw_accepted(
    batch: Batch, request: DrawRequest, proposal: RejectionProposal
) -> tuple[Draws, dict[Key, Candidate]]:
    """Draw tokens that the checks accept; see `ProposalSampler.draw`.

    Raises:
        SettingsError: The backend does not tell how probable its draws are.
    """
    rounds = _Rounds(batch, request, proposal)
    return rounds.run(), rounds.checks.candidates


@dataclass(slots=True)
class _Search:
    """What one row knows of its next tokens.

    Attributes:
        members: The draws of the plan that are of this row.
        missing: Those without a token yet.
        log_norm: log L of the row.
        accepted: q(v) of the tokens known to be accepted.
        rejected: Tokens known to be rejected.
        left_out: Tokens that are to be left out of the row's mask, and are not yet.
    """

    members: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    log_norm: float = -np.inf
    accepted: dict[int, float] = field(default_factory=dict)
    rejected: set[int] = field(default_factory=set)
    left_out: list[int] = field(default_factory=list)


class _Rounds:
    """One step of the engine: rounds of draws, each checked token by token."""

    def __init__(self, batch: Batch, request: DrawRequest, proposal: RejectionProposal) -> None:
        self._rows = batch.rows
        self._decoding = batch.decodings
        self._request = request
        self._proposal = proposal
        self.checks = Checks(batch.rows, proposal)
        self._of = request.rows.tolist()
        self._searches: dict[int, _Search] = {}
        for m, row in enumerate(self._of):
            search = self._searches.setdefault(row, _Search())
            search.members.append(m)
            search.missing.append(m)
        size = len(self._of)
        self._tokens = np.full(size, -1, dtype=np.int64)
        self._log_weights = np.full(size, -np.inf)
        self._log_probs = np.full(size, -np.inf)
        if request.mask is None:  # all rows' vocabularies are of one size
            vocabulary = self._rows[0].population.config.vocabulary
            self._mask = all_allowed(len(self._rows), vocabulary)
        else:
            self._mask = request.mask.copy()

    def run(self) -> Draws:
        """Draw until every row is done."""
        wanted, draws = list(range(len(self._of))), self._draw(self._request)
        for m, log_norm in enumerate(self._log_norms(draws)):
            self._searches[self._of[m]].log_norm = log_norm
        width = 4
        while wanted:
            self._take(wanted, draws)
            request, wanted = self._next_round(width)
            if wanted:
                draws = self._draw(request)
            width = min(2 * width, _MOST_AT_ONCE)
        return Draws(self._tokens, self._log_weights, self._log_probs)

    def _draw(self, request: DrawRequest) -> Draws:
        draws = self._decoding.draw(request)
        if draws.log_probs is None:
            raise SettingsError(
                "proposal: a RejectionProposal asks how probable each token is, which the model's "
                "backend does not tell; expected a model in this process. Use a LocalProposal, "
                "which asks the same potentials after the draw."
            )
        return draws

    def _log_norms(self, draws: Draws) -> FloatArray:
        """`[M]` log of the proposal's mass in the row of each draw."""
        assert draws.log_probs is not None
        dead = draws.tokens < 0
        own = (1 - 1 / self._proposal.temperature) * np.where(dead, 0.0, draws.log_probs)
        return np.where(dead, -np.inf, draws.log_weights - own)

    def _next_round(self, width: int) -> tuple[DrawRequest, list[int]]:
        """DrawRequest draws for the rows that are not done; return for each draw whom it is for."""
        wanted: list[int] = []
        uniforms: list[FloatArray] = [np.zeros(0)]
        # A problem's rows take their uniforms in the order of its particles, wherever they lie.
        for r in sorted(self._searches, key=lambda r: self._rows[r].particles[0]):
            search = self._searches[r]
            if self._rows[r].population.error is not None:
                del self._searches[r]
                continue
            if search.missing:
                group, count = search.missing, width
            else:
                group, count = search.members, self._proposal.extra_checks
                search.left_out += search.accepted
            self._leave_out(r, search)
            rng = self._rows[r].population.rng
            for _ in range(count):
                wanted.extend(group)
                uniforms.append(spread(self._rows[r], rng.random(len(group))))
        request = replace(
            self._request,
            rows=np.array([self._of[m] for m in wanted], dtype=np.int64),
            uniforms=np.concatenate(uniforms),
            mask=self._mask,
        )
        return request, wanted

    def _leave_out(self, row: int, search: _Search) -> None:
        """Take out of a row's mask what is new: it keeps what was taken out before."""
        if not search.left_out:
            return
        tokens = np.array(search.left_out, dtype=np.int64)
        bits = np.left_shift(np.uint32(1), (tokens % 32).astype(np.uint32))
        np.bitwise_and.at(self._mask[row], tokens // 32, ~bits)
        search.left_out.clear()

    def _take(self, wanted: Sequence[int], draws: Draws) -> None:
        """Go on with each row with what was drawn for it; a row that is done leaves."""
        queues: dict[int, deque[int]] = {}
        fresh: dict[int, list[int]] = {}
        for d, m in enumerate(wanted):
            if self._searches[self._of[m]].missing:
                queues.setdefault(m, deque()).append(d)
            else:
                fresh.setdefault(self._of[m], []).append(d)
        self._weigh(fresh, draws)
        self._settle(queues, draws)

    def _settle(self, queues: dict[int, deque[int]], draws: Draws) -> None:
        """Give each particle the first of its draws that is accepted, if one is.

        Args:
            queues: For each particle's entry of the request, its draws of this round, in order.
            draws: Of this round.
        """
        tokens = draws.tokens.tolist()
        while queues:
            unknown: dict[Key, int] = {}
            for m, queue in list(queues.items()):
                search = self._searches[self._of[m]]
                while queue and tokens[queue[0]] in search.rejected:
                    queue.popleft()
                if not queue:
                    del queues[m]
                elif tokens[queue[0]] < 0 or tokens[queue[0]] in search.accepted:
                    self._give(m, queue[0], draws)
                    del queues[m]
                else:
                    unknown.setdefault((self._of[m], tokens[queue[0]]), queue[0])
            self._check(unknown, draws)

    def _give(self, m: int, d: int, draws: Draws) -> None:
        """Give a particle its token; −1: its row has none."""
        assert draws.log_probs is not None
        row = self._of[m]
        search = self._searches[row]
        search.missing.remove(m)
        self._tokens[m], self._log_probs[m] = draws.tokens[d], draws.log_probs[d]
        if not search.missing and not (search.accepted and self._proposal.properly_weighted):
            del self._searches[row]

    def _weigh(self, fresh: dict[int, list[int]], draws: Draws) -> None:
        """Weigh rows whose particles all have a token; see w above.

        Args:
            fresh: For each row, its draws of this round: the y.
            draws: Of this round.
        """
        if not fresh:
            return
        known = {r: sum(self._searches[r].accepted.values()) for r in fresh}
        drawn = {(r, int(draws.tokens[d])): d for r, ds in fresh.items() for d in ds}
        self._check({key: d for key, d in drawn.items() if key[1] >= 0}, draws)
        log_norms = self._log_norms(draws)
        for r, ds in fresh.items():
            search = self._searches.pop(r)
            share = sum(int(draws.tokens[d]) in search.accepted for d in ds) / len(ds)
            unknown = np.exp(log_norms[ds[0]] - search.log_norm)
            own = (1 - 1 / self._proposal.temperature) * self._log_probs[search.members]
            mass = _accepted_mass(known[r], unknown, share)
            self._log_weights[search.members] = search.log_norm + np.log(mass) + own

    def _check(self, drawn: dict[Key, int], draws: Draws) -> None:
        """Ask about tokens that nothing is known of, each with one of the draws that it is of."""
        if not drawn:
            return
        refused = self.checks.refused(drawn)
        assert draws.log_probs is not None
        scores = self._request.log_scores
        for (row, token), d in drawn.items():
            search = self._searches[row]
            if (row, token) in refused:
                search.rejected.add(token)
                search.left_out.append(token)
                continue
            log_phi = 0.0 if scores is None else float(scores[row, token])
            log_q = draws.log_probs[d] / self._proposal.temperature + log_phi - search.log_norm
            search.accepted[token] = float(np.exp(log_q))


def _accepted_mass(known: float, unknown: float, share: float) -> float:
    """Unbiased estimate of q(A): see w above."""
    return known + unknown * share
