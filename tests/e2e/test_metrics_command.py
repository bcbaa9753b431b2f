"""nines metrics: what it takes and refuses beside a real Prometheus and promtool."""
import gzip
import http.server
import json
import math
import random
import re
import subprocess
import threading

import conftest
import peers
import pytest

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Pages:
    """Serves /0, /1, ... each with its content type."""

    def __init__(self, pages, content_type):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = pages[int(self.path[1:])]
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 1024  # hundreds come at once
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Scraper(peers.Prometheus):
    """A Prometheus that scrapes `count` pages of one server."""

    def __init__(self, folder, address, count):
        pages = "".join(f'      - {{targets: ["{address}"], labels: {{__metrics_path__: "/{i}",'
                        f' page: "{i}"}}}}\n' for i in range(count))
        self.CONFIGURATION = ("scrape_configs:\n  - job_name: pages\n    scrape_interval: 2s\n"
                              "    scrape_timeout: 2s\n    honor_labels: true\n"
                              f"    static_configs:\n{pages}").replace("{", "{{").replace("}", "}}")
        super().__init__(folder, address)

    def verdicts(self, count):
        """{page: the error of its scrape or ""}, once all were scraped and none was too late."""
        def targets():
            found = peers.request(f"{self.url}/api/v1/targets")["data"]["activeTargets"]
            return {int(t["labels"]["page"]): t["lastError"] for t in found
                    if not t["lastScrape"].startswith("0001")}
        return peers.eventually(targets, lambda t: len(t) == count and not any(
            error.endswith(("deadline exceeded", "timeout")) for error in t.values()))

    def series(self, page):
        """{labels: value} of what it has of a page."""
        found = self.query(f'{{page="{page}",__name__!~"up|scrape_.*"}}')
        return {frozenset((k, v) for k, v in m.items() if k not in ("page", "instance", "job")): value
                for m, value in found}


def labels_of(series):
    """The labels of canonical text."""
    name, _, rest = series.partition("{")
    unescaped = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
    pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', rest, re.S)
    return frozenset([("__name__", name)] + [
        (k, re.sub(r"\\.", lambda m: unescaped[m[0]], v)) for k, v in pairs])


def judge(workspace, page, *options):
    """(exit status, JSON) of nines metrics."""
    done = subprocess.run([workspace.program, "metrics", "--json", *options, "-"], input=page,
                          capture_output=True, timeout=conftest.PATIENCE, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def scrape(start, folder, pages, content_type, check):
    """check(Scraper, verdicts) with all of them scraped."""
    server = Pages(pages, content_type)
    try:
        prometheus = start(Scraper, folder, server.address, len(pages))
        check(prometheus, prometheus.verdicts(len(pages)))
    finally:
        server.close()


@pytest.fixture
def start():
    started = []

    def begin(kind, *args):
        started.append(kind(*args))
        return started[-1]

    yield begin
    for peer in started:
        peer.close()


# ---- text ---------------------------------------------------------------------------

LINES = [
    b"a 1", b"  a\t1 ", b"a{} 1", b'a{b="c"} 1', b'a{b="c",} 1', b'a { b = "c" , d="e" } 1',
    b'a{d="1" b="2"} 1', b'a{b="c"}1', b"a-1", b"a.5", b"a:b:c 1", b"a 1 123", b"a 1 0 ",
    b'a{b="x\\\\y\\"z\\n\\q"} 1', b'a{b="x\ny"} 1\nc 2', 'a{b="é😀"} 1'.encode(), b'a{b=""} 1',
    b"a 1\na 1", b"a 1\na 2", b"# c \xff\n#\n#x\n# HELPx\n# HELP\n# EOF\na 1", b"\n\n \t\n",
    b'# HELP a\n# HELP a \n# HELP a b "c" \\d\n # HELP a x\na 1', b"# UNIT a b\na 1",
    b"# TYPE a counter\na 1\n# TYPE a gauge\na 2", b"# TYPE  a gauge\na 1", b"#\tTYPE\ta gauge",
    b"# TYPE a.gauge\na 1", b"# TYPE a gauge ", b"# TYPE a", b"# TYPE a  gauge", b"# TYPE a info",
    b"# TYPE a unknown", b"# TYPE a Gauge", b"# HELP  ", b"# TYPE 1 gauge", b"# HELP a \xff",
    b"a 0042", b"a .5", b"a 5.", b"a +5", b"a -0", b"a 1e3", b"a 1.5E-3", b"a 1e-400",
    b"a 9007199254740993", b"a 1.7976931348623157e308", b"a inf", b"a +Inf", b"a -INF",
    b"a Infinity", b"a -infinity", b"a NaN", b"a nAN", b"a " + b"1" * 400, b"a 0." + b"1" * 400,
    b"a", b"a ", b"<html>", b"\xef\xbb\xbfa 1", b'{a="b"} 1', b"1a 1", b"a{b='c'} 1", b"a{b} 1",
    b'a{b:c="x"} 1', b'a{="x"} 1', b'a{,b="x"} 1', b'a{b="x",,} 1', b'a{b="x"\n} 1', b'a{b="x',
    b'a{b="x\\\n"} 1', b'a{b="x\xff"} 1', b'a{b="\xed\xa0\x80"} 1', b'a{b="\xc3"} 1', b"a true",
    b"a 1_2", b"a 0x10", b"a 0x1p-3", b"a +nan", b"a infin", b"a .", b"a -", b"a 1.2.3", b"a 1e",
    b"a 1e+", b"a 1e999", b"a -1e999", b"a 1{", b'a{b="c"}{d="e"} 1', b"a 1 -5", b"a 1 1.5",
    b"a 1 2 3", b"a 1 9223372036854775807", b"a 1 9223372036854775808", b"a 1 # {} 1", b"a 1\r",
    b"a 1 2\r", b"# HELP a b\r\na 1", b"# TYPE a gauge\r", b'a{b="1",b="2"} 1',
    b'a{b="\0"} 1', b"a\0 1", b"a 1\0", b'a{__name__="b"} 1', b'a{b="x"} 1 5', b'a{\nb="x"} 1',
    b"# HELP a \0\na 1",
]


# Prometheus takes these: it drops what follows the NUL, and a label that is empty
# somewhere altogether. To nines they are errors.
STRICTER = [b"a 1\n\0b 1", b'a{b="1",b=""} 1']


def mutations(seeds, count, seed):
    """Pages with a few bytes changed, cut or doubled."""
    dice = random.Random(seed)
    alphabet = b" \t\n\r\"\\{}=,#aE0._-+:\xff\xc3\xa9"
    for _ in range(count):
        page = bytearray(dice.choice(seeds) + b"\n" + dice.choice(seeds) + b"\n")
        for _ in range(dice.choice((1, 1, 2, 3))):
            at = dice.randrange(len(page))
            what = dice.randrange(3)
            if what == 0:
                page[at] = dice.choice(alphabet)
            elif what == 1:
                del page[at]
            else:
                page[at:at] = bytes([dice.choice(alphabet)])
        yield bytes(page)


def same_value(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def test_text_is_taken_and_refused_as_prometheus_does(workspace, start, tmp_path):
    seeds = [line for line in LINES if b"\0" not in line]
    pages = STRICTER + LINES + [line + b"\nz 1" for line in seeds] + list(mutations(seeds, 250, 1))

    def check(prometheus, verdicts):
        assert any(verdicts.values()) and not all(verdicts.values())
        differ = []
        for i, page in enumerate(pages):
            status, said = judge(workspace, page)
            if (status != 0) != (verdicts[i] != "" or i < len(STRICTER)):
                differ.append((page, verdicts[i], said["errors"]))
            if status or b"\0" in page or any("time" in s for s in said["samples"]):
                continue
            ours = {}
            for s in said["samples"]:  # of a series that comes twice it keeps the first
                ours.setdefault(labels_of(s["series"]), float(s["value"]))
            theirs = prometheus.series(i)
            if set(ours) != set(theirs) or not all(same_value(ours[k], theirs[k]) for k in ours):
                differ.append((page, ours, theirs))
        assert not differ, "\n".join(map(str, differ))

    scrape(start, tmp_path / "prometheus", pages, TEXT, check)


def test_errors_stand_where_promtool_sees_them(workspace):
    promtool = peers.find("promtool")
    good = b'# HELP a_total b\n# TYPE a_total counter\na_total{c="d"} 1\n'
    for line in (b"a{b='c'} 1", b"a 1_2", b"1a 1", b"a{b} 1", b"# TYPE b unheard", b"a 1 1.5"):
        page = good + line + b"\n"
        done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True,
                              check=False)
        theirs = re.search(rb"error in line (\d+)", done.stderr)
        status, said = judge(workspace, page)
        assert status == 1 and theirs, (line, done.stderr)
        assert said["errors"][0]["line"] == int(theirs[1]) == 4
    done = subprocess.run([promtool, "check", "metrics"], input=good, capture_output=True, check=False)
    assert done.returncode == 0
    assert judge(workspace, good)[0] == 0


# ---- OpenMetrics -----------------------------------------------------------------------

EOF = b"# EOF\n"
GOOD = [
    b"", b"a 1\n", b"# TYPE a counter\n# HELP a b \\\"c\\\"\na_total 1\na_created 1\n",
    b"# TYPE a_s gauge\n# UNIT a_s s\na_s{b=\"c\"} 1 1\na_s{b=\"c\"} 1 2.5\n",
    b"# TYPE a histogram\na_bucket{le=\"1\"} 1 # {b=\"c\"} 0.5 1\na_bucket{le=\"+Inf\"} 2\n"
    b"a_sum 3\na_count 2\n",
    b"# TYPE a gaugehistogram\na_bucket{le=\"+Inf\"} 2\na_gsum 3\na_gcount 2\n",
    b"# TYPE a stateset\na{a=\"x\"} 1\na{a=\"y\"} 0\n", b"# TYPE a info\na_info{b=\"c\"} 1\n",
    b"# TYPE a summary\na{quantile=\"0.5\"} NaN\na_sum 3\na_count 2\n# TYPE b unknown\nb 1\n",
]


def test_openmetrics_is_never_taken_where_prometheus_refuses(workspace, start, tmp_path):
    pages = [page + EOF for page in GOOD] + [page for page in GOOD] + [
        page + EOF for page in mutations([p for p in GOOD if p], 250, 2)]

    def check(_, verdicts):
        differ = []
        for i, page in enumerate(pages):
            status, said = judge(workspace, page, "--openmetrics")
            if (status == 0 and verdicts[i]) or (i < len(GOOD) and status):
                differ.append((page, verdicts[i], said["errors"]))
        assert not differ, "\n".join(map(str, differ))

    scrape(start, tmp_path / "prometheus", pages, OPENMETRICS, check)


# ---- where pages come from ---------------------------------------------------------------

PAGE = b'# TYPE hits_total counter\nhits_total{b="2",a="1"} 3\nup 1\n'


def test_series_are_printed_canonically(workspace):
    workspace.write("page.txt", 'q{z="1",a="x\\\\",e="",quantile="0.50"} 0.1\nb -Inf 1500\n')
    done = workspace.run("metrics", "page.txt")
    assert done.stdout == ('q{a="x\\\\",quantile="0.5",z="1"} 0.1\n'
                           "b -Inf 1970-01-01T00:00:01.500Z\n")
    assert workspace.run("metrics", "page.txt", "b", '{z=~"[0-9]"}').stdout.count("\n") == 2


def test_all_errors_and_nothing_else(workspace):
    workspace.write("page.txt", "a 1\nb x\n{}\nc 1\n")
    done = workspace.run("metrics", "page.txt", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "page.txt:2:3: error: 'x' is not a number",
        "page.txt:3:1: error: expected a metric name, '#' or an empty line, found '{'"]
    workspace.write("page.txt", "?\n" * 101)
    done = workspace.run("metrics", "page.txt", check=False)
    assert len(done.stderr.splitlines()) == 101
    assert done.stderr.splitlines()[-1] == "and more behind them"


def test_a_selector_that_matches_nothing(workspace):
    workspace.write("page.txt", PAGE.decode())
    done = workspace.run("metrics", "page.txt", "up", 'hits_total{a="2"}', check=False)
    assert done.returncode == 1
    assert done.stderr == 'page.txt: error: no series matches hits_total{a="2"}\n'


def test_a_server_says_what_it_sends(workspace, target):
    target.answer = (200, {"Content-Type": TEXT}, PAGE)
    assert workspace.run("metrics", target.url, "up").stdout == "up 1\n"
    target.answer = (200, {"Content-Type": OPENMETRICS}, PAGE)
    done = workspace.run("metrics", target.url, check=False)
    assert done.returncode == 1
    assert f"{target.url}:4:1: error: the page does not end with # EOF\n" in done.stderr
    packed = gzip.compress(PAGE)
    target.answer = (200, {"Content-Type": TEXT, "Content-Encoding": "gzip"}, packed)
    assert workspace.run("metrics", target.url, "up").stdout == "up 1\n"
    target.answer = (200, {"Content-Encoding": "gzip"}, packed[:-4])
    done = workspace.run("metrics", target.url, check=False)
    assert done.stderr.endswith("the gzip data is cut off\n")
    target.answer = (503, {}, b"")
    done = workspace.run("metrics", target.url, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"nines metrics: {target.url}: the answer has status 503\n"


def test_certificates_are_verified(workspace, start, tmp_path):
    nginx = start(peers.Nginx, tmp_path / "nginx", "location /metrics { return 200 'up 1\n'; }")
    done = workspace.run("metrics", f"{nginx.tls}/metrics", check=False)
    assert done.returncode == 1 and ": cert: " in done.stderr
    assert workspace.run("metrics", "-k", f"{nginx.tls}/metrics").stdout == "up 1\n"


def test_a_bomb_is_not_unpacked(workspace):
    bomb = gzip.compress(b"#" * (130 << 20), 1)
    done = subprocess.run([workspace.program, "metrics", "-"], input=bomb, capture_output=True,
                          check=False)
    assert done.returncode == 1
    assert done.stderr == b"nines metrics: -: the page is over 128MiB\n"


@pytest.mark.parametrize("arguments, message", [
    ((), "expected a file, a URL, or - for the standard input"),
    (("x", "a{b="), "selector 'a{b=', character "),
    (("--timeout", "1s", "x"), "--timeout goes with a URL"),
    (("http://u:p@x/",), "auth"),
    (("--format", "csv", "x"), "--format is text or json; found 'csv'"),
])
def test_usage(workspace, arguments, message):
    done = workspace.run("metrics", *arguments, check=False)
    assert done.returncode == 2 and message in done.stderr, done.stderr


def test_a_page_that_is_large(workspace):
    lines = "".join(f'm{{n="{i}"}} {i}\n' for i in range(1_000_000))
    workspace.write("page.txt", lines)
    assert workspace.run("metrics", "page.txt", 'm{n="999999"}').stdout == 'm{n="999999"} 999999\n'
    (workspace.path / "page.txt").open("a").write("# EOF\n")
    assert workspace.run("metrics", "--openmetrics", "page.txt", 'm{n="5"}').stdout == 'm{n="5"} 5\n'
    workspace.write("page.txt", 'a{b="' + "x" * (1 << 20) + '"} 1\nb 2\n')
    done = workspace.run("metrics", "page.txt")
    assert done.stdout == "b 2\n"
    assert done.stderr == ("nines metrics: 1 series left out: longer than 1023 bytes, or with a NUL"
                           " byte\n")
