#!/bin/bash
# Checks the rules of the folders: who may include whom, where foreign headers live, where argv and
# the environment are read. Prints every fault; exit code 1 if there is one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
faults=0
fault() { echo "layers: $*"; faults=$((faults + 1)); }

# include/souk <- common <- server | worker; main.c of the worker may join both sides.
includes() { grep -rnoE '^#include "[^"]+"' --include='*.[ch]' "$1"; }
while IFS= read -r line; do fault "$line (the promise includes only itself)"; done < <(
    includes include | grep -vE '"souk/')
while IFS= read -r line; do fault "$line (common knows neither servers nor workers)"; done < <(
    includes common | grep -vE '"(souk|common)/')
while IFS= read -r line; do fault "$line (server includes souk, common, server)"; done < <(
    includes server | grep -vE '"(souk|common|server)/')
while IFS= read -r line; do fault "$line (worker includes souk, common, worker)"; done < <(
    includes worker | grep -vE '"(souk|common|worker)/' | grep -vE '^worker/main\.c:[0-9]+:#include "server/')

# Folders of the worker have one direction: each includes itself and those of smaller rank.
declare -A rank=([data]=0 [nn]=0 [client]=0 [comm]=0 [model]=1 [eval]=2 [env]=2 [report]=3 [agent]=3
                 [train]=4 [ope]=4 [policy]=5 [cli]=6)
while IFS=: read -r file line text; do
    from=$(cut -d/ -f2 <<<"$file")
    to=$(cut -d/ -f2 <<<"$text")
    [ -n "${rank[$from]:-}" ] && [ -n "${rank[$to]:-}" ] || fault "worker/$from or worker/$to has no rank in check_layers.sh"
    [ "$from" = "$to" ] || [ "${rank[$from]:-0}" -gt "${rank[$to]:-9}" ] ||
        fault "$file:$line: worker/$from does not include worker/$to"
done < <(grep -rnoE '^#include "worker/[a-z]+/' --include='*.[ch]' worker/*/)

# Each foreign header in one module.
for header in mpi.h zmq.h lz4.h msgpack.h cblas.h yaml.h microhttpd.h xxhash.h jansson.h zlib.h; do
    users=$(grep -rlE "^#include <($header|msgpack/.*)>" --include='*.[ch]' common server worker include |
            while read -r f; do grep -qE "^#include <$header>" "$f" && echo "$f"; done | sort -u)
    [ "$(printf '%s' "$users" | grep -c .)" -le 1 ] || fault "<$header> appears in several files:" $users
    while IFS= read -r f; do fault "$f is a header and includes <$header>"; done < <(
        printf '%s\n' "$users" | grep '\.h$')
done

# Only main.c files look at the environment and end the process.
while IFS= read -r line; do fault "$line (only main.c may)"; done < <(
    grep -rnE '\b(getenv|secure_getenv|exit|_exit|quick_exit)\(' --include='*.c' common server worker |
    grep -vE '^(server|worker)/main\.c:' | grep -vE '^[^:]+:[0-9]+: *(\*|//)')

# Each public header compiles alone. (test_library.sh does it for C99 and C++.)
for header in include/souk/*.h; do
    "${CC:-cc}" -std=c17 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c "$header" ||
        fault "$header does not compile alone"
done

# The top level is fixed.
while IFS= read -r entry; do fault "$entry does not belong at the top level"; done < <(
    git ls-files | cut -d/ -f1 | sort -u |
    grep -vxE '\..*|Makefile|LICENSE|README\.md|include|common|server|worker|conf|scripts|tests')

[ "$faults" = 0 ] && echo "layers: ok"
[ "$faults" = 0 ]
