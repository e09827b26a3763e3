"""The servers that are compared: dialgate, and peers out of Debian's packages. Each is started in the foreground."""
import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
QUESTION = "/onClickToDial?SAPBusinessPartnerID={id}&SAPPhoneNumber=4989461495000"
AUTHORIZATION = "Authorization: Basic anRlbDpiZW5jaA=="  # jtel:bench
# As long, for those that look at no authorization: HAProxy caches no answer to a request that has one.
FILLER = "X-Unused-Word: Basic anRlbDpiZW5jaA=="
SAP, SAP_TLS = "127.0.0.1:9100", "127.0.0.1:9101"

TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


def children(pid):
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                for child in file.read().split():
                    found += children(int(child))
    except OSError:
        pass
    return found


class Server:
    """`make` writes the configuration into a folder and returns the command. `doing` is a word about what it does."""

    def __init__(self, name, port, make, doing, path=QUESTION, cores="0"):
        self.name, self.port, self.make, self.doing, self.path, self.cores = name, port, make, doing, path, cores
        self.process = None

    @property
    def header(self):
        return AUTHORIZATION if self.name.startswith("dialgate") else FILLER

    @property
    def url(self):
        return f"https://localhost:{self.port}{self.path}"

    def start(self, run):
        """Returns the milliseconds until the first answer."""
        folder = os.path.join(run, self.name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        command = ["taskset", "-c", self.cores, *self.make(self, folder)]
        log = open(os.path.join(folder, "log"), "wb")
        begin = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while time.perf_counter() < begin + 60:
            if self.process.poll() is not None:
                break
            try:
                if self.answers():
                    return (time.perf_counter() - begin) * 1000
            except OSError:
                time.sleep(0.0005)
        self.stop()
        raise SystemExit(f"{self.name} does not start: {folder}/log")

    def answers(self):
        path = self.path.replace("{id}", "1000123")
        ask = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{self.header}\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as tcp:
            with TRUSTING.wrap_socket(tcp, server_hostname="localhost") as tls:
                tls.sendall(ask.encode())
                return tls.recv(12) == b"HTTP/1.1 200"

    def pids(self):
        return children(self.process.pid)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def dialgate(binary, certs, name="dialgate", port=9600, access=True, trail=False, tls_to_sap=False, cores="0", large=False):
    """As shipped: authentication, rules, metrics, access records into a file. `large`: 1,000 clients and
    100,000 service numbers. `trail`: an audit trail besides. At most 64 requests to SAP at once, one for each connection that asks."""

    def make(server, folder):
        secret = hashlib.sha256(b"bench").hexdigest()
        other = hashlib.sha256(b"another").hexdigest()
        clients = [f'{{ name: jtel, secrets: ["sha256:{secret}"] }}']
        rows = ['{ contract_number: DirektvertriebDE, service_number: "4922147100000" }']
        if large:
            clients += [f'{{ name: client-{n}, secrets: ["sha256:{other}"] }}' for n in range(999)]
            with open(os.path.join(folder, "service-numbers.csv"), "w") as file:
                file.write("contract_number;service_number\n")
                file.writelines(f"R{n}DE;4922147{n:06}\n" for n in range(100_001, 200_001))
        sap = f"{{ url: https://{SAP_TLS}, ca_file: {certs}/ca.pem, server_name: localhost" if tls_to_sap else f"{{ url: http://{SAP}"
        audit = ""
        if trail:
            os.makedirs(f"{folder}/trail", mode=0o700, exist_ok=True)
            if not os.path.exists(f"{folder}/keys"):
                subprocess.run([binary, "audit", "keys", f"{folder}/keys"], check=True, stdout=subprocess.DEVNULL)
            audit = "audit: { folder: trail, keys: keys, when_unwritable: refuse }\n"
        with open(os.path.join(folder, "config.yaml"), "w") as file:
            file.write(
                f"listen: {{ address: 127.0.0.1:{port}, tls: {{ certificate: {certs}/server.pem, key: {certs}/server-key.pem }} }}\n"
                f"admin: {{ address: 127.0.0.1:{port + 100} }}\n"
                f"clients: [{', '.join(clients)}]\n"
                f"sap: {sap}, preset: c4c-individual, language: DE, login: none, max_in_flight: 64 }}\n"
                "cache: { max_entries: 2000000 }\n"
                f"rules: {{ service_numbers: [{', '.join(rows)}]"
                f"{', service_numbers_file: service-numbers.csv' if large else ''} }}\n"
                f"log: {{ level: warn, access: {'{ file: access.jsonl }' if access else 'off'} }}\n" + audit)
        return [binary, "run", "--config", os.path.join(folder, "config.yaml")]

    told = "with an audit trail" if trail else "everything on" if access else "without access records"
    return Server(name, port, make, told, cores=cores)


def filled(file, values):
    with open(os.path.join(HERE, "peers", file)) as text:
        return re.sub(r"@([A-Z0-9_]+)@", lambda found: values[found.group(1)], text.read())


def values(port, folder, certs, tls_to_sap, h2):
    return {
        "PORT": str(port), "RUN": folder, "MEMORY": "512m", "H2": " http2" if h2 else "",
        "ALPN": "h2" if h2 else "http/1.1", "SAP": SAP_TLS if tls_to_sap else SAP,
        "SCHEME": "https" if tls_to_sap else "http", "SAP_TLS": "ssl verify none" if tls_to_sap else "",
        "CERT": f"{certs}/server.pem", "KEY": f"{certs}/server-key.pem", "BOTH": f"{certs}/both.pem",
    }


def nginx(kind, certs, doing, tls_to_sap=False, h2=False, path=QUESTION, port=9500):
    def make(server, folder):
        for file in ["nginx-common.conf", f"nginx-{kind}.conf", "gateway.lua"]:
            text = filled(file, values(port, folder, certs, tls_to_sap, h2))
            if file == f"nginx-{kind}.conf" and os.geteuid() == 0:
                text = "user root;\n" + text
            with open(os.path.join(folder, file), "w") as written:
                written.write(text)
        return ["nginx", "-e", "stderr", "-p", folder, "-c", os.path.join(folder, f"nginx-{kind}.conf")]

    return Server(f"nginx-{kind}", port, make, doing, path)


def haproxy(kind, certs, doing, tls_to_sap=False, h2=False, port=9400):
    def make(server, folder):
        given = values(port, folder, certs, tls_to_sap, h2)
        with open(os.path.join(folder, "haproxy.cfg"), "w") as written:
            written.write(filled("haproxy-head.cfg", given) + filled(f"haproxy-{kind}.cfg", given))
        return ["haproxy", "-db", "-f", os.path.join(folder, "haproxy.cfg")]

    return Server(f"haproxy-{kind}", port, make, doing)
