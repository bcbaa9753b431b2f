"""The run must not be green when a test failed, did not build or never ran."""
import contextlib
import io
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tally  # noqa: E402


def run(files):
    with tempfile.TemporaryDirectory() as top:
        for name, text in files.items():
            (pathlib.Path(top) / name).write_text(text)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            rc = tally.main(pathlib.Path(top))
        return rc, out.getvalue().splitlines()[-1]


def log(*results):
    return "\n".join(json.dumps({"name": f"t{i}", "result": r}) for i, r in enumerate(results))


JUNIT = """<testsuites><testsuite><testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure/></testcase>
<testcase classname="a" name="later"><skipped/></testcase></testsuite></testsuites>"""

CASES = [
    ({}, (1, "0 passed, 1 failed")),
    ({"a.meson.json": log("OK", "OK", "SKIP")}, (0, "2 passed, 0 failed")),
    ({"a.meson.json": log("OK", "FAIL"), "b.meson.json": log("TIMEOUT", "ERROR")},
     (1, "1 passed, 3 failed")),
    ({"a.junit.xml": JUNIT, "a.meson.json": log("OK")}, (1, "2 passed, 1 failed")),
    ({"a.meson.json": log("OK"), "broken": "plain: does not build\n"}, (1, "1 passed, 1 failed")),
]

if __name__ == "__main__":
    wrong = [(files, want, run(files)) for files, want in CASES if run(files) != want]
    for case in wrong:
        print(*case, sep="\n  ")
    sys.exit(1 if wrong else 0)
