/* Runs a fuzz target over the files of the folders named as arguments, and
 * over cut and bent forms of each, so that gcc builds see the target as well. */
#include "fuzz.h"

#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define SEED_MAX (1 << 20)

/* An exact copy, so that a sanitizer sees a read past its end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_alloc(size);
    if (size > 0)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_forms(uint8_t *data, size_t size)
{
    run(data, size);
    size_t step = size / 64 + 1;
    for (size_t i = 0; i < size; i += step) {
        run(data, i);
        uint8_t kept = data[i];
        for (int bit = 0; bit < 8; bit += 3) {
            data[i] = (uint8_t)(kept ^ (1 << bit));
            run(data, size);
        }
        data[i] = kept;
    }
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return -1;
    }
    uint8_t *data = mem_alloc(SEED_MAX);
    size_t n = fread(data, 1, SEED_MAX, f);
    fclose(f);
    run_forms(data, n);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int files = 0;
    run(NULL, 0);
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        if (!d) {
            perror(argv[i]);
            return 1;
        }
        for (struct dirent *e; (e = readdir(d));) {
            if (e->d_name[0] == '.')
                continue;
            mem_auto char *path = mem_printf("%s/%s", argv[i], e->d_name);
            if (run_file(path) < 0)
                return 1;
            files++;
        }
        closedir(d);
    }
    printf("%d seeds\n", files);
    return files > 0 ? 0 : 1;
}
