"""A daemon on its test clock, its service and what it tells: by scripts, over restarts."""
import conftest
import month
import paging
from scripted import Service

HEAD = "apiVersion: nines/v1\nkind: {}\n"


class Running:
    """`slos` are (script, what follows `name: NAME, sli: ...`); names are those of the probes.
    `daemon` is nines.yaml with {url} where messages go to."""

    def __init__(self, workspace, slos, daemon, start):
        self.workspace, self.slos, self.now = workspace, slos, start
        self.scripts = [script for script, _ in slos]
        self.service = Service(self.scripts)
        self.process = None
        self.configure(daemon)
        workspace.write("clock", month.rfc3339(start))

    def configure(self, daemon):
        url = self.service.url
        self.workspace.write("nines.yaml", HEAD.format("Daemon") + daemon.replace("{url}", url))
        self.workspace.write("probes/p.yaml", HEAD.format("Probes") + "probes:\n" + "".join(
            f"  - {{id: {s.probe}, interval: {s.interval}s, timeout: 1s,"
            f" http: {{url: '{url}/{s.probe}'}}}}\n" for s in self.scripts))
        self.workspace.write("slos/s.yaml", HEAD.format("SLOs") + "slos:\n" + "".join(
            f"  - {{name: {s.probe}, service: shop, sli: {{probe: {s.probe}}}, window: 30d, {more}}}\n"
            for s, more in self.slos))

    def start(self, t=None):
        """t: what the clock says meanwhile, later than before."""
        self.now = t or self.now
        self.workspace.write("clock", month.rfc3339(self.now))
        self.service.begin(self.now)
        self.process = self.workspace.daemon("--test-clock", "clock")
        self.process.wait("test clock reached")

    def go(self, t):
        self.now = t
        self.process.advance(month.rfc3339(t))

    def reload(self):
        self.process.signal(1)
        self.process.wait("configuration reloaded")

    def stop(self):
        assert self.process.stop() == 0

    def close(self):
        if self.process and self.process.process.poll() is None:
            self.process.kill()
        self.service.close()

    def messages(self, count):
        """As paging.messages() has them; waits for so many."""
        found = self.service.wait(count, conftest.PATIENCE)
        return [paging.read(message, month.seconds) for _, message in found]
