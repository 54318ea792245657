"""Runs filters, tests and lookups that are written in Python, for clouder: a request a line, an answer a line, both JSON.

ansible-core itself finds and prepares them, so that they are what they are with Ansible.
"""
import json
import os
import sys
from collections.abc import Iterable, Mapping

# What a plugin prints must not get between the answers.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def plain(value):
    """What JSON has no form for."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


class Plugins:
    def __init__(self, collections):
        from ansible.plugins import loader

        loader.init_plugin_loader(collections)
        self.loaders = {"filter": loader.filter_loader, "test": loader.test_loader, "lookup": loader.lookup_loader}
        self.folders = set()

    def add(self, folders):
        for kind, folder in folders:
            if (kind, folder) not in self.folders:
                self.folders.add((kind, folder))
                self.loaders[kind].add_directory(folder)

    def find(self, kind, name):
        """The file of a plugin, if there is one, and whether it wants to see variables."""
        loader = self.loaders[kind]
        if kind == "lookup":
            found = loader.find_plugin_with_context(name)
            return {"path": found.plugin_resolved_path if found.resolved else None}
        try:
            plugin = loader.get(name)
        except KeyError:
            plugin = None
        if plugin is None:
            return {"path": None}
        return {"path": plugin._original_path, "wants": hasattr(plugin.j2_function, "jinja_pass_arg")}

    def call(self, kind, name, arguments, named, variables):
        if kind == "lookup":
            return self.lookup(name, arguments, named, variables)
        function = self.loaders[kind].get(name).j2_function
        wants = getattr(function, "jinja_pass_arg", None)
        if wants is not None:
            arguments = [self.around(str(wants), variables), *arguments]
        return function(*arguments, **named)

    def lookup(self, name, terms, named, variables):
        from ansible.parsing.dataloader import DataLoader
        from ansible.template import Templar

        data = DataLoader()
        plugin = self.loaders["lookup"].get(name, loader=data, templar=Templar(loader=data, variables=variables))
        return plugin.run(terms, variables=variables, **named)

    def around(self, wants, variables):
        """The environment or context that a filter asks for."""
        from jinja2.nativetypes import NativeEnvironment

        environment = NativeEnvironment()
        if "environment" in wants:
            return environment
        context = environment.from_string("").new_context(variables)
        return context if "eval" not in wants else context.eval_ctx


def main():
    plugins = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if plugins is None:
                plugins = Plugins(request["collections"])
            plugins.add(request["folders"])
            if request["do"] == "find":
                answer = {"value": plugins.find(request["kind"], request["name"])}
            else:
                value = plugins.call(
                    request["kind"], request["name"], request["arguments"], request["named"], request["variables"]
                )
                answer = {"value": value}
            text = json.dumps(answer, default=plain)
        except Exception as error:
            text = json.dumps({"error": f"{type(error).__name__}: {error}"})
        answers.write(text + "\n")
        answers.flush()


main()
