#!/bin/bash
# Starts servers and MPI workers on this machine, runs them, and stops the servers.
#
#   scripts/launch.sh [options] train|learn-policy [its arguments]
#   scripts/launch.sh -s 2 -w 2 train -c conf/mf_demo.yaml
#
#   -s N              servers (default 1)
#   -w N              workers, ranks of mpirun (default 1)
#   -t N              shard threads a server (default 1)
#   --hostfile FILE   for mpirun: where the workers run
#   --bind ADDRESS    where the servers listen (default tcp://127.0.0.1:*); workers on other hosts
#                     need an address that they can reach, such as tcp://10.0.0.1:*
#   --insecure        allows an address beyond loopback: traffic is neither encrypted nor
#                     authenticated, so only on a network that you trust
#
# Ctrl-C lets the workers end at a step edge with a checkpoint (exit code 75); again ends them at
# once. The exit code is that of souk.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
bin=${BIN:-$here/bin}
servers=1 workers=1 threads=1 bind='tcp://127.0.0.1:*' hostfile='' insecure=()

usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; }
die() { echo "launch.sh: $*" >&2; exit 2; }
number() { [[ "$2" =~ ^[1-9][0-9]*$ ]] || die "$1 takes a number from 1 on, not \"$2\""; }

while [ $# -gt 0 ]; do
    case $1 in
    -s|-w|-t|--hostfile|--bind) [ $# -ge 2 ] || die "$1 needs a value" ;;
    esac
    case $1 in
    -s) number -s "$2"; servers=$2; shift 2 ;;
    -w) number -w "$2"; workers=$2; shift 2 ;;
    -t) number -t "$2"; threads=$2; shift 2 ;;
    --hostfile) hostfile=$2; shift 2 ;;
    --bind) bind=$2; shift 2 ;;
    --insecure) insecure=(--insecure); shift ;;
    -h|--help) usage; exit 0 ;;
    --) shift; break ;;
    -*) die "unknown option $1; see launch.sh --help" ;;
    *) break ;;
    esac
done
[ $# -gt 0 ] || die "what to run? For example: scripts/launch.sh -s 2 -w 2 train -c conf/mf_demo.yaml"
case $1 in
train|learn-policy) ;;
*) die "only train and learn-policy take servers; run $bin/souk $1 by itself" ;;
esac
[ -x "$bin/souk" ] && [ -x "$bin/souk-server" ] || die "$bin/souk is not built yet; run make"
[ -z "$hostfile" ] || [ -r "$hostfile" ] || die "$hostfile: cannot be read"
command -v mpirun >/dev/null || die "mpirun is missing; run scripts/install-deps.sh"

work=$(mktemp -d)
server_pids=() mpi_pid=''
stop_servers() {
    local pid
    for pid in "${server_pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${server_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap stop_servers EXIT

# Servers and mpirun get sessions of their own: Ctrl-C reaches this script only, which passes it on.
for ((i = 0; i < servers; i++)); do
    setsid "$bin/souk-server" --bind "$bind" --threads "$threads" "${insecure[@]}" \
        --endpoint-file "$work/$i" &
    server_pids+=($!)
done
addresses=''
for ((i = 0; i < servers; i++)); do
    for ((wait = 0; wait < 300; wait++)); do
        [ -s "$work/$i" ] && break
        kill -0 "${server_pids[$i]}" 2>/dev/null || die "server $i ended while starting; see above"
        sleep 0.1
    done
    [ -s "$work/$i" ] || die "server $i did not start within 30 s"
    addresses+=${addresses:+,}$(cat "$work/$i")
done

mpi=(--bind-to none)
[ -z "$hostfile" ] || mpi+=(--hostfile "$hostfile")
if [ -z "$hostfile" ] && [ "$workers" -gt "$(nproc)" ]; then
    echo "launch.sh: $workers workers share $(nproc) cores (--oversubscribe)" >&2
    mpi+=(--oversubscribe)
fi
if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
# Without <&0 a shell gives a job in the background an empty input.
setsid mpirun -n "$workers" "${mpi[@]}" "$bin/souk" "$@" --servers "$addresses" <&0 &
mpi_pid=$!
# A signal goes to the ranks as USR1, which mpirun passes on and takes no part in: ranks have all the
# time that their checkpoint needs. (Raising odls_base_sigkill_timeout instead would make mpirun sleep
# twice as long after every exit code other than 0, even when all ranks are gone.)
signals=0
on_signal() {
    signals=$((signals + 1))
    if [ "$signals" = 1 ]; then kill -USR1 "$mpi_pid" 2>/dev/null || true
    else kill -TERM "$mpi_pid" 2>/dev/null || true; fi
}
trap on_signal INT TERM USR1
rc=0
while :; do
    wait "$mpi_pid" && rc=0 || rc=$?
    kill -0 "$mpi_pid" 2>/dev/null || break # wait also returns when a signal was passed on
done
exit "$rc"
