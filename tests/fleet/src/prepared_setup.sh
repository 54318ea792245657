#!/bin/sh
# Adds what the roles of nodes install from Debian.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -yq --no-install-recommends \
  ca-certificates conntrack ethtool iproute2 iptables kmod mount procps socat containerd runc criu nfs-common keepalived curl
rm -f /var/cache/apt/archives/*.deb
