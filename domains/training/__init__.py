"""Training of the embedded models: what the domains' trainings have in common.

A domain brings a `Corpus` (its texts as training rows, its tokenizer, its held-out loss) and a
`Setting` (sizes, budget, seed); `TrainingRun` trains, `command.main` is the command line, `card`
reads the facts of an exported model that its card reports.
"""
