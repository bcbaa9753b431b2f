/* SLOs written as OpenSLO documents and read again, for tests. */
#pragma once

#include "base/str.h"
#include "nines/slo.h"

#define TEXT_MAX ((size_t)1 << 20) /* of a file */

#define PROBES                                                                                     \
    "apiVersion: nines/v1\nkind: Probes\nprobes:\n"                                                \
    "  - {id: a, interval: 15s, http: {url: x}}\n"                                                 \
    "  - {id: page, interval: 15s, page: {address: x}}\n"                                          \
    "  - {id: doc, interval: 15s, document: {address: x}}\n"                                       \
    "  - {id: chat, interval: 1m, timeout: 30s, agent: {address: x, stream: true}}\n---\n"
#define SLOS "apiVersion: nines/v1\nkind: SLOs\nslos:\n"

/* Without an error or a warning. */
struct config *openslo_load(const char *text);
/* Written and read, each SLO is what it was; written again, it is the same text. */
void openslo_there_and_back(const char *text);
