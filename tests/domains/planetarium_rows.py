"""Rows like those of the Planetarium data set, made up."""

from __future__ import annotations

import json
import random

from domains.planetarium.describe import describe
from domains.planetarium.generate import balls, blocks, problem_text


def made_rows(count=12, **changes):
    rng = random.Random(5)
    rows = []
    for index in range(count):
        problem = balls(rng, 2, 3) if index % 4 == 3 else blocks(rng, 1 + index % 6)
        row = {
            "id": index,
            "name": problem.name,
            "domain": problem.domain,
            "init": "any",
            "goal": "any",
            "num_objects": len(problem.objects),
            "problem_pddl": problem_text(problem),
            "natural_language": f"You have things.\n{describe(rng, problem)}",
            "init_is_abstract": 0,
            "init_num_propositions": len(problem.init),
            "goal_is_abstract": 0,
            "goal_num_propositions": len(problem.goal),
            "is_placeholder": 0,
        }
        rows.append(row | changes)
    return rows


def written(folder, rows, name="rows.jsonl"):
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / name).write_text(text)
    return folder / name
