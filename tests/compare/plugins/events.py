"""Tells what happens in a run of Ansible as lines of JSON, in the form of `clouder run --output json`."""

import json
import sys

from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: events
    type: stdout
    short_description: events as lines of JSON
    description: What happens in a run, in the form of clouder's events.
"""


def plain(value):
    """A value without what JSON has no word for."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "events"

    def tell(self, event, **fields):
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()

    def v2_playbook_on_play_start(self, play):
        self.tell("play_start", name=play.get_name().strip())

    def v2_playbook_on_no_hosts_matched(self):
        self.tell("no_hosts")

    def v2_playbook_on_include(self, included_file):
        hosts = [host.get_name() for host in included_file._hosts]
        name = str(included_file._filename)
        item = self._get_item_label(included_file._vars)
        self.tell("included", name=name, item=None if item is None else str(item), hosts=hosts)

    def result(self, result, status, event="result", **fields):
        told = plain(result.result)
        task = {"name": result.task.get_name().strip(), "module": result.task.action}
        self.tell(event, task=task, host=result.host.get_name(), status=status, result=told, **fields)

    def item(self, result, status):
        label = self._get_item_label(result.result)
        self.result(result, status, "item", label=str(label))

    def good(self, result):
        return "changed" if result.result.get("changed") else "ok"

    def v2_runner_on_ok(self, result):
        # What is included is told of by itself.
        if not isinstance(result.task, TaskInclude):
            self.result(result, self.good(result))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result):
        self.result(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self.result(result, "ignored" if result.task.ignore_unreachable else "unreachable")

    def v2_runner_item_on_ok(self, result):
        if not isinstance(result.task, TaskInclude):
            self.item(result, self.good(result))

    def v2_runner_item_on_failed(self, result):
        self.item(result, "failed")

    def v2_runner_item_on_skipped(self, result):
        self.item(result, "skipped")

    def v2_runner_retry(self, result):
        task = {"name": result.task.get_name().strip(), "module": result.task.action}
        self.tell("retry", task=task, host=result.host.get_name())

    def v2_playbook_on_stats(self, stats):
        hosts = {}
        for host in stats.processed:
            counts = stats.summarize(host)
            counts["failed"] = counts.pop("failures")
            hosts[host] = counts
        self.tell("summary", hosts=hosts)
