"""Asynchronous sampling: callers that wait side by side, whose problems join one run."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from smc.arguments import Seed, check_potentials, checked_stop, chosen_settings, generators_of
from smc.door import adjusted
from smc.engine import Problem, Run
from smc.model import LanguageModel, Prompt
from smc.posterior import Posterior
from smc.potential import AnyPotential, Boundary
from smc.proposals import Proposal
from smc.retries import Retries
from smc.run_record import settings_record
from smc.sampling import recorded
from smc.settings import Among, LastSlot, Settings


async def asample(
    model: LanguageModel,
    prompt: Prompt,
    potentials: Sequence[AnyPotential] = (),
    *,
    num_particles: int = 10,
    max_tokens: int = 64,
    at_max_tokens: LastSlot = Settings.at_max_tokens,
    ess_threshold: float = 0.5,
    resampling: str = "systematic",
    resample_at: Boundary[Any] | None = None,
    proposal: Proposal | None = None,
    method: str = "smc",
    stop: Sequence[str] = (),
    seed: Seed = 0,
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
    resample_among: Among = "all",
) -> Posterior:
    """Draw as `sample` does, while others wait beside: all calls for one model share one run.

    A call joins the run at its next token, and its particles are rows of the same forward passes.
    Its result is that of `sample` with the same seed, whoever shares the run, up to how a backend
    rounds a batch of another size. The run is a thread that lives while there is work. A caller
    that is cancelled takes its particles along. How many run at a time is the callers' choice (an
    `asyncio.Semaphore`): memory is needed for all of their particles.

    Args:
        model: As of `sample`, and so are all arguments. Calls share a run where this is the same
            object, whatever temperature, top_p and top_k they ask for.
        prompt: See `sample`.
        potentials: See `sample`; they are asked from the run's thread.
        num_particles: See `sample`.
        max_tokens: See `sample`.
        at_max_tokens: See `sample`.
        ess_threshold: See `sample`.
        resampling: See `sample`.
        resample_at: See `sample`.
        proposal: See `sample`.
        method: See `sample`.
        stop: See `sample`.
        seed: See `sample`.
        temperature: See `sample`.
        top_p: See `sample`.
        top_k: See `sample`.
        resample_among: See `sample`.

    Returns:
        The posterior.

    Raises:
        SettingsError, PromptError, PotentialError, VocabularyError: See their messages. A model
            that fails (`ModelError`) fails all calls of its run.

    Example:
        >>> from smc.backends.table import TableModel
        >>> model = TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> async def main():
        ...     return await asyncio.gather(*(asample(model, "", seed=seed) for seed in range(3)))
        >>> len(asyncio.run(main()))
        3
    """
    check_potentials([potentials])
    free = Settings(
        num_particles=num_particles,
        max_tokens=max_tokens,
        at_max_tokens=at_max_tokens,
        ess_threshold=ess_threshold,
        resampling=resampling,
        resample_at=resample_at,
        resample_among=resample_among,
    )
    call = _Call(
        problem=Problem(prompt, potentials, generators_of([seed], 1)[0]),
        settings=chosen_settings(method, free, proposal, [potentials]),
        stop=checked_stop(stop),
        model=adjusted(model, temperature, top_p, top_k),
    )
    _Dispatcher.submit(model, call)
    return recorded(
        await asyncio.wrap_future(call.answer),
        model=model,
        problem=call.problem,
        seed=seed,
        settings=settings_record(method, call.settings, potentials, call.stop, Retries()),
        options={"temperature": temperature, "top_p": top_p, "top_k": top_k},
    )


@dataclass(frozen=True, eq=False)
class _Call:
    """What one caller waits for."""

    problem: Problem
    settings: Settings
    stop: tuple[str, ...]
    model: LanguageModel
    answer: Future[Posterior] = field(default_factory=Future)

    def finish(self, answer: Posterior | BaseException) -> None:
        """Tell the caller, if it still waits."""
        if self.answer.done() or not self.answer.set_running_or_notify_cancel():
            return
        if isinstance(answer, BaseException):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class _Dispatcher:
    """The run of one model that has callers, and its thread; gone once nobody waits."""

    _lock = threading.Lock()
    _of_models: dict[int, _Dispatcher] = {}  # noqa: RUF012  (guarded by the lock)

    def __init__(self, model: LanguageModel) -> None:
        self._model = model  # held, so that no other model gets its id
        self._waiting: deque[_Call] = deque()
        self._calls: dict[int, _Call] = {}
        self._run = Run(model)

    @classmethod
    def submit(cls, model: LanguageModel, call: _Call) -> None:
        """Let a call join the run of a model, which begins where there is none."""
        with cls._lock:
            dispatcher = cls._of_models.get(id(model))
            if dispatcher is None:
                dispatcher = cls._of_models[id(model)] = cls(model)
                threading.Thread(target=dispatcher._loop, name="smc-asample", daemon=True).start()
            dispatcher._waiting.append(call)

    def _loop(self) -> None:
        joining: list[_Call] = []
        try:
            while True:
                with self._lock:
                    joining = list(self._waiting)
                    self._waiting.clear()
                    if not (joining or self._calls):
                        del self._of_models[id(self._model)]
                        return
                while joining:
                    self._join(joining.pop(0))
                self._step()
        except BaseException as error:  # nobody is to wait for a thread that is gone
            with self._lock:
                self._of_models.pop(id(self._model), None)
                left = [*self._calls.values(), *joining, *self._waiting]
            for call in left:
                call.finish(error)
            raise

    def _join(self, call: _Call) -> None:
        if call.answer.cancelled():
            return
        try:
            number = self._run.add(call.problem, call.settings, call.stop, model=call.model)
        except Exception as error:
            call.finish(error)
        else:
            self._calls[number] = call

    def _step(self) -> None:
        for number, call in list(self._calls.items()):
            if call.answer.cancelled():
                self._forget(number)
        try:
            if self._run.running:
                self._run.step()
        except Exception as error:  # of the model: the run cannot go on
            for call in self._calls.values():
                call.finish(error)
            self._calls, self._run = {}, Run(self._model)
            return
        unfinished = self._run.unfinished()
        for number, call in list(self._calls.items()):
            if number not in unfinished:
                try:
                    call.finish(self._run.posterior(number))
                except Exception as error:  # of its potentials: its neighbours go on
                    call.finish(error)
                self._forget(number)

    def _forget(self, number: int) -> None:
        self._run.remove(number)
        del self._calls[number]
