"""Write the pages of the gallery: `python docs/make_gallery.py`."""

from __future__ import annotations

from pathlib import Path

import smc
from domains.arithmetic.steps import answer
from domains.arithmetic.task import TASK, reward_model
from domains.gdb17.demo import DEMO, drawing
from potentials import Grammar
from potentials.boundaries import lines
from potentials.molecule import SMILESValidity, qed, smiles_grammar
from smc.pages import posterior_page
from smc.pages.strategy import strategy_page
from smc.posterior import Posterior
from smc.steps.token_steps import TokenSteps
from smc.strategies import Options, beam

HERE = Path(__file__).parent / "gallery"


class OnlyBoron(smc.Potential):
    """What hardly any text of the model has."""

    def complete(self, text: str) -> float:
        """Return 0 where there is boron, else −inf."""
        return 0.0 if "B" in text else float("-inf")


def main() -> None:
    """Write the pages."""
    HERE.mkdir(exist_ok=True)
    model = smc.load("embedded:molecules", device="cpu")
    hot = smc.load("embedded:molecules", device="cpu", temperature=3.0)
    item = DEMO.items(1)[0]
    chemistry = [Grammar(smiles_grammar()), SMILESValidity()]
    sampled = {"stop": DEMO.stop, "max_tokens": DEMO.max_tokens, "num_particles": 10, "seed": 1}
    _write(
        "molecules",
        "Drug-like molecules",
        smc.sample(model, item.prompt, [*chemistry, qed(weight=10.0)], **sampled),
    )
    _write("hot", "A bad model, steered", smc.sample(hot, item.prompt, chemistry, **sampled))
    _write("extinct", "All dead", smc.sample(model, item.prompt, [OnlyBoron()], **sampled))
    _beam()


def _beam() -> None:
    """Write the page of a strategy, on a question that the model does not always get right."""
    question = TASK.items(limit=4)[3]
    steps = TokenSteps(smc.load("embedded:arithmetic", device="cpu"), lines(), max_tokens=128)
    options = Options(answer=answer, seed=0)
    result = beam(steps, question.prompt, reward_model(), num_solutions=8, options=options)
    page = strategy_page(result, title=question.prompt.strip())
    (HERE / "beam.html").write_text(page, encoding="utf-8")


def _write(name: str, title: str, posterior: Posterior) -> None:
    drawn = {text: drawing(text) for text in posterior.probabilities()}
    drawings = {text: svg for text, svg in drawn.items() if svg is not None}
    page = posterior_page(posterior, title=title, drawings=drawings)
    (HERE / f"{name}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
