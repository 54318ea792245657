#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.my.tools.plugins.module_utils.deep.nails import drive
from ..module_utils.near import near

module = AnsibleModule(argument_spec=dict(times=dict(type="int", default=1)), supports_check_mode=True)
module.exit_json(changed=True, nails=drive(module.params["times"]), near=near())
