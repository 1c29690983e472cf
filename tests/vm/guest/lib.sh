# Words that the tests' commands in the guest are made of. Read by every command; keeps its state in /run.

# until_true SECONDS COMMAND...: runs the command till it is true; says what it waited for when it never was.
until_true() {
    end=$(($(cut -d. -f1 /proc/uptime) + $1)); shift
    until "$@" >/dev/null 2>&1; do
        if [ "$(cut -d. -f1 /proc/uptime)" -ge "$end" ]; then echo "never came true: $*"; return 1; fi
        usleep 50000
    done
}

# mpd_conf no_path_retry [more lines for defaults]: writes the configuration; short intervals keep the tests short.
mpd_conf() {
    mkdir -p /etc/multipath
    { echo 'defaults {'
      echo '    user_friendly_names no'
      echo '    find_multipaths off'
      echo '    path_grouping_policy multibus'
      echo '    polling_interval 1'
      echo '    max_polling_interval 2'
      echo "    no_path_retry $1"
      [ -z "$2" ] || echo "    $2"
      echo '}'; } >/etc/multipath.conf
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
    RUST_BACKTRACE=1 pathkeeper agent --config /etc/pathkeeper/pathkeeper.toml >>/host/agent.log 2>&1 </dev/null &
    echo $! >/run/agent.pid
}
agent_kill() { kill "$1" "$(cat /run/agent.pid)"; }

# api PATH: the body of the answer of the agent in this guest.
api() { wget -q -T 10 -O - "http://127.0.0.1:8480$1"; }

# cpu_ticks PID: user and system time together, in ticks of 10 ms.
cpu_ticks() { sed 's/.*) //' "/proc/$1/stat" | { read -r _ _ _ _ _ _ _ _ _ _ _ u s _; echo $((u + s)); }; }
rss_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
