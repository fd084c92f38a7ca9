"""A small HTTP server round `inference.py`: POST a picture or a JSON list of images to /predict, GET /health."""

import io
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from data import INPUT_SHAPE, LABELS, DataError, Floats, normalise, read_picture
from inference import Predict, backend, probabilities, ranked

MAX_BYTES = 16 * 2**20
MAX_IMAGES = 256


def inputs_of(body: bytes, content_type: str) -> Floats:
    """JSON holds images with the dataset's pixel values; anything else is read as a picture."""
    if content_type.partition(";")[0].strip() != "application/json":
        return normalise(read_picture(io.BytesIO(body))[None], 255.0)
    try:
        pixels = np.array(json.loads(body)["images"], np.float32)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError('the JSON must be {"images": [...]}, numbers only') from error
    if pixels.shape[1:] != INPUT_SHAPE or not 0 < len(pixels) <= MAX_IMAGES or not np.isfinite(pixels).all():
        raise DataError(f"images must be 1 to {MAX_IMAGES} of {INPUT_SHAPE}, but have the shape {pixels.shape}")
    return normalise(pixels)


def handler(predict: Predict) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            known = self.path == "/health"
            self.answer(200 if known else 404, {"status": "ok"} if known else {"error": "GET /health, POST /predict"})

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != "/predict":
                return self.answer(404, {"error": "GET /health, POST /predict"})
            if not length.isdecimal() or not 0 < int(length) <= MAX_BYTES:
                return self.answer(413, {"error": f"send 1 to {MAX_BYTES:,} bytes with a Content-Length"})
            try:
                images = inputs_of(self.rfile.read(int(length)), self.headers.get("Content-Type", ""))
            except DataError as error:
                return self.answer(400, {"error": str(error)})
            return self.answer(200, {"predictions": ranked(probabilities(predict(images)), min(3, len(LABELS)))})

        def answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def server(host: str, port: int, name: str) -> ThreadingHTTPServer:
    return ThreadingHTTPServer((host, port), handler(backend(name)))


def serve(host: str, port: int, name: str) -> None:
    with server(host, port, name) as running:
        print(f"http://{host}:{running.server_address[1]}/predict", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print("stopped")
