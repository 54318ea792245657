#!/bin/sh
# Turns a bare Debian root into the image: run inside of it.
set -e
export DEBIAN_FRONTEND=noninteractive
# As images of Debian for containers are: nobody reads there, and nothing needs to outlive the power.
printf 'force-unsafe-io\npath-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' >/etc/dpkg/dpkg.cfg.d/fleet
echo 'Acquire::Languages "none";' >/etc/apt/apt.conf.d/90fleet
apt-get update -q
apt-get install -yq --no-install-recommends systemd systemd-sysv dbus openssh-server sudo ca-certificates iproute2 procps kmod gpg cron
apt-get clean
useradd -m -s /bin/bash admin
# Debian has a group of this name already.
useradd -m -g operator -s /bin/bash operator
printf 'operator:%s\nroot:%s\n' "$PASSWORD" "$PASSWORD" | chpasswd
echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
echo 'operator ALL=(ALL) ALL' >/etc/sudoers.d/operator
chmod 440 /etc/sudoers.d/*
rm -f /etc/ssh/ssh_host_*
printf 'PermitRootLogin prohibit-password\nUseDNS no\nMaxStartups 100:30:200\n' >/etc/ssh/sshd_config.d/fleet.conf
# What needs hardware that a container has not.
systemctl mask systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-firstboot.service getty.target console-getty.service >/dev/null 2>&1
rm -rf /usr/share/doc/* /usr/share/man/* /var/lib/apt/lists/*
