#!/bin/sh
# What a cloud's agent does at the first boot: host keys, which it tells on the console, and the administrator.
if [ ! -e /var/lib/cloud-agent/done ]; then
  ssh-keygen -A >/dev/null
  name=$(cat /var/lib/cloud-agent/user)
  if [ -n "$name" ]; then
    id -u "$name" >/dev/null 2>&1 || useradd -m -s /bin/bash "$name"
    home=$(getent passwd "$name" | cut -d: -f6)
    install -d -m 700 -o "$name" -g "$(id -g "$name")" "$home/.ssh"
    install -m 600 -o "$name" -g "$(id -g "$name")" /var/lib/cloud-agent/authorized_keys "$home/.ssh/authorized_keys"
    echo "$name ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/90-cloud
    chmod 440 /etc/sudoers.d/90-cloud
  fi
  [ -e /var/lib/cloud/seed/nocloud/user-data ] || touch /etc/cloud/cloud-init.disabled
  touch /var/lib/cloud-agent/done
fi
echo '-----BEGIN SSH HOST KEY KEYS-----'
cat /etc/ssh/ssh_host_*_key.pub
echo '-----END SSH HOST KEY KEYS-----'
exec /usr/local/sbin/fleet-boot
