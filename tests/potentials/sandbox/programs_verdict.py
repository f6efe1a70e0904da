"""Programs that fail, and whose objects try to turn that into a success.

Each trick has its objects called after the program has failed, or watches the harness while it
fails; each end is a way to fail. What is called rewrites whatever it reaches from there.
"""

from tests.potentials.sandbox.hostile import Hostile

_ACT = """
import sys
def act(*args, **kwargs):
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if hasattr(value, "piece"):
                value.piece, value.wrong = value.piece + 1, None
        space = frame.f_globals
        if "FAILED" in space:
            space["FAILED"] = space["OUT_OF_MEMORY"] = b"D"
            for name in ("say", "exec", "bytes"):
                space[name] = space["__builtins__"][name] = lambda *a, **k: b""
        frame = frame.f_back
    return act
"""

_TRICKS = {
    "a stream that is flushed": """
class Stream:
    encoding, write = "utf-8", lambda self, text: len(text)
    def flush(self): act()
sys.stdout = sys.stderr = sys.__stdout__ = Stream()
""",
    "frames that are traced": """
def jump(frame, event, argument):
    act()
    for line in range(1, 200):
        try:
            frame.f_lineno = line
            break
        except ValueError:
            pass
    return jump
frame = sys._getframe()
while frame is not None:
    frame.f_trace, frame.f_trace_opcodes = jump, True
    frame = frame.f_back
sys.settrace(jump)
""",
    "calls that are profiled": "sys.setprofile(act)\n",
    "a handler of signals": """
import signal
signal.signal(signal.SIGALRM, act)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
""",
    "a finalizer": "class Last:\n    __del__ = act\nlast = Last()\nlast.itself = last\n",
    "a callback of the collector": "import gc\ngc.callbacks.append(act)\ngc.set_threshold(1)\n",
    "a thread": """
import threading
def tamper():
    while True: act()
threading.Thread(target=tamper, daemon=True).start()
""",
    "an audit hook": "sys.addaudithook(act)\n",
    "hooks for exceptions": "sys.excepthook = sys.unraisablehook = sys.displayhook = act\n",
    "lines of sources": """
import linecache
class Lines(dict):
    __setitem__ = __getitem__ = get = act
linecache.cache = Lines()
""",
    "a handler of encoding errors": """
import codecs
codecs.register_error("backslashreplace", act)
print("\\udc00" * 10)
""",
    "functions with another's code": """
frame = sys._getframe(1)
def nothing(*args, **kwargs): return b""
for name, value in list(frame.f_globals.items()):
    if type(value) is type(nothing):
        try:
            value.__code__ = nothing.__code__
        except ValueError:
            pass
""",
    "methods of the harness": """
for value in list(sys._getframe(1).f_locals.values()):
    for name in dir(value):
        if not name.startswith("__"):
            try:
                setattr(value, name, act)
                setattr(type(value), name, act)
            except (AttributeError, TypeError):
                pass
""",
    "an encoder": """
import json.encoder
json.encoder.JSONEncoder.default = json.dumps = act
json.encoder.encode_basestring_ascii = json.encoder.c_make_encoder = act
""",
    "words in the channel": """
import os
for n in range(30):
    try: os.write(n, (33 + 5).to_bytes(4, "big") + bytes(32) + b'.%d' % n)
    except OSError: pass
""",
}

_ENDS = {
    "raises": "raise ValueError('no')",
    "ends as an iterator does": "raise StopIteration",
    "leaves": "raise SystemExit(0)",
    "prints its exception": "class E(Exception):\n    __str__ = __repr__ = act\nraise E",
}

PROGRAMS = {
    f"{trick}, and it {end}": Hostile(
        f"{_ACT}{set_up}{last}", "error killed exited memory output timeout"
    )
    for trick, set_up in _TRICKS.items()
    for end, last in _ENDS.items()
}
