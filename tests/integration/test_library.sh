#!/bin/bash
# The library for other programs: installs it into a folder, builds small programs against it with
# what pkg-config says, and runs one against a server.
# shellcheck disable=SC2317 # functions are called by name, through check
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build} BIN=${BIN:-bin}
dir=$(mktemp -d)
server=""
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; fi
    rm -rf "$dir"
}
trap finish EXIT
failed=0
check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$dir/log" 2>&1; then
        echo "ok $name"
    else
        echo "FAIL $name: $(tail -n 3 "$dir/log" | tr '\n' ' ')"
        failed=1
    fi
}

prefix=$(sed -n 's/^prefix=//p' "$BUILD/souk.pc")
check "make install puts everything below DESTDIR" \
    make -s install BUILD="$BUILD" BIN="$BIN" DESTDIR="$dir/root" PREFIX="$prefix"
elsewhere() { # what was built for one prefix is installed to another one
    make -s install BUILD="$BUILD" BIN="$BIN" DESTDIR="$dir/other" PREFIX=/opt/souk &&
        grep -qx prefix=/opt/souk "$dir/other/opt/souk/lib/pkgconfig/souk.pc" &&
        make -s lib BUILD="$BUILD" BIN="$BIN" PREFIX="$prefix"
}
check "another prefix goes into the pkg-config file" elsewhere
export PKG_CONFIG_PATH="$dir/root$prefix/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dir/root"
library=$dir/root$prefix/lib
cc=${CC:-cc}

only_souk_names() { # NM... FILE: the names that a library gives to other programs
    "$@" --defined-only --extern-only | awk 'NF == 3 { print $3 }' >"$dir/names"
    grep -q '^souk_client_pull$' "$dir/names" && ! grep -v '^souk_' "$dir/names"
}
check "the shared library exports only souk_ names" only_souk_names nm -D "$library/libsouk.so"
check "the static library exports only souk_ names" only_souk_names nm "$library/libsouk.a"

headers_alone() { # COMPILER...
    local header
    for header in "$dir/root$prefix"/include/souk/*.h; do
        # shellcheck disable=SC2046 # flags are several words
        echo "#include <souk/$(basename "$header")>" |
            "$@" -Wall -Wextra -pedantic -Werror $(pkg-config --cflags souk) -fsyntax-only - ||
            return 1
    done
}
check "each header compiles alone as C99" headers_alone "$cc" -std=c99 -x c
if command -v c++ >/dev/null; then
    check "each header compiles alone as C++11" headers_alone c++ -std=c++11 -x c++
else
    echo "SKIP each header compiles alone as C++11: there is no C++ compiler"
fi

cat >"$dir/program.c" <<'END'
#include <souk/client.h>
#include <stdio.h>

/* Pushes ones to three rows and prints what comes back. */
int main(int argc, char **argv)
{
    const char *servers[] = {argv[argc - 1]};
    struct souk_client_options options = {.servers = servers, .num_servers = 1, .job_epoch = 1};
    struct souk_client *client;
    if (souk_client_create(&options, &client) != SOUK_OK) return 1;
    struct souk_table_spec spec;
    souk_table_spec_init(&spec, "counts", 1);
    spec.init = SOUK_INIT_ZERO;
    uint32_t table;
    uint64_t keys[] = {3, 5, UINT64_MAX};
    float ones[] = {1, 1, 1}, rows[3];
    souk_ticket ticket;
    struct souk_push push = {0, 3, keys, ones, NULL, 0, SOUK_PUSH_ADD};
    struct souk_pull pull = {0, 3, keys, rows, NULL, false};
    if (souk_client_open_table(client, &spec, &table) != SOUK_OK) return 1;
    push.table = pull.table = table;
    if (souk_client_push(client, &push, 1, &ticket) != SOUK_OK) return 1;
    if (souk_client_pull(client, &pull, 1, &ticket) != SOUK_OK) return 1;
    if (souk_client_wait(client, ticket) != SOUK_OK) return 1;
    printf("%g %g %g\n", rows[0], rows[1], rows[2]);
    souk_client_destroy(client);
    return 0;
}
END
# shellcheck disable=SC2046 # flags are several words
check "a program builds against the shared library" \
    "$cc" -std=c99 -Wall -Werror "$dir/program.c" -o "$dir/shared" $(pkg-config --cflags --libs souk)
if command -v c++ >/dev/null; then
    # shellcheck disable=SC2046
    check "a C++ program builds against it" \
        c++ -std=c++20 -x c++ "$dir/program.c" -o "$dir/cpp" $(pkg-config --cflags --libs souk)
else
    echo "SKIP a C++ program builds against it: there is no C++ compiler"
fi
# Souk alone is static here: libzmq's own pkg-config file names libraries that Debian has not.
others=$(pkg-config --print-requires-private souk)
# shellcheck disable=SC2046,SC2086
check "a program builds against the static library" \
    "$cc" -std=c99 "$dir/program.c" -o "$dir/static" $(pkg-config --cflags souk) \
    "$library/libsouk.a" $(PKG_CONFIG_SYSROOT_DIR="" pkg-config --libs $others) -lm -lpthread

"$BIN/souk-server" --bind "ipc://$dir/socket" --endpoint-file "$dir/endpoint" --no-supervisor \
    2>"$dir/server.log" &
server=$!
deadline=$((SECONDS + 20))
while [ ! -s "$dir/endpoint" ] && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
address=$(head -n 1 "$dir/endpoint" 2>/dev/null)

prints() { # TEXT PROGRAM
    local text
    text=$(LD_LIBRARY_PATH="$library" "$2" "$address")
    echo "printed: $text; server: $(tail -n 2 "$dir/server.log")"
    [ "$text" = "$1" ]
}
check "the program counts through the shared library" prints "1 1 1" "$dir/shared"
check "the program counts on through the static library" prints "2 2 2" "$dir/static"
exit $failed
