"""Ansible's tools as forks (`forks.py`).

    tools.py FOLDER

imports Ansible once. Ansible reads its settings while it is imported: a run that has others than were known then is refused.
"""

import atexit
import importlib
import os
import pickle
import sys
import tempfile

import forks

TOOLS = {
    "ansible": ("ansible.cli.adhoc", "AdHocCLI"),
    "ansible-config": ("ansible.cli.config", "ConfigCLI"),
    "ansible-doc": ("ansible.cli.doc", "DocCLI"),
    "ansible-inventory": ("ansible.cli.inventory", "InventoryCLI"),
    "ansible-playbook": ("ansible.cli.playbook", "PlaybookCLI"),
    "ansible-vault": ("ansible.cli.vault", "VaultCLI"),
}

# What every run of a playbook loads, besides plugins.
LOADED = [
    "ansible.executor.process.worker",
    "ansible.playbook.handler_task_include",
    "ansible.playbook.role_include",
    "ansible.plugins.cache.memory",
]

# The plugins that every run of a playbook loads, or reads the options of.
DESCRIBED = {
    "become": ["runas", "su", "sudo"],
    "callback": ["default", "junit", "minimal", "oneline", "tree"],
    "connection": ["local", "paramiko_ssh", "psrp", "ssh", "winrm"],
    "inventory": ["advanced_host_list", "auto", "constructed", "generator", "host_list", "ini", "script", "toml", "yaml"],
    "shell": ["cmd", "powershell", "sh"],
    "strategy": ["debug", "free", "host_pinned", "linear"],
    "vars": ["host_group_vars"],
}

# What no setting is read from.
PASSING = {"OLDPWD", "OTHER", "PATH", "PWD", "SHLVL", "_"}


def lasting(environment):
    return {name: value for name, value in environment.items() if name not in PASSING}


def refused(request):
    """Whether a run finds other settings than those that Ansible was imported with."""
    files = [os.path.join(request["folder"], "ansible.cfg"), os.path.expanduser("~/.ansible.cfg"), "/etc/ansible/ansible.cfg"]
    return lasting(request["environment"]) != lasting(os.environ) or any(os.path.exists(file) for file in files)


def remember_metadata():
    """What collections say of themselves is read once for all runs: that of ansible.builtin is long, and every run wants it."""
    import ansible
    from ansible.utils.collection_loader import _collection_finder

    read, known = _collection_finder._meta_yml_to_dict, {}

    def remembered(text, content_id):
        if text not in known:
            known[text] = pickle.dumps(read(text, content_id))
        return pickle.loads(known[text])

    _collection_finder._meta_yml_to_dict = remembered
    with open(os.path.join(ansible.__path__[0], "config", "ansible_builtin_runtime.yml"), "rb") as file:
        remembered(file.read(), None)


def remember_options():
    """Plugins are loaded, and what their options are is read, once, too."""
    from ansible import constants
    from ansible.plugins import loader

    for kind, plugins in DESCRIBED.items():
        kind_loader = getattr(loader, f"{kind}_loader")
        for name in plugins:
            module = importlib.import_module(f"ansible.plugins.{kind}.{name}")
            kind_loader._load_config_defs(name, module, module.__file__)
            if not constants.config.has_configuration_definition(kind, name):
                # It has none, and would be read again.
                constants.config.initialize_plugin_configuration_definitions(kind, name, {})
    loader.fragment_loader._clear_caches()


def own_temporary_folder():
    """Ansible makes a temporary folder while it is imported, and removes it at the end of the run: this run gets its own."""
    from ansible import constants
    from ansible.config.manager import cleanup_tmp_file

    atexit.unregister(cleanup_tmp_file)
    parent = os.path.dirname(constants.DEFAULT_LOCAL_TMP)
    constants.DEFAULT_LOCAL_TMP = tempfile.mkdtemp(prefix=f"ansible-local-{os.getpid()}", dir=parent)
    atexit.register(cleanup_tmp_file, constants.DEFAULT_LOCAL_TMP, warn=True)


def run(words):
    sys.argv = words
    own_temporary_folder()
    module, name = TOOLS[os.path.basename(words[0])]
    getattr(importlib.import_module(module), name).cli_executor(words)


if __name__ == "__main__":
    for module in [module for module, _ in TOOLS.values()] + LOADED:
        importlib.import_module(module)
    remember_metadata()
    remember_options()
    forks.serve(sys.argv[1], TOOLS, refused, run)
