#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.helper import decorated


def main():
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type="str", required=True, aliases=["label"]),
            count=dict(type="int", default=1),
            flags=dict(type="list", elements="str", default=[]),
            table=dict(type="dict"),
            mode=dict(choices=["one", "two"], default="one"),
            secret=dict(type="str", no_log=True),
            how=dict(choices=["well", "badly", "crash"], default="well"),
        ),
        supports_check_mode=True,
    )
    p = module.params
    if p["how"] == "badly":
        module.fail_json(msg="it went badly", hint=p["name"])
    if p["how"] == "crash":
        raise RuntimeError("it crashed")
    if p["count"] > 3:
        module.warn("that is a lot")
    module.exit_json(
        changed=p["count"] > 1,
        said=decorated(p["name"]),
        params={k: p[k] for k in ("name", "count", "flags", "table", "mode")},
        leaked=p["secret"],
        check=module.check_mode,
        diff=dict(before="a\n", after="b\n"),
        ansible_facts=dict(probed=p["name"]),
    )


if __name__ == "__main__":
    main()
