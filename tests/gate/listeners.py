"""An API server that takes events, over TLS, and a collector of traces: listeners.py FOLDER CERTIFICATE KEY.

Prints both ports. What comes is written to FOLDER/events and FOLDER/spans, one request a line. Standard library only.
"""

import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder, certificate, key = sys.argv[1:]


def listener(name):
    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with open(f"{folder}/{name}", "a") as file:
                head = {field.lower(): value for field, value in self.headers.items()}
                line = {"method": self.command, "path": self.path, "head": head, "body": json.loads(body)}
                print(json.dumps(line), file=file, flush=True)
            self.send_response(201 if name == "events" else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_PATCH = answer

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


events, spans = listener("events"), listener("spans")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
events.socket = context.wrap_socket(events.socket, server_side=True)
threading.Thread(target=events.serve_forever, daemon=True).start()
print(events.server_port, spans.server_port, flush=True)
spans.serve_forever()
