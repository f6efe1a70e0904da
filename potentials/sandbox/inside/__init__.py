"""What runs in the target interpreter: the standard library only, Python 3.9 and later.

Nothing here may import another package of the project, because the interpreter may be one that has
none of them. The fork server imports the modules that were asked for; from it a container is
forked, the first process of its own namespaces; from the container a template process, which has
given up all rights; and from that, or from a paused run, each run is copied.
"""
