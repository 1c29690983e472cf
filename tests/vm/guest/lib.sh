# Words that the tests' commands in the guest are made of. Read by every command; keeps its state in /run.

# until_true SECONDS COMMAND...: runs the command till it is true; says what it waited for when it never was.
until_true() {
    end=$(($(cut -d. -f1 /proc/uptime) + $1)); shift
    until "$@" >/dev/null 2>&1; do
        if [ "$(cut -d. -f1 /proc/uptime)" -ge "$end" ]; then echo "never came true: $*"; return 1; fi
        usleep 50000
    done
}

# mpd_conf NO_PATH_RETRY [INTERVAL MAX_INTERVAL]: writes the configuration. Short intervals keep the tests short;
# multipathd's own are 5 and 20.
mpd_conf() {
    mkdir -p /etc/multipath
    cat >/etc/multipath.conf <<END
defaults {
    user_friendly_names no
    find_multipaths off
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

# set_path DEV running|offline
set_path() { echo "$2" >"/sys/block/$1/device/state"; }

# find_paths LUNS: brings deleted paths back. Only the places that the lab has: a scan of all takes 12 s under emulation.
find_paths() {
    for host in /sys/class/scsi_host/host*/scan; do
        for lun in $(seq "$1"); do echo "0 0 $lun" >"$host"; done
    done
}

# io_start MAP: small direct reads, 50 a second, till io_stop. The kernel notices a dead path by the next one.
io_start() {
    io_stop
    ( while :; do dd if="/dev/mapper/$1" of=/dev/null bs=4096 count=1 iflag=direct; usleep 20000; done ) \
        </dev/null >/dev/null 2>&1 &
    echo $! >/run/io.pid
}
io_stop() { [ ! -e /run/io.pid ] || kill "$(cat /run/io.pid)" 2>/dev/null; rm -f /run/io.pid; }

agent_start() {
    mkdir -p /etc/pathkeeper
    printf 'node = "%s"\nstate-dir = "/var/lib/pathkeeper"\nrun-dir = "/run/pathkeeper"\nlisten = "127.0.0.1:8480"\n' \
        "$(hostname)" >/etc/pathkeeper/pathkeeper.toml
    # What a test with several machines adds: the store that they share.
    [ ! -e /host/store.toml ] || cat /host/store.toml >>/etc/pathkeeper/pathkeeper.toml
    RUST_BACKTRACE=1 pathkeeper agent --config /etc/pathkeeper/pathkeeper.toml >>/host/agent.log 2>&1 </dev/null &
    echo $! >/run/agent.pid
}
agent_pid() { kill -0 "$(cat /run/agent.pid)" && cat /run/agent.pid; }
agent_gone() { ! kill -0 "$(cat /run/agent.pid)" 2>/dev/null; }
agent_kill() { kill "$1" "$(cat /run/agent.pid)"; }

# api PATH: the body of the answer of the agent in this guest. (The static busybox's wget dies resolving any name.)
api() { probe guest-probe get "$1"; }

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
