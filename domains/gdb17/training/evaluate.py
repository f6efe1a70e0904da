"""Evaluation for the model card: held-out loss, and samples at temperature 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from domains.gdb17.prompt import LABEL, SHOTS, few_shot_prompt, molecule_line
from domains.training.held_out import answer_losses

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

MAX_NEW_TOKENS = 40


def validation_loss(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    held_out: Sequence[str],
    prompts: int,
    seed: int = 0,
) -> dict[str, float]:
    """Loss on the molecule that follows a prompt of ``SHOTS`` others, all held out.

    Returns:
        ``per_token`` (nats, over the tokens of molecule and newline), ``per_molecule`` (nats,
        their sum for one molecule) and ``per_molecule_se``, its standard error.
    """
    rng = np.random.default_rng(seed)
    rows = [rng.choice(len(held_out), SHOTS + 1, replace=False) for _ in range(prompts)]
    chosen = [[held_out[i] for i in row] for row in rows]
    losses = answer_losses(
        model,
        tokenizer,
        ((few_shot_prompt(c[:SHOTS]), molecule_line(c[SHOTS])[len(LABEL) :]) for c in chosen),
    )
    return {
        "per_token": losses.per_token,
        "per_molecule": losses.per_answer,
        "per_molecule_se": losses.per_answer_se,
    }


@torch.no_grad()
def sample(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[Sequence[str]],
    each: int,
    seed: int,
) -> list[list[str]]:
    """Draws ``each`` continuations of every prompt at temperature 1, without truncation.

    Returns:
        One list a prompt, of texts without the leading space and the final newline. A text that
        did not end within ``MAX_NEW_TOKENS`` keeps a trailing ``"…"``, so that it is no molecule.
    """
    torch.manual_seed(seed)
    newline = tokenizer.convert_tokens_to_ids(tokenizer.tokenize("\n"))
    answers = []
    for molecules in prompts:
        ids = torch.tensor([tokenizer.encode(few_shot_prompt(molecules))])
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            num_return_sequences=each,
            max_new_tokens=MAX_NEW_TOKENS,
            eos_token_id=[*newline, tokenizer.eos_token_id],
            pad_token_id=tokenizer.eos_token_id,
        )
        texts = tokenizer.batch_decode(out[:, ids.shape[1] :], skip_special_tokens=True)
        answers.append([t.strip() if t.endswith("\n") else t.strip() + "…" for t in texts])
    return answers


def quality(answers: Sequence[Sequence[str]], training: Sequence[str]) -> dict[str, float]:
    """Validity, uniqueness, novelty and QED of sampled texts.

    Args:
        answers: one list of texts a prompt, of equal lengths.
        training: the molecules that the model was trained on, compared with the samples as
            RDKit's canonical SMILES.

    Returns:
        ``validity`` and ``qed`` (an invalid text counts 0) with standard errors ``*_se`` taken
        over prompts; ``qed_valid`` over the valid ones; ``uniqueness``, distinct molecules over
        valid ones; ``novelty``, the share of distinct ones that are not in ``training``.
    """
    from rdkit import Chem, RDLogger
    from rdkit.Chem import QED

    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    scores, valid = [], []
    for texts in answers:
        row = []
        for text in texts:
            molecule = Chem.MolFromSmiles(text) if text else None
            row.append(np.nan if molecule is None else QED.qed(molecule))
            if molecule is not None:
                valid.append(Chem.MolToSmiles(molecule))
        scores.append(row)
    table = np.array(scores)
    prompts = len(table)
    is_valid = (~np.isnan(table)).mean(1)
    qed = np.nan_to_num(table).mean(1)
    distinct = set(valid)
    known = {Chem.CanonSmiles(smiles) for smiles in training} if training else set()
    return {
        "samples": float(table.size),
        "prompts": float(prompts),
        "validity": float(is_valid.mean()),
        "validity_se": float(is_valid.std(ddof=1) / np.sqrt(prompts)),
        "qed": float(qed.mean()),
        "qed_se": float(qed.std(ddof=1) / np.sqrt(prompts)),
        "qed_valid": float(np.nanmean(table)),
        "uniqueness": len(distinct) / len(valid),
        "novelty": len(distinct - known) / len(distinct),
    }
