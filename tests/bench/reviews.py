"""What tests/bench/gate pushes and asks. Standard library only."""

import base64
import hashlib
import http.client
import json
import ssl
import sys
import threading
import uuid

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push(registry, count):
    """Distinct images of one layer, each in a repository of its own (the registry reads every manifest of a repository
    for each list of referrers); prints a reference by digest each."""
    connection = http.client.HTTPConnection(registry)

    def ask(method, path, body, kind):
        connection.request(method, path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (201, 202), (path, answer.status)
        return answer.getheader("Location")

    def blob(repository, data):
        place = ask("POST", f"/v2/{repository}/blobs/uploads/", b"", "application/octet-stream")
        ask("PUT", f"{place}?digest={digest(data)}", data, "application/octet-stream")
        return {"mediaType": "application/octet-stream", "digest": digest(data), "size": len(data)}

    for number in range(int(count)):
        repository = f"acme/app-{number}"
        config = {**blob(repository, b"{}"), "mediaType": "application/vnd.oci.image.config.v1+json"}
        layer = {**blob(repository, b"layer"), "mediaType": "application/vnd.oci.image.layer.v1.tar"}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
                    "annotations": {"number": str(number)}}
        data = json.dumps(manifest).encode()
        ask("PUT", f"/v2/{repository}/manifests/{digest(data)}", data, MANIFEST)
        print(f"{registry}/{repository}@{digest(data)}")


def review(uid, images):
    """A pod as the API server sends it, with what a real one has around its images."""
    container = lambda number, image: {
        "name": f"c{number}", "image": image, "imagePullPolicy": "IfNotPresent",
        "args": ["--listen=0.0.0.0:8080", "--log-level=info"],
        "env": [{"name": f"SETTING_{n}", "value": f"the value of setting {n}"} for n in range(4)],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "token",
                          "readOnly": True}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
    pod = {
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": "app-7d4b9c6f5-x2x7k", "generateName": "app-7d4b9c6f5-", "namespace": "payments",
                     "labels": {"app.kubernetes.io/name": "app", "pod-template-hash": "7d4b9c6f5"},
                     "annotations": {"note": "\u00e9 \" \\ " + "x" * 900},
                     "managedFields": [{"manager": "kube-controller-manager", "operation": "Update",
                                        "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}}]},
        "spec": {"containers": [container(number, image) for number, image in enumerate(images)],
                 "serviceAccountName": "app", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
                 "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists",
                                  "effect": "NoExecute", "tolerationSeconds": 300}],
                 "volumes": [{"name": "token", "projected": {"defaultMode": 420, "sources": []}}]}}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    return json.dumps({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {"uid": uid, "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
                    "name": "app-7d4b9c6f5-x2x7k", "namespace": "payments", "operation": "CREATE",
                    "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
                                 "groups": ["system:serviceaccounts", "system:authenticated"]},
                    "object": pod, "oldObject": None, "dryRun": False,
                    "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}}}, separators=(",", ":"))


class Client:
    def __init__(self, url):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.connection = http.client.HTTPSConnection(url.removeprefix("https://"), context=context, timeout=60)

    def ask(self, images):
        body = review(str(uuid.uuid4()), images)
        self.connection.request("POST", "/validate?timeout=30s", body, {"Content-Type": "application/json"})
        return json.loads(self.connection.getresponse().read())["response"]


def insist(answer):
    assert answer["allowed"], answer


def target(url, images, wait="10s"):
    body = review(str(uuid.uuid4()), images)
    assert len(images) < 3 or len(body) >= 4096, len(body)
    print(json.dumps({"method": "POST", "url": f"{url}/validate?timeout={wait}",
                      "header": {"Content-Type": ["application/json"]},
                      "body": base64.b64encode(body.encode()).decode()}))


def many(url, image, count):
    """One signed image in many repositories, 200 a review, four reviews at a time."""
    name, _, what = image.partition("/")
    number, lock = iter(range(0, int(count), 200)), threading.Lock()
    failed = []

    def work():
        client = Client(url)
        while not failed:
            with lock:
                first = next(number, None)
            if first is None:
                return
            answer = client.ask([f"{name}/copies/{n}/{what}" for n in range(first, first + 200)])
            if not answer["allowed"]:
                failed.append(answer)

    workers = [threading.Thread(target=work) for _ in range(4)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not failed, failed[0]


def stalled(url, registry, count):
    """Reviews of images, each another, in a registry that does not answer in time."""
    for number in range(int(count)):
        target(url, [f"{registry}/acme/app@{digest(str(number).encode())}"], "2s")


def undecided():
    """Every answer about a silent registry must be a denial that says so; reads the attack's results as JSON."""
    answers = [json.loads(line) for line in sys.stdin]
    reviews = [json.loads(base64.b64decode(answer["body"]))["response"] for answer in answers]
    wrong = [review for review in reviews if review["allowed"] or review["status"]["code"] != 503]
    print(f"  slow registry: {len(reviews)} reviews, {len(wrong)} not denied as undecided")


def told(report):
    latency = {name: report["latencies"][name] / 1e6 for name in ("50th", "99th", "max")}
    codes = ", ".join(f"{count} times {code}" for code, count in report["status_codes"].items())
    print(f"  {report['rate']:.0f} requests/s; p50 {latency['50th']:.2f} ms, p99 {latency['99th']:.2f} ms, "
          f"max {latency['max']:.2f} ms; {codes}; {report['errors'] or 'no errors'}")


def lines(path):
    return open(path).read().split()


command, arguments = sys.argv[1], sys.argv[2:]
match command:
    case "push":
        push(*arguments)
    case "template":
        sys.stdout.write(review("@UID@", arguments))
    case "warm":
        insist(Client(arguments[0]).ask(lines(arguments[1])))
    case "bodies":
        count, path = arguments
        images = lines(path)
        for _ in range(int(count)):
            print(review(str(uuid.uuid4()), images))
    case "singles":
        url, path, count = arguments
        for image in lines(path)[: int(count)]:
            target(url, [image])
    case "many":
        many(*arguments)
    case "stalled":
        stalled(*arguments)
    case "undecided":
        undecided()
    case "told":
        told(json.load(sys.stdin))
    case _:
        sys.exit(f"no command {command}")
