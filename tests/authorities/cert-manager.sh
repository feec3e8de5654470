# For tests/authorities/run: cert-manager's controllers in front of a real API server (tests/kubernetes/build), with its
# own CRDs. Its webhook is not there: what it writes of who asked, and its checks of a request, are not run.

# in_cluster COMMAND…: as the pod of the account `signer` in the namespace `ci`.
in_cluster() { KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$api_port "$@"; }

# pod_account NAME: leaves what the kubelet would mount in $work/NAME.
pod_account() {
    mkdir -p "$work/$1"
    cp "$work/cluster/certs/apiserver.crt" "$work/$1/ca.crt"
    printf ci >"$work/$1/namespace"
    kubectl -n ci create token "$1" >"$work/$1/token"
}

# issuer_ca NAMESPACE NAME: a CA in a Secret, root in $work/NAME.crt.
issuer_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/O=example/CN=$2" \
        -keyout "$work/$2.key" -out "$work/$2.crt" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign
    kubectl -n "$1" create secret tls "$2" --cert "$work/$2.crt" --key "$work/$2.key"
}

cert_manager() {
    [ -x "$binaries/cert-manager" ] || { echo "left out: cert-manager: no $binaries/cert-manager" && return; }
    the_cluster || { echo "left out: cert-manager: no Kubernetes" && return; }
    local crds=$binaries/cert-manager-crds
    {
        kubectl create namespace ci && kubectl create namespace cert-manager
        kubectl -n ci create serviceaccount signer && kubectl -n ci create serviceaccount other
        kubectl -n ci apply -f examples/authorities/cert-manager-role.yaml
    } >"$work/log" 2>&1 || cat "$work/log"
    pod_account signer
    pod_account other
    local name=https://acme.example.com/release
    local ask=(--authority clusterissuer/ci --authority-name "$name" --authority-account "$work/signer")
    ask[1]=cert-manager:clusterissuer/ci
    check "cert-manager: a cluster without it says so" refused cert-manager-absent in_cluster sign "${ask[@]}"
    kubectl apply --server-side -f "$crds" >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
    kubectl wait --for condition=established --timeout 30s crd/certificaterequests.cert-manager.io >"$work/log" 2>&1
    {
        # For doctor, which looks at issuers as far as it may.
        kubectl create clusterrole see-issuers --verb get --resource clusterissuers.cert-manager.io
        kubectl create clusterrolebinding see-issuers --clusterrole see-issuers --serviceaccount ci:signer
    } >"$work/log" 2>&1 || cat "$work/log"
    { issuer_ca cert-manager ci-signing && issuer_ca ci web; } >"$work/log" 2>&1
    kubectl apply -f - >"$work/log" 2>&1 <<'YAML'
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: { name: ci }
spec: { ca: { secretName: ci-signing } }
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: web, namespace: ci }
spec: { ca: { secretName: web } }
YAML
    local short=(--retry-budget 3s)
    check "cert-manager: nobody approves, and that is told" \
        refused cert-manager-unapproved in_cluster sign "${ask[@]}" "${short[@]}"
    check "cert-manager: doctor says that the issuer is not ready" \
        refused cert-manager-issuer in_cluster "$sealmark" doctor --trust-config "$trust" "${ask[@]}"
    start cert-manager.log "$binaries/cert-manager" "$KUBECONFIG"
    check "cert-manager: it makes the issuer ready" \
        wait_for kubectl wait --for condition=ready --timeout 1s clusterissuer/ci
    # Of an approver: the reason is shown. Conditions are set by hand, as `cmctl deny` sets them.
    cat >"$work/decide.py" <<'PY'
import json, subprocess, sys, time
kind, reason, message = sys.argv[1:]
for _ in range(200):
    listed = subprocess.run(["kubectl", "-n", "ci", "get", "certificaterequests", "-o", "json"], capture_output=True)
    for item in json.loads(listed.stdout or "{}").get("items", []):
        patch = {"status": {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": message,
                                           "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
        subprocess.run(["kubectl", "-n", "ci", "patch", "certificaterequest", item["metadata"]["name"], "--subresource",
                        "status", "--type", "merge", "-p", json.dumps(patch)], check=True)
        sys.exit(0)
    time.sleep(0.05)
sys.exit("no request came")
PY
    python3 "$work/decide.py" Denied policy.example.com 'this account may not have that name' >"$work/decide.log" 2>&1 &
    check "cert-manager: a denial is told with its reason" \
        refused 'policy.example.com: this account may not have that name' in_cluster sign "${ask[@]}"
    python3 "$work/decide.py" InvalidRequest NotMine 'no such names' >"$work/decide.log" 2>&1 &
    check "cert-manager: a request that is invalid is told" \
        refused cert-manager-invalid in_cluster sign "${ask[@]}"
    check "cert-manager: no request is left" \
        eval '[ -z "$(kubectl -n ci get certificaterequests -o name)" ]'
    kill "${pids[-1]}"
    start cert-manager.log "$binaries/cert-manager" "$KUBECONFIG" approve
    check "cert-manager: without its CA in the trust root nothing is made" \
        refused chain-untrusted in_cluster sign "${ask[@]}"
    check "cert-manager: its CA is appended" "$sealmark" trust add "$trust" "$work/ci-signing.crt" \
        --from cert-manager --at clusterissuer/ci --name cluster
    check "cert-manager: the pod's account has its signature certified" in_cluster sign "${ask[@]}" ||
        tail -5 "$work/cert-manager.log"
    check "cert-manager: it verifies by the authority's name" verify --identity "$name" --certificate-authority cluster
    check "cert-manager: not by an issuer that no certificate writes" \
        refused authority-unnamed verify --identity "$name" --issuer https://kubernetes.default.svc
    check "cert-manager: another name is refused" \
        refused identity-mismatch verify --identity "$name/x" --certificate-authority cluster
    check "cert-manager: requests are deleted" \
        eval '[ -z "$(kubectl -n ci get certificaterequests -o name)" ]'
    check "cert-manager: or kept, as configured" eval 'in_cluster sign "${ask[@]}" --authority-requests keep &&
        kubectl -n ci get certificaterequests -o name | grep -q certificaterequest.cert-manager.io/sealmark-'
    local missing=("${ask[@]}")
    missing[1]=cert-manager:issuer/none
    check "cert-manager: an issuer that is not there is told" \
        refused 'cert-manager-pending' in_cluster sign "${missing[@]}" "${short[@]}"
    check "cert-manager: doctor finds all well" \
        eval 'in_cluster "$sealmark" doctor --trust-config "$trust" "${ask[@]}" >"$work/doctor"; cat "$work/doctor"
            grep -q "lets this pod make certificate requests" "$work/doctor" && grep -q "ClusterIssuer ci is ready" "$work/doctor"'
    ask[5]=$work/other
    check "cert-manager: another account may not" refused cert-manager-forbidden in_cluster sign "${ask[@]}"
    check "cert-manager: a service gets a certificate" in_cluster "$sealmark" certificate issue \
        --authority cert-manager:issuer/web --authority-account "$work/signer" --dns app.example.com --lifetime 2h \
        -o "$work/app"
    check "cert-manager: openssl takes it for a server" \
        openssl verify -purpose sslserver -CAfile "$work/web.crt" "$work/app.crt"
}
cert_manager
