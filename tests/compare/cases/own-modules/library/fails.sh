#!/bin/sh
echo '{"rc": 4, "msg": "as it must"}'
