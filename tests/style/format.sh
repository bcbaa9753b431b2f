#!/bin/sh
# format CLANG-FORMAT ROOT - fails, naming the places, when a C file is not laid
# out as .clang-format says. To mend: CLANG-FORMAT -i FILE.
cd "$2" || exit 1
find src include tests -name '*.[ch]' -exec "$1" --dry-run -Werror {} +
