# Boots the Debian in the folder $1 with its own systemd, in namespaces and a control group ($2) of its own, as a
# container does. It sees the network of this machine.
set -e
root=$1
if [ "$3" != inside ]; then
  mkdir "$2"
  echo $$ >"$2/cgroup.procs"
  exec unshare --cgroup --mount --pid --uts --ipc --fork --kill-child sh -e "$0" "$1" "$2" inside
fi
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/sys/fs"
mkdir "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/dev/hugepages" "$root/run/host" "$root/run/before"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /run/systemd/journal/dev-log "$root/dev/log"
cd "$root"
pivot_root . run/before
umount -l /run/before
mount --make-rshared /
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd --log-target=journal
