/* The one file that sees every library: it asks each for its version, which
 * is the first thing that a bug report needs. */
#include "cli/cli.h"
#include "cli/table.h"

#include "base/mem.h"
#include "base/str.h"

#include <ares.h>
#include <curl/curl.h>
#include <glib.h>
#include <jansson.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <sqlite3.h>
#include <uv.h>
#include <yaml.h>

#define VERSION_MAX 32

struct library {
    const char *name;
    char version[VERSION_MAX];
};

static void pcre_version(char out[static VERSION_MAX])
{
    char text[64] = "";
    pcre2_config(PCRE2_CONFIG_VERSION, text); /* "10.42 2022-12-11" */
    snprintf(out, VERSION_MAX, "%.*s", (int)strcspn(text, " "), text);
}

/* Run-time versions: what is loaded, not what was there at build time. */
static void print(bool json)
{
    struct library libs[] = {
        {"c-ares", ""},  {"glib", ""},          {"jansson", ""}, {"libcurl", ""}, {"libuv", ""},
        {"libyaml", ""}, {"libmicrohttpd", ""}, {"openssl", ""}, {"pcre2", ""},   {"sqlite", ""},
    };
    str_copy(libs[0].version, VERSION_MAX, ares_version(NULL));
    snprintf(libs[1].version, VERSION_MAX, "%u.%u.%u", glib_major_version, glib_minor_version,
             glib_micro_version);
    str_copy(libs[2].version, VERSION_MAX, jansson_version_str());
    str_copy(libs[3].version, VERSION_MAX, curl_version_info(CURLVERSION_NOW)->version);
    str_copy(libs[4].version, VERSION_MAX, uv_version_string());
    str_copy(libs[5].version, VERSION_MAX, yaml_get_version_string());
    str_copy(libs[6].version, VERSION_MAX, MHD_get_version());
    str_copy(libs[7].version, VERSION_MAX, OpenSSL_version(OPENSSL_VERSION_STRING));
    pcre_version(libs[8].version);
    str_copy(libs[9].version, VERSION_MAX, sqlite3_libversion());

    printf(json ? "{\"version\":\"%s\",\"libraries\":{" : "nines %s\n\n", NINES_VERSION);
    for (size_t i = 0; i < countof(libs); i++)
        if (json)
            printf("%s\"%s\":\"%s\"", i ? "," : "", libs[i].name, libs[i].version);
        else
            printf("  %-14s %s\n", libs[i].name, libs[i].version);
    if (json)
        puts("}}");
}

static int run(const struct command *self, int argc, char **argv)
{
    struct cli_common common;
    int first, rc = cli_parse(self, NULL, argc, argv, &common, &first);
    if (rc >= 0)
        return rc;
    if (first < argc)
        return cli_usage(self, "no arguments are expected; found '%s'", argv[first]);
    if (common.format && !str_eq(common.format, "json") && !str_eq(common.format, "text"))
        return cli_usage(self, "--format is text or json; found '%s'", common.format);
    print(str_eq(common.format, "json"));
    return EXIT_GOOD;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version of nines and of its libraries",
    .run = run,
};
