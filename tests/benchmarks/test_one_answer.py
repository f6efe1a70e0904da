"""What studies of word problems have in common: where data are found, and whose draws they are."""

from __future__ import annotations

import pytest

from benchmarks.drafts import __main__ as drafts
from benchmarks.switching import __main__ as switching
from benchmarks.word_problems import __main__ as word_problems
from tests.benchmarks.test_switching import ITEMS
from tests.writers import ScriptedWriter


@pytest.mark.parametrize("study", [drafts, switching, word_problems])
def test_data_are_found_or_missed_in_words(study, tmp_path, monkeypatch, capsys):
    command = ["--model", "m", "--out", str(tmp_path / "out"), "--items", "1"]
    monkeypatch.setenv("SMC_DATA", str(tmp_path))
    assert study.main(command) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: --data: math_word: no file of gsm8k") and "SMC_DATA" in told
    monkeypatch.setenv("SMC_DATA", str(tmp_path / "none"))
    assert study.main(command) == 2
    assert "none does not exist" in capsys.readouterr().err


def test_an_answer_does_not_depend_on_the_batch_it_was_written_in():
    """A study that was cut off goes on in other batches."""
    drawn: list[float] = []

    def reply(prompt: str, uniform: float) -> str:
        drawn.append(uniform)
        return "#### 3"

    for batch in (ITEMS, ITEMS[:1], ITEMS[1:]):
        switching.answered(ScriptedWriter(reply), switching.BASE, batch)
    assert drawn[:2] == drawn[2:] and drawn[0] != drawn[1]
