"""The cases. Each gets `Compare` and fills its results; the first of its servers is the subject."""
import os
import re
import subprocess
import time

from measure import cpu_ns, pss_kib
from servers import QUESTION, dialgate, haproxy, nginx

SPEED = {"cpu_us": "CPU us a call", "per_s": "calls/s", "p50_us": "p50 us"}
LUA = "dialgate's job, without authentication and records"


class Compare:
    def __init__(self, run, certs, binary, tools, results, rounds, seconds, cores):
        self.run, self.certs, self.binary, self.tools, self.results = run, certs, binary, tools, results
        self.rounds, self.seconds, self.cores = rounds, seconds, cores
        # Partners that nobody has asked for yet.
        self.unasked = int(time.time()) % 100_000 * 100_000_000

    def dialgate(self, **how):
        return dialgate(self.binary, self.certs, **how)

    def new_partners(self):
        self.unasked += 2_000_000
        return f"{self.unasked}:2000000"

    def interleaved(self, servers, mode, options, fill=None):
        """Every round asks each server once, in another order, so that a slow hour slows all of them."""
        try:
            for server in servers:
                server.start(self.run)
                if fill:
                    self.tools.measured(server, "kept", ids=fill, calls=fill.split(":")[1], warm=0, seconds=600)
            for nth in range(self.rounds):
                for at in range(len(servers)):
                    server = servers[(nth + at) % len(servers)]
                    asked = {key: value() if callable(value) else value for key, value in options.items()}
                    self.results.add(server, self.tools.measured(server, mode, seconds=self.seconds, **asked))
        finally:
            for server in servers:
                if server.process:
                    server.stop()

    def one_by_one(self, servers, measure):
        """Each round starts each server afresh."""
        for _ in range(self.rounds):
            for server in servers:
                begin = server.start(self.run)
                try:
                    self.results.add(server, measure(server, begin))
                finally:
                    server.stop()


def hit(c):
    """One partner, remembered; also without access records, and with an audit trail."""
    servers = [
        c.dialgate(), c.dialgate(name="dialgate-unrecorded", port=9601, access=False),
        c.dialgate(name="dialgate-audited", port=9602, trail=True),
        nginx("lua", c.certs, LUA), nginx("constant", c.certs, "a constant", port=9501),
    ]
    c.interleaved(servers, "kept", {}, fill="1000123:1")
    return servers, SPEED, "cpu_us"


def hit_10k(c):
    """10,000 partners by chance, remembered."""
    servers = [c.dialgate(), nginx("lua", c.certs, LUA), haproxy("cache", c.certs, "SAP's answer from its cache")]
    c.interleaved(servers, "kept", {"ids": "1000000:10000:random"}, fill="1000000:10000")
    return servers, SPEED, "cpu_us"


def million(c):
    """1,000,000 partners by chance, remembered; 1,000 clients, 100,000 service numbers. Memory for each partner."""
    servers = [c.dialgate(large=True), nginx("lua", c.certs, LUA)]
    try:
        for server in servers:
            server.start(c.run)
            c.tools.measured(server, "kept", ids="1000000:1000", calls=1000, warm=0, seconds=60)
            before = pss_kib(server.pids())
            c.tools.measured(server, "kept", ids="1000000:1000000", calls=1_000_000, warm=0, seconds=900)
            time.sleep(2)
            c.results.add(server, {"kib_each": (pss_kib(server.pids()) - before) / 999_000})
        for nth in range(c.rounds):
            for at in range(len(servers)):
                server = servers[(nth + at) % len(servers)]
                asked = c.tools.measured(server, "kept", seconds=c.seconds, ids="1000000:1000000:random")
                c.results.add(server, asked)
    finally:
        for server in servers:
            if server.process:
                server.stop()
    return servers, {**SPEED, "kib_each": "KiB a partner"}, "cpu_us"


def misses(c, tls_to_sap):
    servers = [
        c.dialgate(tls_to_sap=tls_to_sap),
        nginx("lua", c.certs, LUA, tls_to_sap, path="/nocache" + QUESTION),
        nginx("proxy", c.certs, "passes SAP's answer on", tls_to_sap, port=9501),
        haproxy("proxy", c.certs, "passes SAP's answer on", tls_to_sap),
    ]
    c.interleaved(servers, "kept", {"ids": c.new_partners})
    return servers, SPEED, "cpu_us"


def miss(c):
    """A new partner each time: SAP is asked, plain, over kept connections."""
    return misses(c, tls_to_sap=False)


def miss_tls(c):
    """The same, SAP by https."""
    return misses(c, tls_to_sap=True)


def http2(c):
    """One partner, remembered, asked over HTTP/2 by h2load, four questions at a time on each connection."""
    servers = [
        c.dialgate(), nginx("lua", c.certs, LUA, h2=True),
        haproxy("cache", c.certs, "SAP's answer from its cache", h2=True),
    ]

    def asked(server, calls):
        command = ["taskset", "-c", c.tools.core, "h2load", "-t1", "-c16", "-m4", "-n", str(calls), "-H", server.header]
        url = server.url.replace("{id}", "1000123")
        before = cpu_ns(server.pids())
        said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
        spent = cpu_ns(server.pids()) - before
        if f" {calls} 2xx" not in said:
            raise SystemExit(f"{server.name} over HTTP/2: {said}")
        return {"cpu_us": spent / 1000 / calls, "per_s": float(re.search(r", ([\d.]+) req/s", said)[1])}

    try:
        for server in servers:
            server.start(c.run)
            asked(server, 1000)
        for nth in range(c.rounds):
            for at in range(len(servers)):
                server = servers[(nth + at) % len(servers)]
                c.results.add(server, asked(server, int(20_000 * c.seconds)))
    finally:
        for server in servers:
            if server.process:
                server.stop()
    return servers, {"cpu_us": "CPU us a call", "per_s": "calls/s"}, "cpu_us"


def rate(c):
    """10,000 calls a second, one partner, remembered: how long they take."""
    servers = [c.dialgate(), nginx("lua", c.certs, LUA), nginx("constant", c.certs, "a constant", port=9501)]
    c.interleaved(servers, "rate", {"rate": 10_000}, fill="1000123:1")
    return servers, {"p50_us": "p50 us", "p99_us": "p99 us", "cpu_us": "CPU us a call"}, "p50_us"


def handshake(c):
    """A new connection for each call, full handshakes."""
    servers = [c.dialgate(), nginx("constant", c.certs, "a constant"), haproxy("cache", c.certs, "from its cache")]
    c.interleaved(servers, "handshake", {"connections": 16}, fill="1000123:1")
    return servers, SPEED, "per_s"


def cores(c):
    """What two cores do beside one. On a machine with two, the asking side has to share them: the figure is two calls'
    worth of CPU time on one core for one on two."""
    servers = [c.dialgate(), c.dialgate(name="dialgate-two-cores", port=9601, cores="0,1")]
    c.tools.core = "0,1" if c.cores == 2 else f"2-{c.cores - 1}"
    c.interleaved(servers, "kept", {}, fill="1000123:1")
    one, two = [c.results.median(server.name, "cpu_us") for server in servers]
    c.results.add(servers[0], {"cores": 1.0})
    c.results.add(servers[1], {"cores": 2 * one / two})
    return servers, {"cpu_us": "CPU us a call", "cores": "cores' worth"}, "cpu_us"


def memory(c):
    """A fresh process; 1,000 idle TLS connections that asked once; after they are closed."""
    servers = [c.dialgate(), nginx("lua", c.certs, LUA), haproxy("proxy", c.certs, "passes SAP's answer on")]

    def measure(server, _begin):
        time.sleep(0.5)
        fresh = pss_kib(server.pids())
        process = c.tools.load(server, "idle", connections=1000)
        process.stdout.readline()
        process.stdout.readline()
        time.sleep(1)
        full = pss_kib(server.pids())
        process.stdin.close()
        process.wait()
        time.sleep(2)
        after = pss_kib(server.pids())
        return {"fresh_mib": fresh / 1024, "kib_each": (full - fresh) / 1000, "after_mib": after / 1024}

    c.one_by_one(servers, measure)
    return servers, {"fresh_mib": "fresh MiB", "kib_each": "KiB a connection", "after_mib": "closed again MiB"}, "fresh_mib"


def start(c):
    """From the start of the process to the first answer over TLS."""
    servers = [c.dialgate(), nginx("lua", c.certs, LUA), haproxy("proxy", c.certs, "passes SAP's answer on")]
    c.one_by_one(servers, lambda _server, begin: {"start_ms": begin})
    return servers, {"start_ms": "ms"}, "start_ms"


def coalesce(c):
    """1,000 calls about one new partner at once, SAP takes 200 ms: requests that SAP gets, time for all."""
    servers = [c.dialgate(), nginx("lua", c.certs, LUA), haproxy("cache", c.certs, "SAP's answer from its cache")]

    def measure(server, _begin):
        c.tools.sap("__delay?200")
        before = int(c.tools.sap("__requests"))
        report = c.tools.measured(server, "burst", connections=1000, ids="5000000:1")
        c.tools.sap("__delay?0")
        asked = int(c.tools.sap("__requests")) - before
        return {"sap_requests": asked, "all_ms": report["seconds"] * 1000, "bad": report["bad"]}

    c.one_by_one(servers, measure)
    return servers, {"sap_requests": "requests to SAP", "all_ms": "all ms"}, "all_ms"


CASES = {
    "hit": hit, "hit-10k": hit_10k, "million": million, "miss": miss, "miss-tls": miss_tls, "http2": http2, "rate": rate,
    "handshake": handshake, "cores": cores, "memory": memory, "start": start, "coalesce": coalesce,
}
