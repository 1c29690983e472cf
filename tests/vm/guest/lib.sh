# Words that the tests' commands in the guest are made of. Read by every command; keeps its state in /run.

# until_true SECONDS COMMAND...: runs the command till it is true; says what it waited for when it never was.
until_true() {
    # Under emulation every program that is started costs; the clock is read without one.
    read -r now _ </proc/uptime; end=$((${now%.*} + $1)); shift
    until "$@" >/dev/null 2>&1; do
        read -r now _ </proc/uptime
        if [ "${now%.*}" -ge "$end" ]; then echo "never came true: $*"; return 1; fi
        usleep 100000
    done
}

# What must fail, and what must not have that line: with "set -e" a plain ! would go unheard.
not() { ! "$@"; }
lacks() { ! grep "$@"; }

# mpd_conf NO_PATH_RETRY [INTERVAL MAX_INTERVAL]: writes the configuration, and at first the wwids file with every LUN, for
# only what it names is taken and comes back after a reboot. Short intervals keep the tests short; multipathd's own are 5
# and 20.
mpd_conf() {
    mkdir -p /etc/multipath
    [ -s /etc/multipath/wwids ] ||
        sed -n 's|^E:ID_SERIAL=\(.*\)|/\1/|p' /run/udev/data/b* | sort -u >/etc/multipath/wwids
    cat >/etc/multipath.conf <<END
defaults {
    user_friendly_names no
    find_multipaths strict
    path_grouping_policy multibus
    polling_interval ${2:-1}
    max_polling_interval ${3:-2}
    no_path_retry $1
}
END
}

mpd_start() { multipathd -d -v2 >>/host/multipathd.log 2>&1 </dev/null & }
mpd_pid() { pidof multipathd; }
mpd_answers() { mpd_pid && multipathd show daemon | grep -q idle; }
mpd_stop() { kill $(mpd_pid); until_true 20 mpd_gone; }
mpd_kill() { kill -9 $(mpd_pid); until_true 20 mpd_gone; }
mpd_gone() { ! mpd_pid; }
maps_json() { multipathd show maps json; }

# paths_up MAP N: multipathd counts N usable paths of the map.
paths_up() { [ "$(multipathd show maps raw format '%n %N' | sed -n "s/^$1 //p")" = "$2" ]; }

# maps_are MAPS PATHS: multipathd has so many maps, each with so many usable paths.
maps_are() { [ "$(multipathd show maps raw format %N | grep -cx "$2")" = "$1" ]; }

# set_path DEV running|offline
set_path() { echo "$2" >"/sys/block/$1/device/state"; }

# dev LUN PATH: the device of that path, paths counted from 0.
dev() { ls "/sys/bus/scsi/devices/$2:0:0:$1/block"; }

dev_gone() { ! [ -e "/sys/bus/scsi/devices/$2:0:0:$1/block" ]; }

# path LUN PATH running|offline: the same as set_path, and the device is whatever it is called.
path() { set_path "$(dev "$1" "$2")" "$3"; }

# lvm_by DEV COMMAND...: LVM that sees this device alone, whatever it is a part of.
lvm_by() {
    only=$1; shift
    LVM_SUPPRESS_FD_WARNINGS=1 lvm "$@" --config \
        "devices { use_devicesfile=0 multipath_component_detection=0 filter=[\"a|^$only\$|\",\"r|.*|\"] }"
}

# find_paths LUNS: brings deleted paths back. Only the places that the lab has: a scan of all takes 12 s under emulation.
find_paths() {
    for host in /sys/class/scsi_host/host*/scan; do
        for lun in $(seq "$1"); do echo "0 0 $lun" >"$host"; done
    done
}

# io_start MAP: small direct reads, 50 a second, till io_stop. The kernel notices a dead path by the next one.
io_start() {
    io_stop
    # One program: a dd for each of them took half of the guest's processor.
    probe guest-probe io "$1" </dev/null >/dev/null 2>&1 &
    echo $! >/run/io.pid
}
# read_once MAP: one read, by which device-mapper takes the group that it was told to.
read_once() { dd if="/dev/mapper/$1" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; }
# reads MAP COUNT: so many reads; with few paths each has its turn. One that fails is tried on another path by the kernel.
reads() { for n in $(seq "$2"); do read_once "$1"; done; }
io_stop() { [ ! -e /run/io.pid ] || kill "$(cat /run/io.pid)" 2>/dev/null; rm -f /run/io.pid; }

agent_start() {
    mkdir -p /etc/pathkeeper
    printf 'node = "%s"\nstate-dir = "/var/lib/pathkeeper"\nrun-dir = "/run/pathkeeper"\nlisten = "127.0.0.1:8480"\n' \
        "$(hostname)" >/etc/pathkeeper/pathkeeper.toml
    # A test may set the agent's own wall clock.
    printf '\n[roots]\nclock-offset = "/run/clock-offset"\n' >>/etc/pathkeeper/pathkeeper.toml
    # What a test with several machines adds: the store that they share.
    [ ! -e /host/store.toml ] || cat /host/store.toml >>/etc/pathkeeper/pathkeeper.toml
    RUST_BACKTRACE=1 pathkeeper agent --config /etc/pathkeeper/pathkeeper.toml >>/host/agent.log 2>&1 </dev/null &
    echo $! >/run/agent.pid
}
# agent_anew: what it saw go and come is forgotten, as after half an hour of quiet.
agent_anew() {
    agent_kill -TERM; until_true 60 agent_gone
    rm -f /var/lib/pathkeeper/history*
    agent_start; probe guest-probe ready 60
}
agent_pid() { kill -0 "$(cat /run/agent.pid)" && cat /run/agent.pid; }
agent_gone() { ! kill -0 "$(cat /run/agent.pid)" 2>/dev/null; }
agent_kill() { kill "$1" "$(cat /run/agent.pid)"; }

# api PATH…: the bodies of the answers of the agent in this guest, with a line @@ between them. (The static busybox's wget dies resolving any name.)
api() { probe guest-probe get "$@"; }

# cpu_ticks PID: user and system time together, in ticks of 10 ms.
cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | { read -r _ _ _ _ _ _ _ _ _ _ _ u s _; echo $((u + s)); }; }
rss_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }

# cost_window SECONDS: processor time that multipathd and, if it is there, the agent take meanwhile, and their memory.
cost_window() {
    daemon=$(mpd_pid); agent=$(agent_pid 2>/dev/null)
    daemon_began=$(cpu_ticks "$daemon"); agent_began=$([ -z "$agent" ] || cpu_ticks "$agent")
    sleep "$1"
    echo "multipathd_ms=$((($(cpu_ticks "$daemon") - daemon_began) * 10)) multipathd_rss_kb=$(rss_kb "$daemon") in $1 s"
    [ -z "$agent" ] || echo "agent_ms=$((($(cpu_ticks "$agent") - agent_began) * 10)) agent_rss_kb=$(rss_kb "$agent")"
}

# lans_up: gives this machine its address in each network that it shares with others; the cards' own addresses name them.
lans_up() {
    modprobe virtio_net
    for card in /sys/class/net/*; do
        case $(cat "$card/address") in
            52:54:00:09:*)
                IFS=: read -r _ _ _ _ lan host <"$card/address"
                ip addr add "10.9.$((0x$lan)).$((0x$host))/24" dev "${card##*/}"
                ip link set "${card##*/}" up ;;
        esac
    done
}

SAN=/sys/kernel/config/target/iscsi/iqn.2026-01.lab:san

# san_start LUNS PORTAL...: an iSCSI array (the kernel's own target) with one port at each portal, and each LUN behind each.
san_start() {
    modprobe -a target_core_mod target_core_file iscsi_target_mod
    mount -t configfs none /sys/kernel/config 2>/dev/null
    luns=$1; shift
    for lun in $(seq "$luns"); do
        disk=/sys/kernel/config/target/core/fileio_0/lun$lun
        mkdir -p "$disk"
        truncate -s 64M "/run/lun$lun.img"
        echo "fd_dev_name=/run/lun$lun.img,fd_dev_size=67108864" >"$disk/control"
        echo "1ab000$lun" >"$disk/wwn/vpd_unit_serial"
        echo 1 >"$disk/enable"
    done
    number=0
    for portal in "$@"; do
        number=$((number + 1)); port=$SAN/tpgt_$number
        mkdir -p "$port/np/$portal"
        for lun in $(seq "$luns"); do
            mkdir -p "$port/lun/lun_$lun"
            ln -s "/sys/kernel/config/target/core/fileio_0/lun$lun" "$port/lun/lun_$lun/lab"
        done
        echo 0 >"$port/attrib/authentication"
        echo 1 >"$port/attrib/generate_node_acls"
        echo 0 >"$port/attrib/demo_mode_write_protect"
        echo 1 >"$port/attrib/cache_dynamic_acls"
        echo 1 >"$port/enable"
    done
}
# san_port NUMBER 0|1: takes a port of the array out of service, or into it.
san_port() { echo "$2" >"$SAN/tpgt_$1/enable"; }

# san_login PORTAL...: this machine's sessions to each portal. A dead one is noticed after six seconds, and given up after
# three more: the usual two minutes are long for a test.
san_login() {
    mkdir -p /etc/iscsi /run/lock/iscsi
    echo "InitiatorName=iqn.2026-01.lab:$(hostname)" >/etc/iscsi/initiatorname.iscsi
    cat >/etc/iscsi/iscsid.conf <<END
iscsid.startup = /bin/true
node.startup = automatic
node.session.timeo.replacement_timeout = 3
node.conn[0].timeo.noop_out_interval = 3
node.conn[0].timeo.noop_out_timeout = 3
END
    modprobe iscsi_tcp
    iscsid
    for portal in "$@"; do
        iscsiadm -m discovery -t st -p "$portal" >/dev/null || return 1
    done
    iscsiadm -m node --login
    udevadm settle --timeout=60
}

# editor COMMAND: who edits from now on puts what COMMAND prints into the file.
editor() {
    printf '#!/bin/sh\n%s >"$1"\n' "$1" >/tmp/editor
    chmod 755 /tmp/editor
    export EDITOR=/tmp/editor
}
# rollout_is STATES: how far this node is in the newest rollout; several states with | between.
rollout_is() { pathkeeper --timeout 300 config rollout | grep -qE "^$(hostname) +($1)[ ,]"; }
# documents: where the agent's own store keeps the cluster's documents.
documents() { dirname "$(find /var/lib/pathkeeper/ -name multipath.cfg | head -1)"; }
