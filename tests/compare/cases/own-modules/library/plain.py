#!/usr/bin/python
# Python that knows nothing of Ansible.
import json
import shlex
import sys

words = dict(word.split("=", 1) for word in shlex.split(open(sys.argv[1]).read()))
print(json.dumps({"changed": False, "words": {k: v for k, v in words.items() if not k.startswith("_")}}))
