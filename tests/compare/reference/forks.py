"""Python programs without the time that it takes to import what they are made of, which is most of a short run: forks of a
process that has imported it. Each is `client.py` by the name of the program."""

import gc
import marshal
import os
import select
import shutil
import signal
import socket
import sys

# The longest request, in bytes.
LONGEST = 1 << 18


def is_terminal(streams):
    return any(os.isatty(stream) for stream in streams)


def begin(request, streams, run):
    """Is a program."""
    os.setpgid(0, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    run(request["words"])


def watch(worker, asking):
    """Tells how a program ended; ends it when nobody waits for it any more."""
    ended = os.pidfd_open(worker)
    if asking in select.select([ended, asking], [], [])[0]:
        os.killpg(worker, signal.SIGKILL)
        return
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    asking.send(marshal.dumps(code if code >= 0 else 128 - code))


def answer(asking, refused, run):
    message, streams, _, _ = socket.recv_fds(asking, LONGEST, 3)
    request = marshal.loads(message)
    if is_terminal(streams) or refused(request):
        asking.send(marshal.dumps(None))
    elif os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        worker = os.fork()
        if worker == 0:
            asking.close()
            sys.exit(begin(request, streams, run))
        watch(worker, asking)
        os._exit(0)
    asking.close()
    for stream in streams:
        os.close(stream)


def write_programs(folder, programs):
    with open(os.path.join(os.path.dirname(__file__), "client.py")) as file:
        text = f"#!{sys.executable} -IS\n" + file.read()
    for program in programs:
        path = os.path.join(folder, program)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)


def serve(folder, programs, refused, run):
    """Writes the programs into the folder, says that they are there by a line, and goes on until standard input ends.
    `refused` tells of a request whether the program itself must answer it; `run` is the program, given its words."""
    # What lies there is shared by all forks as long as nobody touches it.
    gc.freeze()
    # Nobody waits for what watches.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    path = os.path.join(folder, "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen(64)
        write_programs(folder, programs)
        print("ready", flush=True)
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            answer(listening.accept()[0], refused, run)
    shutil.rmtree(folder)
