"""sigstore-python's verdicts: a question a line on standard input, an answer a line on standard output.

A question is JSON: `root`, `bundle` and `artifact` in base64, `identity`, `issuer`. An answer is `accept`, or
`refuse` and why.
"""

import base64
import hashlib
import json
import sys
import tempfile

from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

roots = {}


def verifier(root: bytes) -> Verifier:
    if root not in roots:
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(root)
            file.flush()
            roots[root] = Verifier(trusted_root=TrustedRoot.from_file(file.name))
    return roots[root]


def judge(question: dict) -> str:
    root, bundle, artifact = (base64.b64decode(question[name]) for name in ("root", "bundle", "artifact"))
    policy = Identity(identity=question["identity"], issuer=question["issuer"])
    parsed = Bundle.from_json(bundle)
    if parsed._dsse_envelope is not None:
        _, payload = verifier(root).verify_dsse(parsed, policy)
        digest = hashlib.sha256(artifact).hexdigest()
        if not any(subject["digest"].get("sha256") == digest for subject in json.loads(payload)["subject"]):
            return "refuse no subject is the artifact"
    else:
        verifier(root).verify_artifact(artifact, parsed, policy)
    return "accept"


for line in sys.stdin:
    try:
        answer = judge(json.loads(line))
    except Exception as error:  # noqa: BLE001 - a crash of the peer is a refusal that says so
        answer = f"refuse {type(error).__name__} {error}"
    print(" ".join(answer.split())[:300], flush=True)
