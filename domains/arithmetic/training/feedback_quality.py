"""Quality of critic and editor: is the first wrong line found, and is it put right?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domains.arithmetic.feedback import PROMPTS, RIGHT, UNFINISHED, WRONG, feedback_on
from domains.arithmetic.problems import parse
from domains.arithmetic.training.measure import draw, is_right
from domains.arithmetic.training.samples import Sample

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    Network = tuple[LlamaForCausalLM, PreTrainedTokenizerFast]

KINDS = ("right", "a wrong line", "unfinished")
SAID = ("right", "the first wrong line", "another line", "unfinished", "nothing of the kind")


@dataclass(frozen=True)
class Judged:
    """A draft, what was said of it, and what was made of it.

    Attributes:
        draft: As the policy wrote it.
        true: What is to be said.
        said: By the critic.
        edit: By the editor, who saw what was said.
    """

    draft: Sample
    true: str
    said: str
    edit: str

    @property
    def right(self) -> bool:
        """The draft's answer is right."""
        return is_right(parse(self.draft.prompt), "".join(self.draft.steps))

    @property
    def put_right(self) -> bool:
        """The edit's is."""
        return is_right(parse(self.draft.prompt), self.edit)

    @property
    def copied(self) -> bool:
        """The edit is the draft."""
        return self.edit.strip() == "".join(self.draft.steps).strip()


@dataclass(frozen=True)
class Quality:
    """Drafts judged and edited."""

    judged: tuple[Judged, ...]

    def confusion(self) -> Counter[tuple[str, str]]:
        """Return how often each of `SAID` was said of drafts of each of `KINDS`."""
        return Counter((_kind(j.true), _said(j.true, j.said)) for j in self.judged)

    def flags(self) -> dict[str, list[bool]]:
        """Return what is counted, by name, one flag for each draft that it is counted of.

        `exact`: what was said is word for word what is to be said. `found`: of drafts with a wrong
        line, that the first is named. `cleared`: of right drafts, that they are called right.
        `mended`: of wrong drafts, that the edit is right. `spoilt`: of right drafts, that it is
        wrong. `copied`: of all, that it is the draft; `copied_wrong`: of wrong ones.
        """
        wrong = [j for j in self.judged if not j.right]
        right = [j for j in self.judged if j.right]
        return {
            "exact": [j.said == j.true for j in self.judged],
            "found": [j.said == j.true for j in self.judged if _kind(j.true) == KINDS[1]],
            "cleared": [j.said == RIGHT for j in self.judged if j.true == RIGHT],
            "mended": [j.put_right for j in wrong],
            "spoilt": [not j.put_right for j in right],
            "copied": [j.copied for j in self.judged],
            "copied_wrong": [j.copied for j in wrong],
        }

    def figures(self) -> dict[str, float]:
        """Return the shares, by name; NaN where there is nothing to count."""
        return {
            name: sum(own) / len(own) if own else float("nan") for name, own in self.flags().items()
        }


def measure(
    drafts: Sequence[Sample],
    *,
    critic: Network | None = None,
    editor: Network | None = None,
    said: Sequence[str] | None = None,
    seed: int,
    temperature: float = 1.0,
) -> Quality:
    """Have drafts criticised, and edited by what was said.

    Args:
        drafts: By the policy.
        critic: Model and tokenizer; None: it is not asked.
        editor: Likewise; None: all edits are empty.
        said: Of each draft, without a critic; None: what is to be said.
        seed: Of the draws.
        temperature: Of critic and editor.
    """
    values = [{"question": d.prompt, "draft": "".join(d.steps)} for d in drafts]
    true = [feedback_on(parse(d.prompt), v["draft"]) for d, v in zip(drafts, values, strict=True)]
    said = true if said is None else said
    if critic is not None:
        said = _drawn(critic, [PROMPTS.feedback.text(v) for v in values], seed, temperature)
    edits = [""] * len(drafts)
    if editor is not None:
        pairs = zip(values, said, strict=True)
        asked = [PROMPTS.edit.text(v | {"feedback": s}) for v, s in pairs]
        edits = _drawn(editor, asked, seed + 1, temperature)
    return Quality(tuple(map(Judged, drafts, true, said, edits)))


def _drawn(model: Network, prompts: Sequence[str], seed: int, temperature: float) -> list[str]:
    """Texts for prompts, those of like length in one batch."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    asked = [prompts[i] for i in order]
    texts = dict(
        zip(order, draw(*model, asked, seed=seed, temperature=temperature, rows=128), strict=True)
    )
    return [texts[i] for i in range(len(prompts))]


def _kind(true: str) -> str:
    return {RIGHT: KINDS[0], UNFINISHED: KINDS[2]}.get(true, KINDS[1])


def _said(true: str, said: str) -> str:
    if said in (RIGHT, UNFINISHED):
        return _kind(said)
    if not said.startswith(WRONG):
        return SAID[4]
    return SAID[1] if said == true else SAID[2]
