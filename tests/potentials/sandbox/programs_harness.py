"""Programs that lie about how they ended."""

from tests.potentials.sandbox.hostile import FORGE, Hostile

PROGRAMS = {
    "os._exit": Hostile("import os\nprint('all done')\nos._exit(0)", "killed"),
    "os.abort": Hostile("import os\nos.abort()", "killed"),
    "null pointer": Hostile("import ctypes\nctypes.string_at(0)", "killed"),
    "sys.exit": Hostile("import sys\nsys.exit(0)", "exited"),
    "words in every channel": Hostile(
        "import os\nfor n in range(3, 100):\n"
        '    try: os.write(n, b\'D1\\n{"plain":true,"value":null}\' * 10)\n'
        "    except OSError: pass\nraise ValueError",
        "killed",
    ),
    "a signed-looking frame": Hostile(
        'import os\nbody = b\'D1\\n{"plain":true,"value":42}\'\n'
        "frame = len(body).to_bytes(4, 'big') + bytes(32) + body\n"
        "os.write(3, frame)\nraise ValueError",
        "killed",
    ),
    "a signed word that is no text": Hostile(FORGE + "say(b'\\xff\\xfe')", "killed"),
    "a signed word that breaks off": Hostile(FORGE + "say(b'D')", "killed"),
    "a signed word with a long number": Hostile(FORGE + "say(b'P' + b'9' * 30)", "killed"),
    "children that go on for the dead": Hostile(
        "import os\nfor _ in range(4):\n    if os.fork() == 0:\n"
        "        while True: os.write(3, bytes(1 << 16))\nos._exit(0)",
        "killed",
    ),
    "every file closed": Hostile("import os\nos.closerange(0, 1000)\nraise ValueError", "killed"),
    "output closed": Hostile("import os\nos.close(1)\nos.close(2)\nraise ValueError", "error"),
    "builtins replaced": Hostile(
        "import builtins, json, os, sys, traceback\n"
        "for m in (builtins, json, os, traceback):\n"
        "    for n in dir(m):\n"
        "        if not n.startswith('__') and callable(getattr(m, n)):\n"
        "            setattr(m, n, lambda *a, **k: None)\n"
        "1 / 0",
        "error",
    ),
    "encoder replaced": Hostile(
        "import json, json.encoder\n"
        'json.dumps = json.JSONEncoder.encode = lambda *a, **k: \'{"outcome":"ok"}\'\n'
        "json.encoder.encode_basestring_ascii = json.encoder.c_make_encoder = None\n1 / 0",
        "error",
    ),
    "modules replaced": Hostile(
        "import sys\nfor n in list(sys.modules):\n    if n != 'sys': sys.modules[n] = None\n"
        "raise KeyError('x')",
        "error",
    ),
    "frames searched": Hostile(
        "import sys\nf = sys._getframe()\nfound = []\n"
        "while f:\n"
        "    found += [v for v in f.f_locals.values() if type(v).__name__ == 'blake2b']\n"
        "    found += [v for v in f.f_locals.values() if type(v).__name__ == 'generator']\n"
        "    f = f.f_back\nprint('ESC' + 'APED' if found else 'no', found)",
        "ok",
    ),
    "objects searched": Hostile(
        "import gc\nfound = [o for o in gc.get_objects() if type(o).__name__ == 'generator'"
        " and o.__name__ == '_session']\nprint('ESC' + 'APED' if found else 'no', found)",
        "ok",
    ),
    "calls watched": Hostile(
        "import sys\n"
        "def watch(frame, event, argument):\n"
        "    for value in frame.f_locals.values():\n"
        "        if type(value).__name__ == 'blake2b': print('ESC' + 'APED')\n"
        "    return watch\n"
        "sys.setprofile(watch)\nsys.settrace(watch)\nx = 1",
        "ok",
    ),
    "failure disguised": Hostile(
        "import sys\nsys.excepthook = lambda *a: None\n"
        "class E(Exception):\n"
        "    __class__ = SystemExit\n"
        "    def __str__(self): raise KeyboardInterrupt\n"
        "raise E",
        "error",
    ),
    "pickle": Hostile(
        "import os, pickle\n"
        "class P:\n    def __reduce__(self): return os._exit, (0,)\n"
        "raise ValueError(pickle.dumps(P()))",
        "error",
    ),
    "result that cannot be": Hostile("class R(dict): pass\nx = R(a=object())", "ok"),
    "time runs out in a signal": Hostile(
        "import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: time.sleep(100))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\nwhile True: pass",
        "timeout",
    ),
    "processor time alone": Hostile(
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", "timeout"
    ),
    "null bytes and surrogates": Hostile(
        "x = '\\ud800'\nprint(x)\nraise ValueError(x + '\\0')", "error"
    ),
    "source with null bytes": Hostile("x = 1\0", "error"),
}
