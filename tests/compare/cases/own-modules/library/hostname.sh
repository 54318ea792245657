#!/bin/sh
# WANT_JSON
echo '{"changed": false, "mine": true}'
