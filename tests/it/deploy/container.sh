# Runs a command in the root $1 as an engine for containers does: for uid and gid $2, in the folder $3, nothing can be
# written, nothing can be gained.
set -e
root=$1 user=$2 folder=$3
shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
setpriv --no-new-privs env -i "$(command -v chroot)" --userspec="$user" --groups="${user#*:}" "$root" "$@"
# This shell is the first process of its namespace, and root's: what it has started ends with it.
exit $?
