#!/bin/sh
# Takes name=value words.
eval "$(cat "$1")"
echo noise before the answer
echo "{\"changed\": true, \"said\": \"$greeting, $name\", \"check\": \"$_ansible_check_mode\", \"list\": \"$list\"}"
