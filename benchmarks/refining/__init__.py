"""TPO and feedback and edit against samples of their own, problem by problem at equal tokens.

    python -m benchmarks.refining run arithmetic --items 120 --out FILE
    python -m benchmarks.refining run functions --model FOLDER --items 24 --out FILE
    python -m benchmarks.refining report FILE

`run` goes on with what is there.
"""
