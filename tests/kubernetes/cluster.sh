# A Kubernetes API server with its store, on loopback, without nodes and controllers: what is created is kept, and
# nothing runs. For scripts that have `work` (a folder), `pids` (what they end), `free_port` and `until_it_answers`.

# start_cluster BINARIES: leaves $work/cluster/kubeconfig of an administrator, and the log of audits beside it;
# api_port is where it listens.
start_cluster() {
    local cluster=$work/cluster store peers secure
    mkdir "$cluster"
    store=$(free_port) peers=$(free_port) secure=$(free_port)
    api_port=$secure
    "$1/etcd" --data-dir "$cluster/etcd" --listen-client-urls "http://127.0.0.1:$store" \
        --advertise-client-urls "http://127.0.0.1:$store" --listen-peer-urls "http://127.0.0.1:$peers" \
        --initial-advertise-peer-urls "http://127.0.0.1:$peers" --initial-cluster "default=http://127.0.0.1:$peers" \
        --unsafe-no-fsync >"$cluster/etcd.log" 2>&1 &
    pids+=($!)
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$cluster/sa.key" 2>/dev/null
    openssl pkey -in "$cluster/sa.key" -pubout -out "$cluster/sa.pub"
    echo 'administrator,administrator,1,system:masters' >"$cluster/tokens.csv"
    printf '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[%s,%s]}' \
        '{"level":"Metadata","verbs":["create","update","patch"],"resources":[{"group":""}]}' '{"level":"None"}' \
        >"$cluster/audit.json"
    until_it_answers "$store"
    "$1/kube-apiserver" --etcd-servers="http://127.0.0.1:$store" --cert-dir="$cluster/certs" \
        --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$secure" \
        --service-account-issuer="https://127.0.0.1:$secure" --service-account-key-file="$cluster/sa.pub" \
        --service-account-signing-key-file="$cluster/sa.key" --api-audiences=https://kubernetes.default.svc \
        --authorization-mode=RBAC --token-auth-file="$cluster/tokens.csv" --service-cluster-ip-range=10.0.0.0/24 \
        --disable-admission-plugins=ServiceAccount --audit-policy-file="$cluster/audit.json" \
        --audit-log-path="$cluster/audit.log" --audit-log-mode=blocking >"$cluster/apiserver.log" 2>&1 &
    pids+=($!)
    printf '{"apiVersion":"v1","kind":"Config","current-context":"test",%s,%s,%s}' \
        '"clusters":[{"name":"test","cluster":{"server":"https://127.0.0.1:'"$secure"'","certificate-authority":"'"$cluster"'/certs/apiserver.crt"}}]' \
        '"users":[{"name":"administrator","user":{"token":"administrator"}}]' \
        '"contexts":[{"name":"test","context":{"cluster":"test","user":"administrator"}}]' >"$cluster/kubeconfig"
    export KUBECONFIG=$cluster/kubeconfig
    for _ in $(seq 300); do
        kubectl get --raw /readyz >/dev/null 2>&1 && kubectl get namespace default >/dev/null 2>&1 && return
        sleep 0.2
    done
    echo "the API server does not become ready:"
    tail -5 "$cluster/apiserver.log"
    return 1
}
