"""A step model over any language model: whole steps, drawn token by token in one batch."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from smc.depth import with_depth
from smc.engine.prefix import Prefix
from smc.errors import SettingsError
from smc.model import Chat, DrawRequest, LanguageModel, Prompt
from smc.potential import AnyPotential, Boundary
from smc.steps.longest_match import LongestMatch
from smc.steps.partial_step import PartialStep
from smc.steps.protocol import Extension, Solution, TokenText
from smc.steps.token_rows import Ids, TokenRows
from smc.steps.token_weights import StepWeights

_GREEDY = 1e-4
"""The temperature that stands for 0: log probabilities that differ by 0.002 are told apart."""


class TokenSteps:
    """Steps of a language model, exact: what is drawn is the model's, whatever the batch.

    All solutions of a call run as one batch. Those with the same tokens share a row of the model,
    and the rows stay from one call to the next, so that a step costs its own tokens only. One
    prompt is held at a time. Every token takes one uniform of its solution's generator: drawn step
    by step or in one go, with others or alone, a solution is the same.

    Args:
        model: Any language model.
        boundary: Where a step ends; it reads each step from its beginning.
        potentials: What constrains the texts. Token potentials enter the proposal; the others are
            asked at the end of each step. `Extension.log_weight` is the log of p·φ/q over the
            step, so that the sum over a finished solution is its log weight.
        max_step_tokens: A step that reaches it ends there.
        max_tokens: Of a whole solution, the end-of-sequence token included. One that reaches it
            without an end comes back as truncated.
        temperature: On the model's probabilities; part of the model, so no weight corrects for it.
    """

    def __init__(
        self,
        model: LanguageModel,
        boundary: Boundary[Any],
        potentials: Sequence[AnyPotential] = (),
        *,
        max_step_tokens: int = 256,
        max_tokens: int = 2048,
        temperature: float = 1.0,
    ) -> None:
        if not isinstance(boundary, Boundary):
            raise SettingsError(
                f"TokenSteps: boundary is {boundary!r}; expected an object with start and advance, "
                'such as potentials.boundaries.steps("\\n\\n").'
            )
        for name, value in (("max_step_tokens", max_step_tokens), ("max_tokens", max_tokens)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SettingsError(f"TokenSteps: {name} is {value!r}; expected at least 1.")
        _checked_temperature(temperature)
        self._model = model
        self._boundary = boundary
        self._weights = StepWeights(potentials, model.vocabulary)
        self._spelling = LongestMatch(model.vocabulary)
        self._max_step_tokens = max_step_tokens
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._rows: tuple[str, TokenRows] | None = None
        self._passes = 0

    def with_depth(self, depth: int) -> TokenSteps:
        """Return the same steps of the model at another depth; see `smc.with_depth`."""
        other = copy.copy(self)
        other._model, other._rows, other._passes = with_depth(self._model, depth), None, 0
        return other

    @property
    def layer_passes(self) -> float | None:
        """Layers that a token of the model goes through; None where that is not to be chosen."""
        return getattr(self._model, "layer_passes", None)

    @property
    def passes(self) -> int:
        """Rows put through the model so far; see `StepModel.passes`."""
        return self._passes

    def extend(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
    ) -> list[Extension]:
        """Draw one step for each solution; see `StepModel.extend`.

        Raises:
            PromptError: The prompt does not fit the model, or a solution that was not drawn here
                cannot be written in its tokens.
            PotentialError: A potential raised, or returned NaN or +inf.
        """
        walks = self._walks(prompt, solutions, rngs, temperature, max_tokens, keep, to_end=False)
        ended = dict(pair for pairs in walks for pair in pairs)
        return [ended[i] for i in range(len(solutions))]

    def extend_to_end(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[list[tuple[int, Extension]]]:
        """Draw all steps of the solutions; see `ToTheEnd.extend_to_end`.

        Raises:
            PromptError, PotentialError: As `extend`.
        """
        return self._walks(prompt, solutions, rngs, temperature, max_tokens, (), to_end=True)

    def _walks(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        rngs: Sequence[np.random.Generator],
        temperature: float | None,
        max_tokens: int | None,
        keep: Sequence[Solution],
        *,
        to_end: bool,
    ) -> Iterator[list[tuple[int, Extension]]]:
        """Yield steps with their solutions' places: all at once, or as they end and go on."""
        at = self._temperature if temperature is None else _checked_temperature(temperature)
        if not any(solutions):  # a new run: what it costs does not depend on those before it
            self._rows = None
        rows = self._rows_of(prompt)
        counted = rows.passes
        pairs = enumerate(zip(solutions, rngs, strict=True))
        partials = {i: self._partial_step(s, rng) for i, (s, rng) in pairs}
        held = [self._ids(s) for s in keep]
        rows.reach([p.ids for p in partials.values() if p.on], held)
        limit = self._max_step_tokens if max_tokens is None else max_tokens
        while partials:
            on = [p for p in partials.values() if p.on]
            if on:
                self._draw(rows, on, at)
                self._settle(on, limit)
            ended = {i: p for i, p in partials.items() if not p.on}
            if len(ended) == len(partials) or (to_end and ended):
                self._weights.finish(list(ended.values()))
                self._passes, counted = self._passes + rows.passes - counted, rows.passes
                yield [(i, self._extension(p)) for i, p in ended.items()]
                start = self._boundary.start()
                going = {i: p for i, p in partials.items() if p.on or (to_end and not p.is_last)}
                partials = {i: p if p.on else p.next(start) for i, p in going.items()}
            on = [p for p in partials.values() if p.on]
            if on:
                # One that has arrived stays a token behind its end: whether that token is ever
                # run depends on what the step is worth.
                stays = [p.ids[:-1] for p in partials.values() if not p.on and not p.finished]
                here = [ids for ids in (*stays, *held) if ids in rows]
                rows.advance([*(p.ids for p in on), *here])

    def _rows_of(self, prompt: Prompt) -> TokenRows:
        key = prompt if isinstance(prompt, str) else json.dumps(list(prompt), default=_plain)
        if isinstance(prompt, Chat):
            key = repr(prompt)  # with how its template writes it
        if self._rows is None or self._rows[0] != key:
            self._rows = key, TokenRows(self._model, prompt, self._max_tokens)
        return self._rows[1]

    def _partial_step(self, solution: Solution, rng: np.random.Generator) -> PartialStep:
        ids = self._ids(solution)
        prefix = self._weights.prefix(ids)
        partial = PartialStep(rng, ids, prefix, self._boundary.start(), len(ids))
        if not ids:
            partial.log_weight = self._weights.log_root
        partial.on = partial.log_weight > -np.inf and len(ids) < self._max_tokens
        partial.truncated = len(ids) >= self._max_tokens
        return partial

    def _draw(self, rows: TokenRows, partials: Sequence[PartialStep], temperature: float) -> None:
        """Draw the next token of each step."""
        places = np.asarray([rows.row(p.ids) for p in partials], dtype=np.int64)
        mask, log_scores = self._weights.token_scores(
            [(int(r), p.prefix) for r, p in zip(places, partials, strict=True)], rows.size
        )
        greedy = temperature == 0
        uniforms = [0.5 if greedy else float(p.rng.random()) for p in partials]
        tempered = _GREEDY if greedy else temperature
        plan = DrawRequest(places, np.asarray(uniforms), mask, log_scores, tempered)
        draws = rows.draw(plan)
        log_weights = draws.log_weights
        if mask is None and log_scores is None:
            log_weights = np.zeros(len(partials))
        elif tempered != 1:
            log_weights = rows.log_normalisers(plan, draws)
        children: dict[tuple[Prefix, int], Prefix] = {}
        drawn = zip(partials, draws.tokens.tolist(), log_weights, strict=True)
        for m, (partial, token, log_weight) in enumerate(drawn):
            partial.log_weight += float(log_weight)
            if token < 0:
                partial.log_weight, partial.on = -np.inf, False
                continue
            partial.ids = (*partial.ids, token)
            if draws.log_probs is not None:
                partial.log_probs.append(float(draws.log_probs[m]))
            if token in rows.vocabulary.eos_set:
                partial.finished, partial.on = True, False
                continue
            parent, key = partial.prefix, (partial.prefix, token)
            if key not in children:
                children[key] = self._weights.child(parent, token)
            partial.prefix = children[key]
            partial.step.append(partial.prefix.text[len(parent.text) :])

    def _settle(self, partials: Sequence[PartialStep], limit: int) -> None:
        """Stop the steps that stand at the end of a step, or of the room there is."""
        for partial in partials:
            if not partial.on:
                continue
            partial.boundary, ends = self._boundary.advance(partial.boundary, partial.step[-1])
            partial.truncated = len(partial.ids) >= self._max_tokens
            # A step has some text.
            full = len(partial.ids) - partial.began >= limit and any(partial.step)
            partial.on = not (ends or partial.truncated or full)

    def _extension(self, partial: PartialStep) -> Extension:
        text = "".join(partial.step)
        if partial.finished:
            text += partial.prefix.pending.decode("utf-8", "replace")
        drawn = partial.ids[partial.began :]
        return Extension(
            step=TokenText.of(text, drawn, tuple(partial.step), tuple(partial.log_probs)),
            finished=partial.finished,
            num_tokens=len(drawn),
            log_weight=partial.log_weight,
            truncated=partial.truncated,
        )

    def _ids(self, solution: Solution) -> Ids:
        """The tokens of a solution: those it was drawn as, else the longest that fit its text."""
        eos = self._model.vocabulary.eos_set
        ids: list[int] = []
        for step in solution:
            if isinstance(step, TokenText):  # one that ended may be gone on from all the same
                ids += [i for i in step.tokens if i not in eos]
            else:
                ids += self._spelling.ids(step)
        return tuple(ids)


def _checked_temperature(value: float) -> float:
    if not (np.isfinite(value) and value >= 0):
        raise SettingsError(f"TokenSteps: temperature is {value!r}; expected a number from 0 on.")
    return value


def _plain(value: Any) -> Any:
    """An item of a prompt as JSON can write it."""
    return int(value) if isinstance(value, np.integer) else dict(value)
