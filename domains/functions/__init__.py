"""Programming problems: functions of five levels, and files like HumanEval's and MBPP's.

The sixty problems in `tasks` were written for this package. Each is a function's head, a docstring
whose examples the solver may see, a reference solution, and asserts that only the judge sees.
`smc.strategies.s_star` takes an item as it is:

    item = TASK.items()[0]
    problem = item.problem
    s_star(model, item.prompt, runner(), problem.examples, code=problem.program)

with `runner` from `domains.functions.judging`. Programs that read their input and print run in
`potentials.python.candidates.SandboxRunner(sandbox, "stdin")`.
"""
