"""Programs that ask the kernel for more than they may have, or for what is not theirs."""

from tests.potentials.sandbox.hostile import FILES, NETWORK, SYSCALL, TRY, Hostile

_X86 = "x86 = os.uname().machine == 'x86_64'\n"

PROGRAMS = {
    # Sockets.
    "a datagram that names an address": Hostile(
        TRY + "import socket\n"
        "def act():\n    a, b = socket.socketpair(type=socket.SOCK_DGRAM)\n"
        "    return a.sendto(b'x', ABSTRACT_DATAGRAM)\nattempt(act)",
        needs=NETWORK,
    ),
    "a message that names an address": Hostile(
        TRY + "import socket\n"
        "def act():\n    a, b = socket.socketpair(type=socket.SOCK_DGRAM)\n"
        "    return a.sendmsg([b'x'], [], 0, ABSTRACT_DATAGRAM)\nattempt(act)",
        needs=NETWORK,
    ),
    "a datagram to a socket in a folder": Hostile(
        TRY + "import socket\n"
        "def act():\n    a, b = socket.socketpair(type=socket.SOCK_DGRAM)\n"
        "    return a.sendto(b'x', SOCKET)\nattempt(act)",
        needs="mount namespace|seccomp",
    ),
    "streams that name an address": Hostile(
        TRY + "import socket\nfor kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):\n"
        "    a, b = socket.socketpair(type=kind)\n"
        "    try: a.sendmsg([b'x'], [], 0, ABSTRACT_DATAGRAM)\n    except OSError: pass\n"
        "    try: a.connect(ABSTRACT)\n    except OSError: pass\n"
        "    else: print('ESC' + 'APED')",
        "ok",
        needs=NETWORK,
    ),
    "a datagram over the network": Hostile(
        TRY + "import socket\n"
        "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', "
        "('127.0.0.1', UDP_PORT)))",
        needs=NETWORK,
    ),
    "a listener": Hostile(
        TRY + "import socket\nattempt(lambda: socket.create_server(('127.0.0.1', 0)))",
        needs="seccomp",
    ),
    "a socket in a folder": Hostile(
        TRY + "import socket\n"
        "def act():\n    s = socket.socket(socket.AF_UNIX)\n    s.connect(SOCKET)\nattempt(act)",
        needs="mount namespace|seccomp",
    ),
    "a raw socket": Hostile(
        TRY + "import socket\nattempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))\n"
        "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))"
    ),
    "somebody else's credentials": Hostile(
        TRY + "import socket, struct\na, b = socket.socketpair()\n"
        "attempt(lambda: a.sendmsg([b'x'], [(socket.SOL_SOCKET, 2, struct.pack('iii', HOST_PID, "
        "0, 0))]))"
    ),
    "larger buffers": Hostile(
        TRY + "import fcntl, os, socket\na, b = socket.socketpair()\nr, w = os.pipe()\n"
        "attempt(lambda: a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20))\n"
        "attempt(lambda: a.setsockopt(socket.SOL_SOCKET, 32, 1 << 20))\n"
        "attempt(lambda: fcntl.fcntl(w, 1031, 1 << 20))",
        needs="seccomp",
    ),
    "descriptors thrown at the container": Hostile(
        "import os, socket\nlink = socket.socket(fileno=3)\n"
        "for _ in range(200): socket.send_fds(link, [b'x' * 4], [0, 1, 2])\n"
        "raise ValueError",
        "killed",
    ),
    "the channel shut": Hostile(
        "import socket\nsocket.socket(fileno=3).shutdown(socket.SHUT_RDWR)\nraise ValueError",
        "killed",
    ),
    "the channel read": Hostile("import os\nos.read(3, 100)", "timeout"),
    "the channel replaced": Hostile(
        "import os, socket\na, b = socket.socketpair()\nos.dup2(a.fileno(), 3)\nraise ValueError",
        "timeout killed",
    ),
    # Other processes.
    "memory of any process": Hostile(
        "import os\nfor pid in set(range(1, 300)) - {os.getpid()}:\n"
        "    try: open(f'/proc/{pid}/mem', 'r+b')\n    except OSError: pass\n"
        "    else: print('ESC' + 'APED', pid)",
        "ok",
        needs=FILES,
    ),
    "memory by a system call": Hostile(
        SYSCALL + "import os\n" + _X86 + "b = ctypes.create_string_buffer(8)\n"
        "v = (ctypes.c_uint64 * 2)(ctypes.addressof(b), 8)\np = ctypes.addressof(v)\n"
        "for pid in (1, os.getppid(), HOST_PID):\n"
        "    attempt(lambda: syscall(310 if x86 else 270, pid, p, 1, p, 1, 0))\n"
        "    attempt(lambda: syscall(311 if x86 else 271, pid, p, 1, p, 1, 0))"
    ),
    "descriptors of a process": Hostile(
        SYSCALL + "import os\ndef act():\n    other = os.pidfd_open(os.getppid() or 1)\n"
        "    return syscall(438, other, 0, 0)\nattempt(act)"
    ),
    "two processes compared": Hostile(
        SYSCALL + "import os\n" + _X86 + "attempt(lambda: syscall(312 if x86 else 272, "
        "os.getppid(), HOST_PID, 0, 0, 0))"
    ),
    "a child that is traced": Hostile(
        SYSCALL + "import os, time\n" + _X86 + "child = os.fork()\n"
        "if not child:\n    time.sleep(5)\n    os._exit(0)\n"
        "attempt(lambda: syscall(101 if x86 else 117, 16, child, 0, 0))",
        needs="seccomp",
    ),
    "a thread of another": Hostile(
        SYSCALL + "import os\n" + _X86 + "attempt(lambda: syscall(234 if x86 else 131, HOST_PID, "
        "HOST_PID, 9))"
    ),
    "a queued signal": Hostile(
        SYSCALL + "import os\n" + _X86 + "b = ctypes.create_string_buffer(128)\n"
        "attempt(lambda: syscall(129 if x86 else 138, HOST_PID, 10, ctypes.addressof(b)))"
    ),
    "environments of others": Hostile(
        TRY + "import os\nfor pid in (1, os.getppid(), HOST_PID):\n"
        "    attempt(lambda: open(f'/proc/{pid}/environ', 'rb').read())",
        needs=FILES,
    ),
    # The machine.
    "the name of the host": Hostile(
        "import os, socket\nnames = {socket.gethostname(), os.uname().nodename}\n"
        "print('ESC' + 'APED' if HOST_NAME in names else names)",
        "ok",
        needs="uts namespace",
    ),
    "another name for the host": Hostile(
        TRY + "import socket\nattempt(lambda: socket.sethostname('other'))", needs="seccomp"
    ),
    "the clock": Hostile(
        TRY + "import time\nattempt(lambda: time.clock_settime(time.CLOCK_REALTIME, 0))"
    ),
    "priority": Hostile(
        TRY + "import os\nattempt(lambda: os.nice(-5))\n"
        "attempt(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))"
    ),
    "memory that stays": Hostile(
        TRY + "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def act():\n    b = ctypes.create_string_buffer(1 << 20)\n"
        "    if libc.mlock(b, 1 << 20) or libc.mlockall(3): raise OSError\nattempt(act)"
    ),
    "a timer of the kernel's": Hostile(
        SYSCALL + "import os\n" + _X86 + "n = ctypes.c_int()\n"
        "attempt(lambda: syscall(222 if x86 else 107, 1, 0, ctypes.addressof(n)))",
        needs="seccomp",
    ),
    "another personality": Hostile(
        SYSCALL + "import os\n" + _X86 + "attempt(lambda: syscall(135 if x86 else 92, 0x40000))",
        needs="seccomp",
    ),
    "capabilities raised": Hostile(
        SYSCALL + "import os\n" + _X86 + "h = (ctypes.c_uint32 * 2)(0x20080522, 0)\n"
        "d = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)\n"
        "attempt(lambda: syscall(126 if x86 else 91, ctypes.addressof(h), ctypes.addressof(d)))"
    ),
    "a program that gains rights": Hostile(
        TRY + "import os, shutil, stat, subprocess, sys\n"
        "shutil.copy(sys.executable, 'other')\nos.chmod('other', 0o4755 | stat.S_ISGID)\n"
        "attempt(lambda: {}[subprocess.run(['./other', '-c', 'import os; "
        "assert os.geteuid() != os.getuid()']).returncode])",
    ),
    "the filter taken off": Hostile(
        SYSCALL + "import os\n" + _X86 + "attempt(lambda: syscall(157 if x86 else 167, 22, 0))\n"
        "attempt(lambda: syscall(317 if x86 else 277, 0, 0, 0))",
        # Where it is not denied it is the strict mode, which ends the program.
        "ok error killed",
    ),
    "settings of the kernel": Hostile(
        TRY + "for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', "
        "'/sys/power/state', '/proc/self/oom_score_adj', '/proc/self/uid_map'):\n"
        "    attempt(lambda: open(path, 'w').write('0'))",
        needs=FILES,
    ),
    "devices": Hostile(
        TRY
        + "import os\nfor name in ('mem', 'kmsg', 'kvm', 'vda', 'sda', 'tty', 'ptmx', 'fuse'):\n"
        "    attempt(lambda: open('/dev/' + name, 'rb'))",
        needs=FILES,
    ),
    "handles of files": Hostile(
        SYSCALL + "import os\n" + _X86 + "b = ctypes.create_string_buffer(128)\n"
        "p = ctypes.addressof(b)\n"
        "attempt(lambda: syscall(304 if x86 else 265, -100, p, 0))\n"
        "attempt(lambda: syscall(300 if x86 else 262, 0, 0))"
    ),
    "what is at the root": Hostile(
        "import os, sys\nfound = set(os.listdir('/')) & {'home', 'root', 'var', 'boot', 'srv'}\n"
        "found -= {p.split('/')[1] for p in (sys.prefix, sys.base_prefix)}  # the way to those\n"
        "print('ESC' + 'APED' if found else 'no', found)",
        "ok error",
        needs=FILES,
    ),
    "descriptors as paths": Hostile(
        TRY + "import os\nfor n in range(64):\n"
        "    attempt(lambda: os.listdir(f'/proc/self/fd/{n}'))\n"
        "    attempt(lambda: os.listdir(f'/dev/fd/{n}'))",
        needs=FILES,
    ),
    # Memory of the kernel's.
    "buffers of sockets": Hostile(
        "import os, socket, time\n"
        "def fill():\n    kept = []\n    try:\n        while True:\n"
        "            a, b = socket.socketpair()\n            kept += [a, b]\n"
        "            for s in (a, b):\n                s.setblocking(False)\n"
        "                try:\n                    while True: s.send(bytes(1 << 16))\n"
        "                except BlockingIOError: pass\n    except OSError: pass\n"
        "    time.sleep(20)\nfor _ in range(6):\n    if os.fork() == 0: fill()\nfill()",
        "memory",
        needs="view of processes",
    ),
    "buffers of pipes": Hostile(
        "import os\nkept = []\ntry:\n    while True:\n        r, w = os.pipe()\n"
        "        os.set_blocking(w, False)\n        kept.append(r)\n"
        "        try:\n            while True: os.write(w, bytes(1 << 16))\n"
        "        except BlockingIOError: pass\nexcept OSError: pass",
        "ok",
    ),
    "descriptors under way": Hostile(
        "import socket\nkept = []\ntry:\n    while True:\n        a, b = socket.socketpair()\n"
        "        socket.send_fds(a, [b'x'], [b.fileno()])\n        b.close()\n"
        "        kept.append(a)\nexcept OSError: pass",
        "ok",
    ),
}
