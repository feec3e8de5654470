# What was installed, besides the webhooks.

# The pod that a controller would make of the gate's deployment.
gate_pod() {
    kubectl -n sealmark-gate get deployment sealmark-gate -o json | python3 -c '
import json, sys
template = json.load(sys.stdin)["spec"]["template"]
template["metadata"]["name"] = "gate"
json.dump({"apiVersion": "v1", "kind": "Pod", **template}, sys.stdout)' | kubectl -n sealmark-gate create -f -
}
check "the gate's own pod is let in where only restricted ones are" gate_pod
check "and others there are not" told "violates PodSecurity \"restricted:latest\"" pod sealmark-gate other "$good"
as_gate() { kubectl auth can-i "$@" --as=system:serviceaccount:sealmark-gate:sealmark-gate; }
for right in "get secrets" "list pods" "create pods" "update validatingwebhookconfigurations"; do
    # shellcheck disable=SC2086
    refuse "the gate may not $right" as_gate $right
done
live() { kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml | "$sealmark" gate lint - "$@"; }
check "what is in force has no hole" live --left-out sealmark-gate
if has helm; then
    chart() { helm template sealmark-gate examples/gate/chart --namespace sealmark-gate --kube-version 1.36.0 "$@"; }
    taken() { chart | kubectl apply --server-side --force-conflicts --dry-run=server --validate=strict -f -; }
    check "what the chart renders is taken as well" taken
else
    echo "left out: the chart on a real API server: no helm"
fi
