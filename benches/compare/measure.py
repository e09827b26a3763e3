"""What is measured, how rounds are put together, and the table."""
import json
import os
import statistics
import subprocess
import time
import urllib.request

from servers import SAP, SAP_TLS


def cpu_ns(pids):
    """CPU time of all threads, user and system."""
    total = 0
    for pid in pids:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
        except OSError:
            pass
    return total


def pss_kib(pids):
    """Memory, where what processes share is counted once."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


class Tools:
    """The load generator, and the SAP that it asks for; both on the last core."""

    def __init__(self, folder, certs, core):
        self.folder, self.core = folder, core
        key = [os.path.join(certs, file) for file in ("server.pem", "server-key.pem")]
        self.process = subprocess.Popen(["taskset", "-c", core, os.path.join(folder, "sap"), SAP, SAP_TLS, *key])
        for _ in range(500):
            try:
                self.sap("__requests")
                return
            except OSError:
                time.sleep(0.01)
        raise SystemExit("the SAP that is asked does not start")

    def sap(self, path):
        with urllib.request.urlopen(f"http://{SAP}/{path}", timeout=5) as answer:
            return answer.read().decode()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def load(self, server, mode, core=None, **options):
        """Starts the load generator."""
        command = ["taskset", "-c", core or self.core, os.path.join(self.folder, "load"), mode, server.url]
        for name, value in {"header": server.header, **options}.items():
            command += [f"--{name}", str(value)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measured(self, server, mode, **options):
        """What it reports, and the server's CPU time for a call in the time that counts."""
        process = self.load(server, mode, **options)
        if process.stdout.readline() != "counting\n":
            raise SystemExit(f"the load generator does not get at {server.name}")
        before = cpu_ns(server.pids())
        begin = time.perf_counter()
        report = json.loads(process.stdout.readline())
        span = time.perf_counter() - begin
        spent = cpu_ns(server.pids()) - before
        process.stdin.close()
        process.wait()
        if report["bad"]:
            print(f"# {server.name}: {report['bad']} wrong answers, {report['why']}", flush=True)
        if report["ok"]:
            report["cpu_us"] = spent / 1000 / report["ok"] * min(1.0, report["seconds"] / span)
        return report


class Results:
    """Rows by server, a value of each metric for each round."""

    def __init__(self):
        self.rows = {}

    def add(self, server, values):
        for metric, value in values.items():
            self.rows.setdefault(server.name, {}).setdefault(metric, []).append(value)

    def median(self, name, metric):
        values = self.rows.get(name, {}).get(metric)
        return statistics.median(values) if values else None

    def ratio(self, subject, peer, metric):
        """How many times better the subject is: the median of the rounds' own ratios."""
        pairs = zip(self.rows.get(subject, {}).get(metric, []), self.rows.get(peer, {}).get(metric, []))
        ratios = [mine / its if metric == "per_s" else its / mine for mine, its in pairs]
        return statistics.median(ratios) if ratios else None

    def table(self, title, servers, columns, compared):
        print(f"\n{title}")
        head = ["", *columns.values(), f"{servers[0].name} by {columns[compared]}"]
        lines = [head]
        for server in servers:
            line = [f"{server.name} ({server.doing})"]
            for metric in columns:
                value = self.median(server.name, metric)
                line.append("-" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}")
            ratio = self.ratio(servers[0].name, server.name, compared)
            lines.append(line + ["-" if ratio is None else f"{ratio:.2f} times"])
        widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
        for line in lines:
            print("  ".join([line[0].ljust(widths[0])] + [word.rjust(width) for word, width in zip(line[1:], widths[1:])]))

    def missed(self, subject, required, at_most):
        """What was required and is not so; says what is."""
        missed = 0
        for text in required:
            peer, metric, wanted = text.split(":")
            ratio = self.ratio(subject, peer, metric)
            missed += ratio is None or ratio < float(wanted)
            print(f"{text}: {'not measured' if ratio is None else format(ratio, '.2f')}")
        for text in at_most:
            metric, wanted = text.split(":")
            value = self.median(subject, metric)
            missed += value is None or value > float(wanted)
            print(f"at most {text}: {'not measured' if value is None else format(value, '.2f')}")
        return missed
