"""JSON schemas to context-free grammars, in the steps of a tree automaton's construction.

`resources` resolves references, `clauses` takes keywords apart, `tableau` brings a conjunction of
schemas into disjunctive normal form for each type of value, the modules of the types spell each
disjunct as productions, and `productions` prunes what derives no document.
"""
