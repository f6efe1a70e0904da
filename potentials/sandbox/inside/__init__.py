"""What runs in the target interpreter: the standard library only, Python 3.9 and later.

Nothing here may import another package of the project, because the interpreter may be one that has
none of them. The zygote imports the modules that were asked for; from it a cell is forked, the
first process of its own namespaces; from the cell, or from a paused run, each run.
"""
