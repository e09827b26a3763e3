#!/usr/bin/env python3
"""A collector that is not ours: takes spans by OTLP over HTTP, reads them with OpenTelemetry's own classes and
Google's protobuf, and tells what it got, one line of JSON per request.

The first line says where it listens. Ends when its input does. What it cannot read, or what has a field that
OpenTelemetry does not know, it answers with 400.
"""

import http.server
import json
import sys
import threading

from google.protobuf.json_format import MessageToDict, ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


def attributes(pairs):
    read = {pair.key: value(pair.value) for pair in pairs}
    assert len(read) == len(pairs), "a key twice"
    return read


def span(one, resource):
    assert len(one.trace_id) == 16 and len(one.span_id) == 8 and len(one.parent_span_id) in (0, 8)
    return {
        "trace": one.trace_id.hex(),
        "id": one.span_id.hex(),
        "parent": one.parent_span_id.hex(),
        "name": one.name,
        "kind": Span.SpanKind.Name(one.kind).removeprefix("SPAN_KIND_").lower(),
        "start": one.start_time_unix_nano,
        "end": one.end_time_unix_nano,
        "attributes": attributes(one.attributes),
        "links": [[link.trace_id.hex(), link.span_id.hex()] for link in one.links],
        "failed": one.status.code == Status.STATUS_CODE_ERROR,
        "flags": one.flags,
        "resource": attributes(resource.attributes),
    }


def read(body):
    request = ExportTraceServiceRequest.FromString(body)
    # JSON has only the fields that the classes know.
    known = ParseDict(MessageToDict(request), ExportTraceServiceRequest())
    assert known.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True), "unknown fields"
    return [
        span(one, group.resource)
        for group in request.resource_spans
        for scope in group.scope_spans
        for one in scope.spans
    ]


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = {"path": self.path, "headers": {name.lower(): text for name, text in self.headers.items()}}
        try:
            assert self.headers["Content-Type"] == "application/x-protobuf", "another type"
            told["spans"] = read(body)
            status = 200
        except Exception as error:
            told["unreadable"] = repr(error)
            status = 400
        # All of it, as it came, for those who look for what must not be in it.
        told["body"] = body.decode("latin-1")
        print(json.dumps(told), flush=True)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_what):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"listening on http://127.0.0.1:{server.server_port}/v1/traces", flush=True)
sys.stdin.read()
