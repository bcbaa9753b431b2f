"""Breaks each rule of check.py once, in a tree made for it."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check  # noqa: E402

LONG_FUNCTION = "void f(void)\n{\n" + "    g();\n" * 90 + "}\n"

# rule, file, text, what the complaint must say; None: no complaint
CASES = [
    ("layers", "src/base/a.c", '#include "io/http.h"\n', "of rank 3"),
    ("layers", "src/base/a.h", '#include "nines/result.h"\n', "of rank 1"),
    ("layers", "include/nines/a.h", '#include "model/sketch.h"\n', "of rank 2"),
    ("layers", "src/io/a.c", '#include "config/decode.h"\n', "sibling"),
    ("layers", "src/probe/a.c", '#include "store/store.h"\n', "sibling"),
    ("layers", "src/web/a.c", '#include "demo/a.h"\n', "sibling"),
    ("layers", "src/io/a.c", '#  include "../base/str.h"\n', "folder/file.h"),
    ("layers", "src/io/a.c", '#include "http.h"\n', "folder/file.h"),
    ("layers", "src/extra/a.c", "int x;\n", "no rank"),
    ("layers", "src/slo/a.c", '#include "io/zone.h"\n', None),
    ("layers", "src/slo/a.c", '#include "io/http.h"\n', "sibling"),
    ("layers", "src/cli/a.c", '#include "io/http.h"\n#include "nines/result.h"\n', None),
    ("foreign", "src/engine/a.c", "#include <sqlite3.h>\n", "belongs to"),
    ("foreign", "src/probe/a.c", "#include <curl/curl.h>\n", "belongs to"),
    ("foreign", "src/store/a.c", "#include <uv.h>\n", "belongs to"),
    ("foreign", "src/base/a.c", "#include <libxml/parser.h>\n", "in no table"),
    ("foreign", "src/io/url.c", "#include <curl/urlapi.h>\n#include <stdio.h>\n", None),
    ("headers", "src/base/a.h", "#pragma once\nstruct s { size_t n; };\n", "does not compile alone"),
    ("headers", "src/base/a.h", "struct s { int n; };\n", "does not compile alone"),
    ("headers", "src/base/a.h", "#pragma once\nstruct s { int n; };\n", None),
    ("sizes", "src/base/a.h", "struct s { int n; };\n", "pragma once"),
    ("sizes", "src/base/a.c", LONG_FUNCTION, "a function of 92 lines"),
    ("sizes", "src/base/a.c", "int x;\n" * 601, "601 lines"),
    ("sizes", "src/base/a.c", "int x;" + " " * 100 + "\n", "columns"),
    ("sizes", "src/base/a.c", "\tint x;\n", "a tab"),
    ("sizes", "src/base/a.c", "int x; \n", "spaces at the end"),
    ("words", "src/base/a.c", "/* TODO later */\n", "TODO"),
    ("words", "src/base/a.c", "/* is not yet implemented */\n", "implemented"),
    ("words", "scripts/a", "cd /wo" "rk/somewhere\n", "/wo" "rk/"),
    ("words", "src/base/a.c", '#include "io/work.h"\n', None),
    ("banned", "src/base/a.c", "#undef strcpy\n", "takes back a ban"),
    ("state", "src/io/a.c", "static int counter;\n", "mutable state"),
    ("state", "src/io/a.c", "static char buf[100];\n", "mutable state"),
    ("state", "src/io/a.c", "static struct x *head = NULL;\n", "mutable state"),
    ("state", "src/io/a.c", "static struct x table[] = {\n", "mutable state"),
    ("state", "src/io/a.c", "static const char *names[] = {\n", "mutable state"),
    ("state", "src/io/a.c", "void f(void)\n{\n    static bool once;\n}\n", "mutable state"),
    ("state", "src/io/a.c", "static const struct x table[] = {\n", None),
    ("state", "src/io/a.c", "static const char *const names[] = {\n", None),
    ("state", "src/io/a.c", "static int f(int x);\nstatic int g(void)\n{\n}\n", None),
]


def found_in(rule, name, text):
    with tempfile.TemporaryDirectory() as top:
        root = pathlib.Path(top)
        for folder in ("src", "include", "tests", "scripts", "docs", "probes", "slos"):
            (root / folder).mkdir()
        (root / "meson.build").write_text("src/base/banned.h")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return list(check.RULES[rule](root))


def main():
    failed = 0
    for rule, name, text, want in CASES:
        found = found_in(rule, name, text)
        good = any(want in line for line in found) if want else not found
        if not good:
            failed += 1
            print(f"{rule}: {text[:60]!r} in {name}: wanted {want!r}, found {found}")
    untried = set(check.RULES) - {case[0] for case in CASES}
    print(f"{len(CASES) - failed} of {len(CASES)} cases, rules without a case: {untried or 'none'}")
    return 1 if failed or untried else 0


if __name__ == "__main__":
    sys.exit(main())
