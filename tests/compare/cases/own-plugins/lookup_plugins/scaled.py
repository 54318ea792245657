from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: scaled
short_description: numbers, scaled
description: [numbers, scaled]
options:
  _terms: {description: numbers}
  by: {description: how much, type: int, default: 2}
"""


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        if "no" in terms:
            raise AnsibleError("no such number")
        return [term * self.get_option("by") for term in terms] + [variables["offset"]]
