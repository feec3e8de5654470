# examples/gate/kustomize and examples/gate/chart.

# chart FLAGS…: what the chart renders.
chart() { helm template sealmark-gate examples/gate/chart --namespace sealmark-gate --kube-version 1.36.0 "$@"; }
# plain FILE [KIND]: its objects as kustomize writes them, without those of a kind.
plain() {
    mkdir -p "$work/plain" && cp "$1" "$work/plain/all.yaml" || return
    printf 'resources: [all.yaml]\n' >"$work/plain/kustomization.yaml"
    [ -z "${2-}" ] || printf 'patches:\n  - target: {kind: %s}\n    patch: "{$patch: delete, apiVersion: v1, kind: %s, metadata: {name: any}}"\n' \
        "$2" "$2" >>"$work/plain/kustomization.yaml"
    kubectl kustomize "$work/plain"
}
# changed EXPRESSION FILE: what is shipped, with something changed.
changed() { sed "$1" "$2" | "$sealmark" gate lint -; }

if has kubectl; then
    check "kubectl renders the kustomization" kubectl kustomize examples/gate/kustomize -o "$work/kustomized.yaml"
    check "and it has no hole" "$sealmark" gate lint "$work/kustomized.yaml"
    refuse "one that fails open has one" changed 's/failurePolicy: Fail/failurePolicy: Ignore/' "$work/kustomized.yaml"
else
    echo "left out: the kustomization: no kubectl"
fi
if has helm && has kubectl; then
    check "helm finds nothing wrong with the chart" helm lint --strict examples/gate/chart
    chart >"$work/chart.yaml" 2>"$work/log"
    check "what it renders has no hole" "$sealmark" gate lint "$work/chart.yaml"
    plain "$work/chart.yaml" >"$work/of-chart.yaml" && plain "$work/kustomized.yaml" Namespace >"$work/of-kustomize.yaml"
    check "and is what the kustomization says, but for the namespace" diff "$work/of-chart.yaml" "$work/of-kustomize.yaml"
    mkdir "$work/noting" && cp -r examples/gate/kustomize "$work/base" &&
        printf 'resources: [../base]\ncomponents: [../base/events]\n' >"$work/noting/kustomization.yaml"
    chart --set events=true >"$work/chart.yaml" 2>"$work/log" && kubectl kustomize "$work/noting" >"$work/kustomized.yaml"
    plain "$work/chart.yaml" >"$work/of-chart.yaml" && plain "$work/kustomized.yaml" Namespace >"$work/of-kustomize.yaml"
    check "with events as well" diff "$work/of-chart.yaml" "$work/of-kustomize.yaml"
    may_write_events() { grep -qF events.k8s.io "$work/of-chart.yaml" && "$sealmark" gate lint "$work/chart.yaml"; }
    check "which are a role, and no hole" may_write_events
    refuse "the chart takes no image without a digest" chart --set image.digest=latest
    refuse "nor one replica" chart --set replicas=1
    refuse "nor a value that it does not know" chart --set failurePolicy=Ignore
    left_out() { chart --set 'leftOut={payments}' | "$sealmark" gate lint - "$@"; }
    refuse "a namespace that is left out is found" left_out
    check "unless it is left out by word" left_out --left-out payments
else
    echo "left out: the chart: no helm or no kubectl"
fi
