"""Programs that wait for ever, or take too much, by ways of the libraries."""

from tests.potentials.sandbox.hostile import Hostile

PROGRAMS = {
    # Waiting.
    "a lock that is held": Hostile(
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()", "timeout"
    ),
    "a signal that never comes": Hostile("import signal; signal.pause()", "timeout"),
    "a pipe that nobody writes to": Hostile(
        "import os\nr, w = os.pipe()\nos.read(r, 1)", "timeout"
    ),
    "a pipe that nobody reads from": Hostile(
        "import os\nr, w = os.pipe()\nwhile True: os.write(w, bytes(1 << 16))", "timeout"
    ),
    "a queue that stays empty": Hostile("import queue\nqueue.Queue().get()", "timeout"),
    "a child that is waited for": Hostile(
        "import os, time\nchild = os.fork()\nif not child: time.sleep(1000)\nos.waitpid(child, 0)",
        "timeout",
    ),
    "a selector": Hostile("import select\nselect.select([], [], [])", "timeout"),
    "an event loop": Hostile(
        "import asyncio\nasync def f():\n    while True: await asyncio.sleep(0)\nasyncio.run(f())",
        "timeout",
    ),
    "a thread that is joined": Hostile(
        "import threading, time\n"
        "t = threading.Thread(target=time.sleep, args=(1000,), daemon=True)\nt.start()\nt.join()",
        "timeout",
    ),
    "a pattern that backtracks": Hostile(
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')", "timeout"
    ),
    "an endless iterator": Hostile("import itertools\nsum(itertools.count())", "timeout"),
    "a generator that swallows its end": Hostile(
        "def g():\n    while True:\n        try: yield\n        except GeneratorExit: pass\n"
        "for _ in g():\n    pass",
        "timeout",
    ),
    "a comparison that never ends": Hostile(
        "class A:\n    def __lt__(self, other):\n        while True: pass\nsorted([A(), A()])",
        "timeout",
    ),
    "an import that never ends": Hostile(
        "import sys\nclass F:\n    def find_spec(self, *a):\n        while True: pass\n"
        "sys.meta_path.insert(0, F())\nimport nothing_there",
        "timeout",
    ),
    # Memory.
    "a list of everything": Hostile("x = list(range(10 ** 9))", "memory"),
    "a text repeated": Hostile("x = 'x' * 10 ** 6\nwhile True: x += x", "memory"),
    "a compressed bomb": Hostile(
        "import zlib\nc = zlib.compressobj()\n"
        "parts = [c.compress(bytes(1 << 20)) for _ in range(200)]\n"
        "x = zlib.decompress(b''.join(parts) + c.flush())",
        "memory",
    ),
    "a format": Hostile("x = '%*d' % (10 ** 9, 1)", "memory"),
    "a shift": Hostile("x = 1 << (10 ** 10)", "memory error"),
    "a mapping": Hostile("import mmap\nm = mmap.mmap(-1, 1 << 31)", "error memory"),
    "a shared mapping of many": Hostile(
        "import mmap, os, time\nm = mmap.mmap(-1, 48 << 20)\nm.write(bytes(48 << 20))\n"
        "for _ in range(3):\n    if os.fork() == 0:\n        x = bytearray(30 << 20)\n"
        "        for i in range(0, len(x), 4096): x[i] = 1\n        time.sleep(20)\ntime.sleep(20)",
        "memory",
        needs="view of processes",
    ),
    "a deque of bytes": Hostile(
        "import collections\nd = collections.deque()\nwhile True: d.append(bytes(1 << 16))",
        "memory",
    ),
    "a set of texts": Hostile("s = set()\nwhile True: s.add('x' * 1000 + str(len(s)))", "memory"),
    "recursion in data": Hostile("import json\njson.loads('[' * 10 ** 6)", "error"),
    "recursion in a copy": Hostile(
        "import copy\nx = []\nfor _ in range(10 ** 5): x = [x]\ncopy.deepcopy(x)", "error"
    ),
    "digits": Hostile("int('9' * 10 ** 7)", "error"),
    # Files.
    "links without end": Hostile(
        "import os\nn = 0\nwhile True:\n    os.symlink('x' * 1000, str(n))\n    n += 1",
        "error output timeout",
    ),
    "names of one file without end": Hostile(
        "import os\nopen('a', 'w').close()\nn = 0\n"
        "while True:\n    os.link('a', str(n))\n    n += 1",
        "error output timeout",
    ),
    "folders without end": Hostile(
        "import os\nn = 0\nwhile True:\n    os.mkdir(str(n))\n    n += 1", "error output timeout"
    ),
    "pipes with names": Hostile(
        "import os\nn = 0\nwhile True:\n    os.mkfifo(str(n))\n    n += 1", "error output timeout"
    ),
    "a loop of links": Hostile(
        "import os\nfor n in range(200): os.symlink(str((n + 1) % 200) + '/.' * 1500, str(n))\n"
        "try: os.stat('0')\nexcept OSError: pass",
        "ok",
    ),
    "a file with a hole": Hostile("f = open('f', 'wb')\nf.truncate(1 << 40)", "error killed"),
    "a file made long": Hostile(
        "import os\nf = open('f', 'wb')\nos.posix_fallocate(f.fileno(), 0, 1 << 34)", "error killed"
    ),
    "a file without a name": Hostile(
        "import os\nf = os.open('.', os.O_TMPFILE | os.O_RDWR)\n"
        "while True: os.write(f, bytes(1 << 20))",
        "error killed",
    ),
    # Output.
    "a child that prints on": Hostile(
        "import os\nif os.fork() == 0:\n    while True: os.write(1, b'x' * 1000)\n"
        "import time; time.sleep(20)",
        "output",
    ),
    "a thread that prints on": Hostile(
        "import threading\ndef f():\n    while True: print('x' * 1000)\n"
        "threading.Thread(target=f).start()\nimport time; time.sleep(20)",
        "output",
    ),
    "one long line": Hostile("import os\nos.write(1, b'x' * 10 ** 6)", "output"),
    "warnings without end": Hostile(
        "import warnings\nwarnings.simplefilter('always')\nwhile True: warnings.warn('x' * 1000)",
        "output",
    ),
    # Ending.
    "killed by itself": Hostile("import os\nos.kill(os.getpid(), 9)", "killed error"),
    "an exec": Hostile(
        "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'print(1)'])",
        "killed error",
    ),
    "an exit in a thread": Hostile(
        "import os, threading, time\nthreading.Thread(target=os._exit, args=(0,)).start()\n"
        "time.sleep(20)",
        "killed",
    ),
    "an exit in a child": Hostile(
        "import os, sys\nif os.fork() == 0: sys.exit(0)\nos.wait()\nraise ValueError",
        "error exited",
    ),
    "a child that goes on in its place": Hostile(
        "import os\nif os.fork(): os._exit(0)", "killed ok"
    ),
}
