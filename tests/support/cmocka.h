/* cmocka.h - cmocka with the headers that it needs ahead of it. */
#ifndef SOUK_TESTS_SUPPORT_CMOCKA_H
#define SOUK_TESTS_SUPPORT_CMOCKA_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#endif
