/*
 * Which alerts are mute because another one fires: a rule's target is, while one of its
 * sources fires that has the same values of the labels in `equal` (a label that neither
 * has is the same). An alert that both sides of a rule match is not muted by another
 * such. A muted alert still mutes. Pure.
 */
#pragma once

#include "nines/route.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether `rule` lets `source`, which fires, mute `target`. */
bool inhibit_mutes(const struct inhibit_def *rule, const struct string_map *source,
                   const struct string_map *target);

/* Whether both are the same alert but for its severity; labels by rising key. What has
 * changed its severity is over under the old one, and that it goes on under the new one is
 * no reason to keep this from those who know the old one. */
bool inhibit_succeeds(const struct string_map *source, const struct string_map *target);

/* The index of the one of `firing` that mutes the alert `target`, by the first rule
 * that has one (then in *ret_rule, which may be NULL); -1: it is not mute. `firing` may
 * hold the target itself. */
ptrdiff_t inhibit_find(const struct routing_def *r, const struct string_map *target,
                       const struct string_map *const *firing, size_t n,
                       const struct inhibit_def **ret_rule);
