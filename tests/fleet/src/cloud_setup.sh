#!/bin/sh
# Turns a machine's image into one that a cloud would start: cloud-init with the data that lies in it, and what agents do.
set -e
export DEBIAN_FRONTEND=noninteractive
# What is prepared for nodes has put Debian's sources away.
[ ! -d /etc/apt/away ] || cp -r /etc/apt/away/. /etc/apt/
apt-get update -q
apt-get install -yq --no-install-recommends cloud-init python3-apt
apt-get clean
cat >/etc/cloud/cloud.cfg.d/99-cloud.cfg <<END
datasource_list: [NoCloud]
network: {config: disabled}
ssh_deletekeys: false
manage_etc_hosts: false
system_info: {default_user: null}
END
rm -rf /var/lib/cloud/* /usr/share/doc/* /usr/share/man/* /var/lib/apt/lists/*
[ ! -d /etc/apt/away ] || rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
