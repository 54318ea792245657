#!/bin/sh
cat <<'END'
{"got": <<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>, "ansible_facts": {"inside_fact": [1, 2]}, "warnings": ["be careful"]}
END
