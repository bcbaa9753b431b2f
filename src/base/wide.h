/* 128-bit integers: products of two 64-bit numbers compared or divided without
 * loss. gcc and clang only, like the cleanup attribute. */
#pragma once

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;
