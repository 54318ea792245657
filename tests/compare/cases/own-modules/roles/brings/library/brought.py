#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.of_role import twice

module = AnsibleModule(argument_spec=dict(word=dict(type="str")), supports_check_mode=True)
module.exit_json(changed=True, word=twice(module.params["word"]))
