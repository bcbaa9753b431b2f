/*
 * A growable array of any type, by macro so that elements keep their type.
 *
 *     VEC(struct row) rows = {0};
 *     vec_push(&rows, ((struct row){1, 2}));
 *     for (size_t i = 0; i < rows.len; i++) use(&rows.at[i]);
 *     vec_release(&rows);
 *
 * Pointers into `at` die with the next push. Growth aborts on out of memory.
 */
#pragma once

#include "base/mem.h"

#include <stdlib.h>

#define VEC(T)                                                                                     \
    struct {                                                                                       \
        T *at;                                                                                     \
        size_t len;                                                                                \
        size_t cap;                                                                                \
    }

#define vec_reserve(v, n)                                                                          \
    do {                                                                                           \
        if ((v)->cap < (n)) {                                                                      \
            size_t want_ = (v)->cap ? (v)->cap * 2 : 8;                                            \
            while (want_ < (n))                                                                    \
                want_ *= 2;                                                                        \
            (v)->at = mem_resize((v)->at, want_, sizeof(*(v)->at));                                \
            (v)->cap = want_;                                                                      \
        }                                                                                          \
    } while (0)

#define vec_push(v, x)                                                                             \
    do {                                                                                           \
        vec_reserve((v), (v)->len + 1);                                                            \
        (v)->at[(v)->len++] = (x);                                                                 \
    } while (0)

#define vec_clear(v) ((void)((v)->len = 0))

#define vec_release(v)                                                                             \
    do {                                                                                           \
        free((v)->at);                                                                             \
        (v)->at = NULL;                                                                            \
        (v)->len = (v)->cap = 0;                                                                   \
    } while (0)
