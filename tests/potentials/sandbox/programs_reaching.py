"""Programs that reach for other processes, for files and for the network."""

from tests.potentials.sandbox.hostile import FILES, NETWORK, SYSCALL, TRY, Hostile

PROGRAMS = {
    # Reaching others.
    "signal to the owner": Hostile(
        TRY + "import os\nattempt(lambda: os.kill(HOST_PID, 9))\n"
        "attempt(lambda: os.kill(HOST_PID, 0))"
    ),
    "signal to everybody": Hostile("import os\nos.kill(-1, 9)\nos.kill(1, 9)", "killed ok error"),
    "signal to the parent": Hostile(
        "import os\nfor n in range(1, 65):\n    try: os.kill(os.getppid(), n)\n"
        "    except OSError: pass",
    ),
    "signal to the group": Hostile("import os\nos.killpg(0, 9)", "killed error"),
    "ptrace": Hostile(
        SYSCALL + "attempt(lambda: syscall({'x86_64': 101}.get(os.uname().machine, 117), "
        "16, os.getppid(), 0, 0))"
    ),
    "memory of the parent": Hostile(
        TRY + "import os\nattempt(lambda: open(f'/proc/{os.getppid()}/mem', 'r+b').read(1))",
    ),
    "proc": Hostile(TRY + "import os\nattempt(lambda: os.listdir('/proc/1'))", needs=FILES),
    "environment": Hostile(
        "import os\nfound = set(os.environ) | set(map(os.fsdecode, os.environb))\n"
        "print('ESC' + 'APED' if 'SANDBOX_TEST_SECRET' in found else 'no')\n"
        "assert 'USER' not in found and os.environ['HOME'] == '/tmp'",
        "ok",
    ),
    "environment in memory": Hostile(
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.getenv.restype = ctypes.c_char_p\n"
        "assert libc.getenv(b'SANDBOX_TEST_SECRET') is None",
        "ok",
    ),
    # Files.
    "reading a secret": Hostile(TRY + "attempt(lambda: open(SECRET).read())", needs=FILES),
    "reading a home": Hostile(
        TRY + "import os, sys\n"
        "def look(name):\n"
        "    seen = os.listdir(name) if os.path.isdir(name) else [open(name).read()]\n"
        "    way = (sys.prefix + '/', sys.base_prefix + '/')\n"
        "    seen = [n for n in seen if not any(w.startswith(f'{name}/{n}/') for w in way)]\n"
        "    if not seen: raise OSError('only the way to the interpreter')\n"
        "    return seen\n"
        "for name in ('/root', '/home', '/etc/shadow', '/etc/hostname'):\n"
        "    attempt(lambda: look(name))",
        needs=FILES,
    ),
    "climbing out": Hostile(
        TRY + "import os\nattempt(lambda: open('../' * 40 + SECRET).read())\n"
        "attempt(lambda: os.listdir('../../../../..' + os.path.dirname(SECRET)))",
        needs=FILES,
    ),
    "writing outside": Hostile(
        TRY + "for path in ('/x', '/usr/x', '/etc/x', '/var/tmp/x', '/dev/shm/x', SECRET + 'x'):\n"
        "    attempt(lambda: open(path, 'w'))",
        needs=FILES,
    ),
    "writing into the library": Hostile(
        TRY + "import os\nattempt(lambda: open(os.__file__, 'a'))\n"
        "attempt(lambda: os.remove(os.__file__))"
    ),
    "symbolic link": Hostile(
        TRY + "import os\nos.symlink(SECRET, 'link')\nattempt(lambda: open('link').read())",
        needs=FILES,
    ),
    "hard link": Hostile(TRY + "import os\nattempt(lambda: os.link(SECRET, 'link'))", needs=FILES),
    "device": Hostile(
        TRY + "import os, stat\n"
        "attempt(lambda: os.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0)))\n"
        "attempt(lambda: os.mknod('memory', 0o600 | stat.S_IFCHR, os.makedev(1, 1)))",
    ),
    "own folder deleted": Hostile(
        "import os, shutil\nhere = os.getcwd()\nshutil.rmtree(here, ignore_errors=True)\n"
        "open('after', 'w').write('x')",
        "ok error",
    ),
    "own folder closed": Hostile("import os\nos.mkdir('d', 0)\nos.chmod('.', 0)", "ok error"),
    "chroot": Hostile(TRY + "import os\nos.mkdir('r')\nattempt(lambda: os.chroot('r'))"),
    "mount": Hostile(
        SYSCALL + "a = ctypes.create_string_buffer(b'tmpfs')\n"
        "b = ctypes.create_string_buffer(b'/tmp')\np = ctypes.addressof\n"
        "attempt(lambda: syscall({'x86_64': 165}.get(os.uname().machine, 40), "
        "p(a), p(b), p(a), 0, 0))"
    ),
    "new namespaces": Hostile(
        SYSCALL + "attempt(lambda: syscall({'x86_64': 272}.get(os.uname().machine, 97), "
        "0x10000000))\n"
        "attempt(lambda: syscall({'x86_64': 56}.get(os.uname().machine, 220), 0x10000011, 0, 0, "
        "0, 0))",
        needs="seccomp",
    ),
    "clone3": Hostile(
        SYSCALL + "a = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17)\n"
        "attempt(lambda: syscall(435, ctypes.addressof(a), 64))",
        needs="seccomp",
    ),
    "rights regained": Hostile(
        TRY + "import os\nif os.getuid():\n    attempt(lambda: os.setuid(0))\n"
        "    attempt(lambda: os.setgroups([0]))",
        needs="uid",
    ),
    "limits raised": Hostile(
        TRY + "import resource\n"
        "attempt(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20)))\n"
        "attempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)))",
    ),
    "limits of others": Hostile(
        "import os, resource\nfor pid in set(range(1, 100)) - {os.getpid()}:\n"
        "    for which in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE):\n"
        "        try: resource.prlimit(pid, which, (0, 0))\n        except OSError: pass\n"
        "        else: print('ESC' + 'APED', pid)",
        needs="seccomp",
    ),
    "others slowed down": Hostile(
        TRY + "import os\n"
        "acts = (lambda p: os.setpriority(os.PRIO_PROCESS, p, 19),\n"
        "        lambda p: os.setpriority(os.PRIO_USER, 0, 19),\n"
        "        lambda p: os.setpriority(os.PRIO_PGRP, os.getpgid(p), 19),\n"
        "        lambda p: os.sched_setscheduler(p, os.SCHED_IDLE, os.sched_param(0)),\n"
        "        lambda p: os.sched_setparam(p, os.sched_param(0)),\n"
        "        lambda p: os.sched_setaffinity(p, [0]))\n"
        "for pid in set(range(1, 100)) - {os.getpid()}:\n"
        "    for act in acts: attempt(lambda: act(pid))",
        needs="seccomp",
    ),
    "itself slowed down": Hostile(
        "import os, resource\nos.nice(1)\nos.sched_setaffinity(0, os.sched_getaffinity(0))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))",
        "ok",
    ),
    "signals by way of a file": Hostile(
        TRY + "import fcntl, os, struct\nr, w = os.pipe()\n"
        "attempt(lambda: fcntl.fcntl(r, fcntl.F_SETOWN, HOST_PID))\n"
        "attempt(lambda: fcntl.fcntl(r, 15, struct.pack('ii', 1, HOST_PID)))\n"
        "attempt(lambda: fcntl.fcntl(r, 10, 9))\n"
        "for ask in (0x8901, 0x8902):\n"
        "    attempt(lambda: fcntl.ioctl(r, ask, struct.pack('i', HOST_PID)))",
        needs="seccomp",
    ),
    "a note on the folder": Hostile(
        TRY + "import os\nattempt(lambda: os.setxattr('.', 'user.note', b'x'))", needs="seccomp"
    ),
    "io_uring, bpf, userfaultfd, keys, perf": Hostile(
        SYSCALL + "import os\nx86 = os.uname().machine == 'x86_64'\n"
        "for number in (425, 321 if x86 else 280, 323 if x86 else 282, 250 if x86 else 219, "
        "298 if x86 else 241, 304 if x86 else 265):\n"
        "    attempt(lambda: syscall(number, 1, 0, 0, 0, 0))",
        needs="seccomp",
    ),
    "foreign system calls": Hostile(
        "import ctypes, mmap, os\nassert os.uname().machine == 'x86_64'\n"
        "m = mmap.mmap(-1, 4096, prot=7)\n"
        # mov eax, 20 (getpid of 32-bit programs); int 0x80; ret
        "m.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "print('ESC' + 'APED' if f() > 0 else 'no')",
        "killed error",
        needs="seccomp",
    ),
    # The network.
    "sockets of every family": Hostile(
        TRY + "import socket\nfor family in range(64):\n    for kind in (1, 2, 3, 5):\n"
        "        try: socket.socket(family, kind)\n        except OSError: pass\n"
        "        else: print('ESC' + 'APED', family, kind)",
        needs="seccomp",
    ),
    "connection": Hostile(
        TRY + "import socket\n"
        "attempt(lambda: socket.create_connection(('127.0.0.1', PORT), timeout=1))",
        needs=NETWORK,
    ),
    "abstract socket": Hostile(
        TRY + "import socket\n"
        "def act():\n    s = socket.socket(socket.AF_UNIX)\n    s.connect(ABSTRACT)\nattempt(act)",
        needs=NETWORK,
    ),
    "names looked up": Hostile(
        TRY + "import socket\nattempt(lambda: socket.getaddrinfo('example.com', 80))",
        needs=NETWORK,
    ),
}
