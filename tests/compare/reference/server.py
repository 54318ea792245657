"""Ansible's tools without the time that it takes to import Ansible, which is most of a short run.

    server.py FOLDER

imports Ansible once, writes the tools into the folder, and says that they are there by a line. Each of them is `client.py`,
which asks here for a fork that is the tool. Ansible reads its settings while it is imported: a run that has others than were
known then is refused, and its client starts the tool itself. It goes on until its standard input ends.
"""

import atexit
import copy
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile

TOOLS = {
    "ansible": ("ansible.cli.adhoc", "AdHocCLI"),
    "ansible-config": ("ansible.cli.config", "ConfigCLI"),
    "ansible-doc": ("ansible.cli.doc", "DocCLI"),
    "ansible-inventory": ("ansible.cli.inventory", "InventoryCLI"),
    "ansible-playbook": ("ansible.cli.playbook", "PlaybookCLI"),
    "ansible-vault": ("ansible.cli.vault", "VaultCLI"),
}

# What every run of a playbook loads.
LOADED = [
    "ansible.executor.process.worker",
    "ansible.playbook.handler_task_include",
    "ansible.playbook.role_include",
    "ansible.plugins.cache.memory",
    "ansible.plugins.connection.local",
    "ansible.plugins.inventory.host_list",
    "ansible.plugins.inventory.ini",
    "ansible.plugins.inventory.toml",
    "ansible.plugins.inventory.yaml",
    "ansible.plugins.shell.sh",
    "ansible.plugins.strategy.linear",
    "ansible.plugins.vars.host_group_vars",
]

# What no setting is read from.
PASSING = {"OLDPWD", "OTHER", "PATH", "PWD", "SHLVL", "_"}

# The longest request, in bytes.
LONGEST = 1 << 18


def lasting(environment):
    return {name: value for name, value in environment.items() if name not in PASSING}


def refused(request, streams):
    """Whether a run finds other settings than those that Ansible was imported with, or a terminal."""
    files = [os.path.join(request["folder"], "ansible.cfg"), os.path.expanduser("~/.ansible.cfg"), "/etc/ansible/ansible.cfg"]
    return (
        lasting(request["environment"]) != lasting(os.environ)
        or any(os.path.exists(file) for file in files)
        or any(os.isatty(stream) for stream in streams)
    )


def remember_metadata():
    """What collections say of themselves is read once for all runs: that of ansible.builtin is long, and every run wants it."""
    import ansible
    from ansible.utils.collection_loader import _collection_finder

    read, known = _collection_finder._meta_yml_to_dict, {}

    def remembered(text, content_id):
        if text not in known:
            known[text] = read(text, content_id)
        return copy.deepcopy(known[text])

    _collection_finder._meta_yml_to_dict = remembered
    with open(os.path.join(ansible.__path__[0], "config", "ansible_builtin_runtime.yml"), "rb") as file:
        remembered(file.read(), None)


def own_temporary_folder():
    """Ansible makes a temporary folder while it is imported, and removes it at the end of the run: this run gets its own."""
    from ansible import constants
    from ansible.config.manager import cleanup_tmp_file

    atexit.unregister(cleanup_tmp_file)
    parent = os.path.dirname(constants.DEFAULT_LOCAL_TMP)
    constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=parent)
    atexit.register(cleanup_tmp_file, constants.DEFAULT_LOCAL_TMP, warn=True)


def work(request, streams):
    """Is a tool."""
    os.setpgid(0, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["words"]
    own_temporary_folder()
    module, name = TOOLS[os.path.basename(sys.argv[0])]
    getattr(importlib.import_module(module), name).cli_executor(sys.argv)


def watch(worker, asking):
    """Tells how a tool ended; ends it when nobody waits for it any more."""
    ended = os.pidfd_open(worker)
    if asking in select.select([ended, asking], [], [])[0]:
        os.killpg(worker, signal.SIGKILL)
        return
    code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    asking.send(json.dumps(code if code >= 0 else 128 - code).encode())


def answer(asking):
    message, streams, _, _ = socket.recv_fds(asking, LONGEST, 3)
    request = json.loads(message)
    if refused(request, streams):
        asking.send(b"null")
    elif os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        worker = os.fork()
        if worker == 0:
            asking.close()
            sys.exit(work(request, streams))
        watch(worker, asking)
        os._exit(0)
    asking.close()
    for stream in streams:
        os.close(stream)


def write_tools(folder):
    own = os.path.join(os.path.dirname(__file__), "client.py")
    with open(own) as file:
        text = f"#!{sys.executable} -IS\n" + file.read()
    for tool in TOOLS:
        path = os.path.join(folder, tool)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)


def main(folder):
    for module in [module for module, _ in TOOLS.values()] + LOADED:
        importlib.import_module(module)
    remember_metadata()
    # What lies there is shared by all forks as long as nobody touches it.
    gc.freeze()
    # Nobody waits for what watches.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    path = os.path.join(folder, "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen(64)
        write_tools(folder)
        print("ready", flush=True)
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            answer(listening.accept()[0])
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1])
