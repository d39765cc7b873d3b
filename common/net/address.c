/* address.c - what the text of an address says; see net.h. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/net/net.h"

enum { IPC_PATH_MAX = 107 }; // of sockaddr_un

// The rest of address behind a scheme such as "tcp://"; NULL when it has another one.
static const char *behind_scheme(const char *address, const char *scheme)
{
    size_t length = strlen(scheme);
    return strncmp(address, scheme, length) == 0 ? address + length : NULL;
}

// Copies the host of "host:port", without brackets, and points at the port. NULL when it is good.
static const char *split_host(const char *text, char host[NET_HOST_MAX + 1], const char **port_out)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text) return "needs a host and a port, tcp://host:port";
    const char *begin = text, *end = colon;
    if (*begin == '[') {
        if (end[-1] != ']') return "has an IPv6 host without a closing bracket";
        begin++, end--;
    } else if (memchr(begin, ':', (size_t)(end - begin))) {
        return "has an IPv6 host without brackets, tcp://[::1]:port";
    }
    if (end <= begin) return "needs a host in front of the port";
    if (end - begin > NET_HOST_MAX) return "has a host of more than 255 characters";
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = 0;
    *port_out = colon + 1;
    return NULL;
}

static const char *check_port(const char *port)
{
    if (strcmp(port, "*") == 0) return NULL;
    size_t digits = strspn(port, "0123456789");
    if (digits == 0 || port[digits]) return "has a port that is no number";
    if (digits > 5 || atoi(port) < 1 || atoi(port) > 65535) return "has a port outside 1..65535";
    return NULL;
}

static const char *check_tcp(const char *text)
{
    char host[NET_HOST_MAX + 1];
    const char *port, *why = split_host(text, host, &port);
    if (why) return why;
    struct in6_addr in6;
    struct in_addr in4;
    if (text[0] == '[') {
        if (inet_pton(AF_INET6, host, &in6) != 1) return "has no IPv6 address in its brackets";
    } else if (host[strspn(host, "0123456789.")] == 0) {
        if (inet_pton(AF_INET, host, &in4) != 1) return "has no IPv4 address of four numbers";
    } else if (strcmp(host, "*") != 0) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789.-_";
        if (host[strspn(host, letters)]) return "has a host with characters that no name has";
    }
    return check_port(port);
}

souk_status net_address_check(const char *address, const char **why_out)
{
    const char *rest, *why = NULL;
    if ((rest = behind_scheme(address, "tcp://")) != NULL)
        why = check_tcp(rest);
    else if ((rest = behind_scheme(address, "ipc://")) != NULL)
        why = !*rest                        ? "needs a path, ipc:///path"
              : strlen(rest) > IPC_PATH_MAX ? "has a path of more than 107 characters"
                                            : NULL;
    else if ((rest = behind_scheme(address, "inproc://")) != NULL)
        why = *rest ? NULL : "needs a name, inproc://name";
    else
        why = "does not begin with tcp://, ipc:// or inproc://";
    if (!why) return SOUK_OK;
    *why_out = why;
    return SOUK_EINVAL;
}

souk_status net_address_resolve(const char *address, char host[NET_HOST_MAX + 1],
                                const char **why_out)
{
    const char *rest = behind_scheme(address, "tcp://"), *port;
    // A listener's "*" and IPv6 in brackets are no names.
    if (!rest || rest[0] == '[' || rest[0] == '*' || split_host(rest, host, &port)) return SOUK_OK;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error == 0) {
        freeaddrinfo(found);
        return SOUK_OK;
    }
    *why_out = gai_strerror(error);
    return SOUK_ENOTFOUND;
}

static bool is_loopback(const char *host)
{
    struct in_addr in4;
    struct in6_addr in6;
    if (inet_pton(AF_INET, host, &in4) == 1) return ntohl(in4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &in6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&in6) || (IN6_IS_ADDR_V4MAPPED(&in6) && in6.s6_addr[12] == 127);
    return strcasecmp(host, "localhost") == 0;
}

bool net_address_is_exposed(const char *address)
{
    if (behind_scheme(address, "ipc://") || behind_scheme(address, "inproc://")) return false;
    const char *rest = behind_scheme(address, "tcp://"), *port;
    char host[NET_HOST_MAX + 1];
    if (!rest || split_host(rest, host, &port)) return true; // no address: nothing to trust
    return !is_loopback(host);
}
