#!/bin/sh
echo nothing of use
echo and this on the side >&2
exit 3
