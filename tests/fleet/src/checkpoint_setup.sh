#!/bin/sh
# Adds what checkpoints and restores containers, containerd of Debian's unstable release, and what else the roles of nodes install.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -yq --no-install-recommends \
  ca-certificates conntrack ethtool iproute2 iptables kmod mount procps socat runc criu nfs-common
# Only what is asked for by its version comes from there. A mirror that lags behind is as good.
cat >/etc/apt/sources.list.d/unstable.sources <<END
Types: deb
URIs: $(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\(http[^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
Suites: sid
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no
END
printf 'Package: *\nPin: release a=unstable\nPin-Priority: 1\n' >/etc/apt/preferences.d/unstable
apt-get update -q
version=$(apt-cache madison containerd | sed -n 's/.*| *\(2\.[123]\.[^ ]*\) .*/\1/p' | head -n 1)
if [ -z "$version" ]; then
  echo "no containerd of 2.1 to 2.3, which restores containers, among: $(apt-cache madison containerd)" >&2
  exit 1
fi
apt-get install -yq --no-install-recommends "containerd=$version"
rm -f /etc/apt/sources.list.d/unstable.sources /etc/apt/preferences.d/unstable
rm -f /var/cache/apt/archives/*.deb
