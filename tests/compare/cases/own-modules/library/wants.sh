#!/bin/sh
# WANT_JSON
echo "{\"first\": $(sed 's/, "_ansible.*/}/' "$1"), \"rc\": 0}"
