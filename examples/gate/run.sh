#!/bin/bash
# One policy on a laptop, in a pipeline and in front of a cluster: bash examples/gate/run.sh
#
# Five images on this machine: one good, one altered after it was signed, one unsigned, one that another workflow
# signed, and one in a registry that does not answer. One policy file, asked by `verify image`, `policy test`, `gate
# http` and the admission webhooks. With Kubernetes' API server in target/peers/kubernetes (bash tests/kubernetes/build
# target/peers/kubernetes) the webhooks are asked by the real one, else as it asks, with curl.
#
# Needs docker-registry, skopeo and umoci (Debian packages), and `sealmark` on the PATH or in SEALMARK; without it
# the one of this repository is built.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in docker-registry skopeo umoci curl openssl python3; do
    command -v "$tool" >/dev/null || { echo "this example needs $tool: apt-get install $tool" && exit 1; }
done
target=${CARGO_TARGET_DIR:-target}
if [ -n "${SEALMARK-}" ]; then
    sealmark=$SEALMARK
elif ! sealmark=$(command -v sealmark); then
    cargo build --quiet --locked
    sealmark=$target/debug/sealmark
fi

work=$(mktemp -d)
pids=()
trap 'kill -KILL "${pids[@]}" 2>/dev/null; wait "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# show COMMAND…: what a person types and reads, with the same names whatever the ports are; the exit code beneath.
names() {
    sed -e "s#$registry#registry.example.com#g; s#${unreachable%%/*}#down.example.com#g; s#$issuer#https://token.example.com#g" \
        -e "s#$work/##g; s#http://registry#https://registry#g; s#$sealmark#sealmark#g"
}
show() {
    python3 -c 'import shlex, sys; print("$", shlex.join(sys.argv[1:]))' "$@" | names
    local code=0
    "$@" >"$work/shown" 2>"$work/errors" || code=$?
    # Of JSON one member a line.
    { python3 -m json.tool "$work/shown" 2>/dev/null || cat "$work/shown"; } | names
    names <"$work/errors"
    [ "$code" = 0 ] || echo "(exit code $code)"
    echo
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_it_answers() {
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "nothing answers on port $1" && exit 1
}
source examples/gate/site.sh

step "A registry, a private Sigstore, and five images"
start_site
echo "good         $good" | names
echo "tampered     $tampered (with the signature of the good one)" | names
echo "unsigned     $unsigned" | names
echo "stranger     $stranger (signed, by another workflow)" | names
echo "unreachable  $unreachable" | names
images=("$good" "$tampered" "$unsigned" "$stranger" "$unreachable")

step "The policy"
policy acme/app >"$work/policy.yaml"
names <"$work/policy.yaml"

step "On a laptop: sealmark verify image"
for image in "${images[@]}"; do
    show "$sealmark" verify image "$image" --policy "$work/policy.yaml" --stack "$work/stack"
done

step "Beside the policy, in its repository: sealmark policy test"
fetch() { curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' "http://$registry/v2/acme/app/$1"; }
digest_in() { python3 -c 'import json, sys; found = json.load(sys.stdin); print(found[sys.argv[1]][0]["digest"])' "$1"; }
for name in v1 tampered unsigned stranger; do fetch "manifests/$name" >"$work/$name.json"; done
for name in v1 stranger; do
    list=$(sha256sum "$work/$name.json" | cut -d' ' -f1)
    bundle=$(fetch "manifests/$(fetch "manifests/sha256-$list" | digest_in manifests)" | digest_in layers)
    fetch "blobs/$bundle" >"$work/$name.sigstore.json"
done
cat >"$work/cases.yaml" <<YAML
policy: policy.yaml
trusted-root: stack/trusted_root.json
cases:
  - {artifact: v1.json, bundle: v1.sigstore.json, expect: verified, rule: release}
  - {artifact: tampered.json, bundle: v1.sigstore.json, expect: refused}
  - {artifact: unsigned.json, bundle: unsigned.sigstore.json, expect: refused, reason: bundle-missing}
  - {artifact: stranger.json, bundle: stranger.sigstore.json, expect: refused, reason: identity-mismatch}
  - {artifact: unreachable.json, bundle: v1.sigstore.json, expect: undecided}
YAML
cat "$work/cases.yaml"
show "$sealmark" policy test "$work/cases.yaml"

step "In a pipeline: sealmark gate http"
start_gate http --policy "$work/policy.yaml"
pipeline=$gate_address
for image in "${images[@]}"; do
    show curl -sS --fail-with-body -d "{\"image\": \"$image\"}" "http://$pipeline/v1/verdict"
done

certificate
start_gate admission --policy "$work/policy.yaml" --tls-cert "$work/tls.crt" --tls-key "$work/tls.key"
servers=${SEALMARK_PEERS:-$target/peers}/kubernetes
if [ -x "$servers/kube-apiserver" ]; then
    PATH=$PATH:$servers
    source tests/kubernetes/cluster.sh
    source tests/kubernetes/install.sh
    step "In front of a cluster: $(sed -n 's#^\tk8s.io/kubernetes \(v[0-9.]*\)$#Kubernetes \1#p' tests/kubernetes/go.mod), by kubectl"
    start_cluster "$servers"
    install_gate prod
    for image in "${images[@]}"; do
        name=${image##*:}
        [ "$image" != "$unreachable" ] || name=unreachable
        show kubectl -n prod run "$name" --image="$image"
    done
    echo "What is kept is the digest that was verified:"
    show kubectl -n prod get pods -o 'custom-columns=POD:.metadata.name,IMAGE:.spec.containers[0].image'
else
    step "In front of a cluster: the API server's question, by curl (there is no $servers/kube-apiserver)"
    for image in "${images[@]}"; do
        cat >"$work/review.json" <<JSON
{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE",
 "kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},
 "namespace":"prod","name":"web","userInfo":{"username":"somebody"},"object":{"apiVersion":"v1","kind":"Pod",
 "metadata":{"name":"web"},"spec":{"containers":[{"name":"web","image":"$image"}]}}}}
JSON
        echo "image: $image" | names
        curl -sS --cacert "$work/ca.crt" -H 'Content-Type: application/json' --data-binary "@$work/review.json" \
            "https://$gate_address/mutate?timeout=10s" | python3 -c '
import base64, json, sys
answer = json.load(sys.stdin)["response"]
if answer["allowed"]:
    print("allowed, with the change", base64.b64decode(answer["patch"]).decode())
else:
    print("denied:", answer["status"]["message"])' | names
        echo
    done
fi

step "What the admission gate wrote down"
names <"$work/gate-admission.log" | grep '"event":"decision"' | tail -2
