"""Rules of the house that a machine can hold. `check.py RULE [ROOT]`

Each rule prints what breaks it as file:line: message and exits 1. The tables
below are the only place where exceptions live; test_check.py breaks each rule
once to see that it bites.
"""
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import subprocess
import sys

# ---- the layers: a folder may include what stands above it here ----------

RANKS = [
    ["src/base"],
    ["include/nines"],
    ["src/model", "src/wire"],
    ["src/alert", "src/config", "src/io", "src/slo"],
    ["src/probe", "src/store", "src/notify", "src/report"],
    ["src/engine"],
    ["src/web", "src/demo"],
    ["src/cli"],
]
RANK = {folder: rank for rank, folders in enumerate(RANKS) for folder in folders}

# (folder, header): a sibling's header that a folder may see all the same.
SIBLINGS = {
    ("src/slo", "io/zone.h"),  # calendars are arithmetic on time zones,
    ("src/alert", "io/zone.h"),  # and so are mute times
    ("src/wire", "model/message.h"),  # what the JSON of messages is of,
    ("src/wire", "model/series.h"),  # what exposition text is made of,
    ("src/wire", "model/selector.h"),  # and what is wanted of it
}

# ---- one file knows one foreign library ------------------------------------

LOOPS = ["src/io/*.c", "src/io/*_internal.h"]
FOREIGN = {
    "uv.h": LOOPS + ["src/notify/notify.c", "src/notify/notify_*.[ch]", "src/notify/log.c",
                     "src/notify/try.c",
                     "src/notify/watchdog.c", "src/engine/*", "src/web/*.c", "src/demo/*.c",
                     "src/demo/*_internal.h", "src/cli/probe.c", "src/cli/probe_live.[ch]", "src/cli/metrics_fetch.c"],
    "curl/*": ["src/io/http*.c", "src/io/http_internal.h", "src/io/smtp*.c",
               "src/io/smtp_internal.h", "src/io/url.c"],
    "ares.h": ["src/io/dns*.c", "src/io/dns*_internal.h", "src/io/resolve.c"],
    "sqlite3.h": ["src/io/sqlite.c", "src/io/jsonpath.c"],
    "yaml.h": ["src/config/yaml.c"],
    "jansson.h": ["src/notify/verdict.c", "src/wire/agent*.c", "src/wire/agent_internal.h", "src/wire/agent_rpc.h", "src/wire/import.c", "src/wire/health_json.c", "src/wire/message_read.c", "src/engine/message*.c",
                  "src/wire/answer_json.c", "src/probe/answer_schema_check.c",
                  "src/engine/*import*.c", "src/engine/edit*.c",
                  "src/engine/remote.c", "src/cli/*.c", "src/report/json*.c", "src/web/*.c", "src/demo/*.c"],
    "microhttpd.h": ["src/io/httpd.c"],
    "pcre2.h": ["src/model/regex.c"],
    "glib.h": ["src/io/zone.c"],
    "openssl/*": ["src/io/cert.c"],
    "zstd.h": ["src/io/squeeze.c"],
    "zlib.h": ["src/io/gunzip.c"],
    "uthash.h": ["src/base/table.c"],
}
SEES_ALL = "src/cli/version.c"

SYSTEM = set("""
assert.h ctype.h errno.h fcntl.h float.h inttypes.h limits.h locale.h math.h signal.h stdalign.h
stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h time.h unistd.h
arpa/inet.h dirent.h fnmatch.h getopt.h glob.h ifaddrs.h libgen.h netdb.h netinet/in.h
linux/inet_diag.h linux/netlink.h linux/sock_diag.h netinet/tcp.h poll.h pthread.h pwd.h sched.h semaphore.h sys/eventfd.h sys/file.h sys/ioctl.h sys/mman.h
sys/epoll.h sys/prctl.h sys/queue.h sys/random.h sys/resource.h sys/select.h sys/signalfd.h sys/socket.h
sys/stat.h sys/statvfs.h sys/syscall.h sys/time.h sys/timerfd.h sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/wait.h
termios.h wctype.h
""".split())

# ---- sizes and words ---------------------------------------------------------

FILE_LINES = 600
FUNCTION_LINES = 80
COLUMNS = 100
WORDS = [
    (r"\b(TODO|FIXME|HACK)\b", ["src", "include", "tests", "scripts"]),
    (r"(?i)\bnot (yet )?implemented\b", ["src", "include"]),
    (r"(?i)\bstub(bed)?\b.*\b(for now|later|function|version)\b", ["src", "include"]),
    (r"(?<![\w.])/work/", ["src", "include", "tests", "scripts", "docs", "probes", "slos"]),
]
TEXT = {".c", ".h", ".py", ".sh", ".md", ".yaml", ".build", ".1", ".5", ""}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def sources(root, *tops, suffixes=(".c", ".h")):
    for top in tops:
        for path in sorted((root / top).rglob("*")):
            if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts:
                yield path, path.relative_to(root).as_posix()


def lines_of(path):
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def includes(path):
    for number, line in enumerate(lines_of(path), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1] == '"', found[2]


def folder_of(header):
    """The ranked folder of an include: "base/str.h" is in src/base."""
    top = header.split("/")[0]
    return "include/nines" if top == "nines" else "src/" + top


def layers(root):
    for path, name in sources(root, "src", "include"):
        folder = "/".join(name.split("/")[:2])
        if folder not in RANK:
            yield f"{name}:1: {folder} has no rank"
            continue
        for number, quoted, header in includes(path):
            if not quoted:
                continue
            target = folder_of(header)
            if target not in RANK or header.startswith("."):
                yield f'{name}:{number}: "{header}" is not of the form "folder/file.h"'
            elif RANK[target] > RANK[folder]:
                yield f'{name}:{number}: rank {RANK[folder]} includes "{header}" of rank {RANK[target]}'
            elif RANK[target] == RANK[folder] and target != folder and (folder, header) not in SIBLINGS:
                yield f'{name}:{number}: {folder} does not see its sibling "{header}"'


def foreign(root):
    for path, name in sources(root, "src", "include"):
        for number, quoted, header in includes(path):
            if quoted or header in SYSTEM or name == SEES_ALL:
                continue
            allowed = [p for h, globs in FOREIGN.items() if fnmatch.fnmatch(header, h) for p in globs]
            if not allowed:
                yield f"{name}:{number}: <{header}> is in no table of tests/style/check.py"
            elif not any(fnmatch.fnmatch(name, glob) for glob in allowed):
                yield f"{name}:{number}: <{header}> belongs to {', '.join(allowed)}"


def compile_flags():
    flags = os.environ.get("STYLE_CFLAGS")
    if flags is None:
        flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], text=True, check=False,
                               capture_output=True).stdout
    return flags.split()


def headers(root):
    """Every header compiles when it is the only one included, and twice."""
    banned = root / "src/base/banned.h"
    base = [os.environ.get("CC", "cc"), "-std=gnu17", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic",
            "-Werror", "-D_GNU_SOURCE", f"-I{root}/include", f"-I{root}/src", *compile_flags()]
    if banned.exists():
        base += ["-include", str(banned)]

    def compile_alone(item):
        path, name = item
        text = f'#include "{path}"\n#include "{path}"\nextern int style_check;\n'
        done = subprocess.run([*base, "-x", "c", "-"], input=text, text=True, capture_output=True)
        first = next((l for l in done.stderr.splitlines() if "error" in l), done.stderr[:200])
        return f"{name}:1: does not compile alone: {first}" if done.returncode else None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(compile_alone, sources(root, "src", "include", suffixes=(".h",))))


def pragma(root):
    for path, name in sources(root, "src", "include", suffixes=(".h",)):
        if "#pragma once" not in lines_of(path):
            yield f"{name}:1: no #pragma once"


def functions(lines):
    """(first line, length) of each function body: braces in column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start:
            yield start, number - start + 1
            start = None


def sizes(root):
    yield from pragma(root)
    for path, name in sources(root, "src", "include", "tests"):
        lines = lines_of(path)
        if len(lines) > FILE_LINES and not name.startswith("tests/"):
            yield f"{name}:1: {len(lines)} lines; at most {FILE_LINES}"
        for start, length in functions(lines):
            if length > FUNCTION_LINES:
                yield f"{name}:{start}: a function of {length} lines; at most {FUNCTION_LINES}"
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                yield f"{name}:{number}: {len(line)} columns; at most {COLUMNS}"
            if "\t" in line:
                yield f"{name}:{number}: a tab"
            if line != line.rstrip():
                yield f"{name}:{number}: spaces at the end of the line"


def words(root):
    for pattern, tops in WORDS:
        for path, name in sources(root, *tops, suffixes=TEXT):
            if name.startswith("tests/style/"):
                continue
            for number, line in enumerate(lines_of(path), 1):
                if re.search(pattern, line):
                    yield f"{name}:{number}: matches {pattern}: {line.strip()[:80]}"


def banned(root):
    """The build bans functions by a header that it includes first; this sees
    that the header is in force, and that nothing takes a ban back."""
    for path, name in sources(root, "src", "include", "tests"):
        if name == "src/base/banned.h":
            continue
        for number, line in enumerate(lines_of(path), 1):
            if re.match(r"\s*#\s*undef\s+(str|sprintf|vsprintf|gets|ato|gmtime|localtime|mktime|system|popen)", line):
                yield f"{name}:{number}: takes back a ban"
    build = root / "meson.build"
    if "src/base/banned.h" not in build.read_text():
        yield "meson.build:1: src/base/banned.h is not included before everything else"


# Files that may keep state, and why.
STATEFUL = {
    "src/base/log.c",  # stderr is one per process
}


def is_state(line):
    """Whether the line declares a static variable that is not const: for a
    pointer the const must stand behind the last star."""
    if not re.match(r"\s*static\s+(?!inline\b|_Thread_local\b)\w", line):
        return False
    declared = re.split(r"[=;\[]", line, maxsplit=1)[0]
    if "(" in declared or declared == line:
        return False
    return not re.search(r"\bconst\b", declared.rsplit("*", 1)[-1])


def state(root):
    for path, name in sources(root, "src"):
        for number, line in enumerate(lines_of(path), 1):
            if name not in STATEFUL and is_state(line):
                yield f"{name}:{number}: mutable state of the file: {line.strip()[:70]}"


RULES = {f.__name__: f for f in (layers, foreign, headers, sizes, words, banned, state)}


def main(argv):
    rule = argv[1] if len(argv) > 1 else ""
    if rule not in RULES:
        sys.exit(f"usage: check.py {'|'.join(RULES)} [ROOT]")
    root = pathlib.Path(argv[2] if len(argv) > 2 else pathlib.Path(__file__).parents[2]).resolve()
    found = list(RULES[rule](root))
    for line in found:
        print(line)
    print(f"{rule}: {len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
