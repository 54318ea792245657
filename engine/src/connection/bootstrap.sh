# Finds the agent on a host and becomes it; asks for it where it is not there yet. Lines of comment are not sent.
#
# It needs the builtins of a POSIX shell (and the tests -O and -k, which all shells have), mkdir and chmod. Where those
# two are missing, or no folder is fit, it asks for the agent to be put in place from outside. uname, id, head, cat, mv
# and rm are used where they are. What is sent unpacks itself by way of another file, or is the agent already.
o=$PWD
exec 3>&2
k=$(umask)
umask 077
m=$(uname -m 2>/dev/null) || m=${HOSTTYPE:-x86_64}
case $m in arm64) m=aarch64;; amd64) m=x86_64;; esac
n=agent-
for p in HASHES; do case $p in $m:*) n=agent-${p#*:};; esac; done
u=$(id -u 2>/dev/null) || u=${USER:-me}
c=${HOME:-/nowhere}
c=${XDG_CACHE_HOME:-${c%/}/.cache}
# Becomes the agent $1, which goes back to where the login began: commands run there.
go() { umask "$k"; exec "$1" in "$o" 2>&3 3>&-; }
# Goes into the folder $1, made if $2 is given, if it belongs to this user alone and nobody else can put another in its
# place. It is judged from inside, so that what is judged is what is used. Where it is not so, x says why.
enter() {
  x='its parent is not there, or others may change it'
  cd "${1%/*}/" 2>/dev/null && { [ -O . ] || [ -k . ]; } || return 1
  p=$(pwd -P)
  [ -z "$2" ] || mkdir "${1##*/}" 2>/dev/null
  x='it cannot be made'
  cd "./${1##*/}" 2>/dev/null || return 1
  x='it is a symbolic link, or belongs to somebody else'
  [ "$(pwd -P)" = "${p%/}/${1##*/}" ] && [ -O . ] && chmod 700 . 2>/dev/null
}
# Whether $1, here, is a file of this user's own that can be executed and is an agent.
runs() { [ -f "$1" ] && [ ! -h "$1" ] && [ -O "$1" ] && [ -x "$1" ] && "./$1" probe; } 2>/dev/null
set -- "$c/clouder" "/var/tmp/.clouder-$u" "/tmp/.clouder-$u" "/dev/shm/.clouder-$u" "/run/user/$u/clouder" "/run/.clouder-$u"
for d in "$@"; do enter "$d" && runs "$n" && go "./$n"; done
# An agent that is there already without being this user's own.
for d in BESIDE; do [ -x "$d" ] && "$d" probe 2>/dev/null && go "$d"; done
has() { for p in "$@"; do command -v "$p" >/dev/null 2>&1 || return 1; done; }
w=
has mkdir chmod || { w="; it has no mkdir and chmod"; set --; }
f=text
has head cat && f=bytes
[ -d "$c" ] || { [ -O "${c%/*}/" ] && mkdir "$c"; } 2>/dev/null
t=.new$$
for d in "$@"; do
  if enter "$d" make; then
    x='nothing can be written there'
    rm -f $t $t.u
    set -C
    if printf '#!/bin/sh\nexit 0\n' >$t; then
      x='programs there cannot be executed'
      if chmod 700 $t && ./$t; then
        echo "CLOUDER-NEED $f $m"
        read -r f s || exit 1
        # All that is sent must be read, whatever becomes of it.
        case $f in
          bytes) head -c "$s" | { cat >|$t; cat >/dev/null; };;
          text) while IFS= read -r s && [ "$s" != . ]; do printf "$s"; done >|$t;;
        esac
        x='the agent cannot be written or executed there (is the disk full?)'
        if ./$t unpack $t.u && runs $t; then
          for s in agent-*; do [ "$s" = "$n" ] || rm -f "$s"; done
          mv -f $t "$n" || n=$t
          go "./$n"
        fi
      fi
    fi
    rm -f $t $t.u
  fi 2>/dev/null
  w="$w; $d: $x"
done
echo "CLOUDER-NEED outside $m ${w#; }"
