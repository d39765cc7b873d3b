/* status.c - see souk/status.h. */
#include "souk/status.h"

const char *souk_status_name(souk_status status)
{
    switch (status) {
#define STATUS_NAME(name, value, text) \
    case name: return #name;
        SOUK_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    }
    return "SOUK_?";
}

const char *souk_status_text(souk_status status)
{
    switch (status) {
#define STATUS_TEXT(name, value, text) \
    case name: return text;
        SOUK_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

int souk_status_exit_code(souk_status status)
{
    switch (status) {
    case SOUK_OK: return 0;
    case SOUK_ECONFIG:
    case SOUK_EUSAGE:
    case SOUK_ETOPOLOGY: return 2;
    case SOUK_EDATA: return 3;
    case SOUK_EDIVERGED: return 4;
    case SOUK_ESTOPPED: return 75;
    default: return 1;
    }
}
