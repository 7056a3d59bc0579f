#!/bin/sh
# Installs the binary with its manual pages, completions, systemd unit and sample settings.
#
#   packaging/install.sh [BINARY]        target/release/colonies unless given
#
# PREFIX (/usr/local) is where to; DESTDIR is put before everything, for packages. Settings that are there already stay.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-$here/../target/release/colonies}
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}

if [ ! -x "$binary" ]; then
  echo "install.sh: $binary is not there: build it with cargo build --release, or name another binary" >&2
  exit 1
fi

install -D -m 0755 "$binary" "$root$prefix/bin/colonies"
"$binary" man --dir "$root$prefix/share/man/man1"

completion() { # shell, file
  mkdir -p "$(dirname "$root$prefix/share/$2")"
  "$binary" completion "$1" > "$root$prefix/share/$2"
}
completion bash bash-completion/completions/colonies
completion zsh zsh/site-functions/_colonies
completion fish fish/vendor_completions.d/colonies.fish

install -D -m 0644 "$here/systemd/colonies.sysusers" "$root/usr/lib/sysusers.d/colonies.conf"
install -d "$root/usr/lib/systemd/system"
sed "s|^ExecStart=/usr/local/bin/|ExecStart=$prefix/bin/|" "$here/systemd/colonies.service" \
  > "$root/usr/lib/systemd/system/colonies.service"
if [ ! -e "$root/etc/colonies/colonies.env" ]; then
  install -D -m 0640 "$here/colonies.env" "$root/etc/colonies/colonies.env"
fi

cat <<END
Installed $root$prefix/bin/colonies. To start it:
  systemd-sysusers && systemctl daemon-reload
  editor /etc/colonies/colonies.env
  systemctl enable --now colonies
END
