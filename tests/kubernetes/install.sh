# The gate in front of the cluster: its settings, and the webhooks as they are shipped.

write_settings() {
    policy acme/app >"$work/release.yaml"
    policy acme/tools >"$work/tools.yaml"
    cat >"$work/gate.yaml" <<YAML
version: 1
policies: {release: release.yaml, tools: tools.yaml}
namespaces:
  - {names: [prod, emergency], policy: release}
  - {names: [tools], policy: tools}
  - {names: [warned], policy: release, mode: warn}
  - {names: [audited], policy: release, mode: audit}
break-glass:
  - {namespace: emergency, until: '$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)', reason: INC-1234}
YAML
}

# account: what a pod of the gate has mounted; nobody's until there is a service account.
account() {
    mkdir -p "$work/account" && cp "$work/cluster/certs/apiserver.crt" "$work/account/ca.crt"
    kubectl -n sealmark-gate create token sealmark-gate >"$work/account/new" 2>"$work/log" || echo nobody >"$work/account/new"
    mv "$work/account/new" "$work/account/token"
}

# install_gate NAMESPACE…: makes namespaces, and applies what is shipped, with the address of a gate on loopback in the
# place of the service's. cert-manager's kinds are let in without a schema.
install_gate() {
    local authority change hook kind
    authority=$(base64 -w0 "$work/ca.crt")
    mkdir "$work/overlay"
    cp -r examples/gate/kustomize "$work/base"
    {
        printf 'resources: [../base]\ncomponents: [../base/events]\npatches:\n'
        for hook in Mutating:mutate Validating:validate; do
            change='[{"op":"replace","path":"/webhooks/0/clientConfig","value":{"url":"https://'$gate_address/${hook#*:}'","caBundle":"'$authority'"}}]'
            printf '  - target: {kind: %sWebhookConfiguration}\n    patch: %s\n' "${hook%:*}" "'$change'"
        done
    } >"$work/overlay/kustomization.yaml"
    for kind in Issuer Certificate; do
        kubectl apply -f - <<YAML || return
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${kind,,}s.cert-manager.io}
spec:
  group: cert-manager.io
  scope: Namespaced
  names: {kind: $kind, plural: ${kind,,}s, singular: ${kind,,}}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
YAML
    done >"$work/log" 2>&1
    kubectl wait --for condition=established --timeout 30s crd --all >>"$work/log" 2>&1 || return
    for namespace in "$@"; do
        kubectl create namespace "$namespace" >>"$work/log" 2>&1 || return
    done
    kubectl apply --server-side --validate=strict -k "$work/overlay" >>"$work/log" 2>&1 || return
    # The API server hears of webhooks a moment after they are kept.
    for _ in $(seq 100); do
        kubectl -n prod run probe --image="$unsigned" --dry-run=server >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "the webhooks are not asked" && return 1
}
