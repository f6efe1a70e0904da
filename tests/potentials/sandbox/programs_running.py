"""Programs that run on, or take too much."""

from tests.potentials.sandbox.hostile import BOMB, CHAIN, SYSCALL, TRY, Hostile

PROGRAMS = {
    # Running on.
    "busy loop": Hostile("while True: pass", "timeout"),
    "busy loop in C": Hostile("sum(range(10 ** 12))", "timeout"),
    "sleep": Hostile("import time; time.sleep(1000)", "timeout"),
    "signals ignored": Hostile(
        "import signal, time\n"
        "for n in set(range(1, 65)) - {9, 19, 32, 33}: signal.signal(n, signal.SIG_IGN)\n"
        "while True: time.sleep(1)",
        "timeout",
    ),
    "exceptions swallowed": Hostile(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass", "timeout"
    ),
    "input awaited": Hostile("input()", "error"),
    "thread that never ends": Hostile(
        "import threading, time\n"
        "def loop():\n    while True: time.sleep(0.01)\n"
        "threading.Thread(target=loop).start()",
        "ok",
    ),
    "many threads": Hostile(
        "import threading, time\n"
        "for _ in range(200): threading.Thread(target=time.sleep, args=(20,)).start()",
        "error",
        needs="uid|user namespace",
    ),
    "fork bomb": Hostile(BOMB, "timeout"),
    "fork bomb that ends": Hostile(
        "import os\nfor _ in range(7):\n    try: os.fork()\n    except OSError: pass\nos._exit(0)",
        "killed timeout",
    ),
    "child that stays": Hostile("import os, time\nif os.fork() == 0:\n    time.sleep(20)", "ok"),
    "double fork and setsid": Hostile(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(20)\n"
        "    os._exit(0)",
        # The child's error is the program's where groups may not be left, and comes first or last.
        "ok error",
    ),
    "chain of forks": Hostile(CHAIN, "killed timeout"),
    "vfork and exec": Hostile(
        "import os, sys\nos.posix_spawn(sys.executable, [sys.executable, '-c', "
        "'for _ in range(10 ** 9): pass'], {})",
        "ok error",
    ),
    "stopped": Hostile("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "timeout error"),
    "exit handler that never ends": Hostile(
        "import atexit, time\natexit.register(time.sleep, 1000)", "ok"
    ),
    "finalizer that never ends": Hostile(
        "class A:\n    def __del__(self):\n        while True: pass\na = A()\ndel a", "timeout"
    ),
    "message that never ends": Hostile(
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E", "timeout"
    ),
    # Taking too much.
    "memory bomb": Hostile("a = []\nwhile True: a.append(bytearray(10 ** 7))", "memory"),
    "memory bomb at one stroke": Hostile("bytearray(1 << 40)", "memory"),
    "memory bomb of small things": Hostile("a = []\nwhile True: a.append([a])", "memory"),
    "memory bomb in many processes": Hostile(
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        a = bytearray(40 << 20)\n"
        "        for i in range(0, len(a), 4096): a[i] = 1\n"
        "        time.sleep(20)\n"
        "time.sleep(20)",
        "memory",
        # Nobody adds the memory up of processes that nobody sees.
        needs="view of processes",
    ),
    "long number": Hostile("x = 10 ** 10 ** 9", "timeout memory"),
    "recursion": Hostile("def f(): f()\nf()", "error"),
    "recursion without limit": Hostile(
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return repr(x)\nx = []\n"
        "for _ in range(10 ** 6): x = [x]\nf(x)",
        "error killed memory",
    ),
    "source nested too deep": Hostile("(" * 100_000, "error memory"),
    "huge output": Hostile("while True: print('x' * 1000)", "output"),
    "huge output to errors": Hostile("import os\nwhile True: os.write(2, b'x' * 100000)", "output"),
    "huge message": Hostile("raise ValueError('x' * 10 ** 7)", "error"),
    "huge file": Hostile(
        "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 20))", "error killed"
    ),
    "many files": Hostile("for i in range(10 ** 7): open(str(i), 'w').close()", "error timeout"),
    "many open files": Hostile("fs = [open('/dev/null') for _ in range(10 ** 5)]", "error"),
    "deep folders": Hostile(
        "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')", "ok error"
    ),
    "memory files": Hostile(
        TRY + "import os\nattempt(lambda: os.memfd_create('x'))", needs="seccomp"
    ),
    "shared memory": Hostile(
        SYSCALL + "attempt(lambda: syscall({'x86_64': 29}.get(os.uname().machine, 194), "
        "0, 1 << 20, 0o1600))",
        needs="seccomp",
    ),
}
