/*
 * A fuzz target: fuzz_NAME.c defines this one function, which must survive any
 * bytes. To add one: the file, its line in meson.build, and a few seeds in
 * corpus/NAME/. Without -Dfuzz=true it is linked with standalone.c and runs
 * its seeds as a regression test.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
