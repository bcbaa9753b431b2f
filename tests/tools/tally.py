"""tally.py DIR: adds up what scripts/test has collected in DIR.

NAME.meson.json is a test log of meson, NAME.junit.xml one of pytest, `broken`
names what did not get as far as a log. Ends with "N passed, N failed".
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as xml

GOOD = {"OK", "EXPECTEDFAIL"}


def from_meson(path):
    for line in path.read_text().splitlines():
        test = json.loads(line)
        yield test["name"], test["result"]


def from_junit(path):
    for case in xml.parse(path).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        result = "FAIL" if kinds & {"failure", "error"} else "SKIP" if "skipped" in kinds else "OK"
        yield f"{case.get('classname')}.{case.get('name')}", result


def main(directory):
    passed, skipped, failed = 0, [], []
    for read, suffix in ((from_meson, ".meson.json"), (from_junit, ".junit.xml")):
        for path in sorted(directory.glob("*" + suffix)):
            suite = path.name.removesuffix(suffix)
            for name, result in read(path):
                if result in GOOD:
                    passed += 1
                elif result == "SKIP":
                    skipped.append(f"{suite}: {name}")
                else:
                    failed.append(f"{suite}: {name} ({result})")
    broken = directory / "broken"
    if broken.exists():
        failed += broken.read_text().splitlines()
    if passed == 0 and not failed:
        failed.append("no test ran")

    print()
    for name in skipped:
        print(f"skipped  {name}")
    for name in failed:
        print(f"FAILED   {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
