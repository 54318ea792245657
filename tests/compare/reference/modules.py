"""The Python that Ansible's modules run with, as forks (`forks.py`).

    modules.py FOLDER

imports once what modules are made of. A module brings all of that with it in an archive, which is of the Ansible that is imported
here.
"""

import importlib
import os
import sys
import time
import types

import forks

# What most modules import.
LOADED = [
    "ansible.module_utils._internal._ansiballz._loader",
    "ansible.module_utils.facts.ansible_collector",
    "ansible.module_utils.facts.default_collectors",
    "ansible.module_utils.urls",
    "zipfile",
]


def starting(environment):
    """What Python reads when it starts."""
    prefixes = ("LANG", "LC_", "PYTHON")
    return {name: value for name, value in environment.items() if name.startswith(prefixes)}


def refused(request):
    """Whether it is no script that is run, or Python starts otherwise than here."""
    words = request["words"]
    return len(words) < 2 or words[1].startswith("-") or starting(request["environment"]) != starting(os.environ)


def look_into_archives():
    """A module's archive comes first in what it imports, as if nothing were imported already."""
    loader = sys.modules["ansible.module_utils._internal._ansiballz._loader"]
    run_module = loader.run_module

    def run_archived(*, modlib_path, **others):
        for name in ["ansible", "ansible.module_utils"]:
            sys.modules[name].__path__.insert(0, os.path.join(modlib_path, *name.split(".")))
        run_module(modlib_path=modlib_path, **others)

    loader.run_module = run_archived


def run(words):
    script = words[1]
    time.tzset()
    sys.argv = words[1:]
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    main = types.ModuleType("__main__")
    main.__file__ = script
    sys.modules["__main__"] = main
    with open(script, "rb") as file:
        code = compile(file.read(), script, "exec")
    exec(code, vars(main))


if __name__ == "__main__":
    for module in LOADED:
        importlib.import_module(module)
    look_into_archives()
    forks.serve(sys.argv[1], ["python"], refused, run)
