# What the stand-ins need of Debian is fetched, too; then its sources are put away: apt reads only those that the roles add, whose lists
# take it a moment and not seconds.
apt-get install -yq --no-install-recommends busybox-static containernetworking-plugins
mkdir /var/cache/kube-standin
(cd /var/cache/kube-standin && apt-get download -q -o APT::Sandbox::User=root etcd-server etcd-client)
mkdir /etc/apt/away
for file in /etc/apt/sources.list /etc/apt/sources.list.d; do [ ! -e $file ] || mv $file /etc/apt/away/; done
mkdir /etc/apt/sources.list.d
rm -rf /var/lib/apt/lists/*
