# What the gate tells the cluster and a collector of traces: by its flags, its service account and its environment.

if has docker-registry && has skopeo && has umoci && has openssl; then
    [ -n "${good-}" ] || start_site || { echo "not ok - a registry, a private Sigstore and images" && cat "$work/log" && exit 1; }
    policy acme/app >"$work/policy.yaml"
    certificate
    mkdir -p "$work/told" "$work/account"
    python3 tests/gate/listeners.py "$work/told" "$work/tls.crt" "$work/tls.key" >"$work/ports" &
    pids+=($!)
    for _ in $(seq 200); do [ -s "$work/ports" ] && break; sleep 0.05; done
    read -r events_port spans_port <"$work/ports"
    echo token-of-the-account >"$work/account/token"
    cp "$work/ca.crt" "$work/account/ca.crt"
    tell_gate() {
        KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$events_port OTEL_SERVICE_NAME=gate-of-tests \
            OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$spans_port OTEL_EXPORTER_OTLP_HEADERS=x-key=key-of-the-collector \
            start_gate admission --policy "$work/policy.yaml" --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" "$@"
    }
    tell_gate --service-account "$work/account"
    trace=4bf92f3577b34da6a3ce929d0e0e4736
    reviewed() {
        printf '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","kind":{"group":"","version":"v1","kind":"Pod"},"namespace":"prod","name":"web","userInfo":{"username":"jane"},"object":{"kind":"Pod","spec":{"containers":[{"name":"web","image":"%s"}]}}}}' "$1" |
            curl -sS --cacert "$work/ca.crt" -H 'Content-Type: application/json' -H "traceparent: 00-$trace-00f067aa0ba902b7-01" \
                --data-binary @- "https://$gate_address/mutate" | grep -q "\"allowed\":$2"
    }
    # soon COMMAND…: it succeeds within some seconds.
    soon() { for _ in $(seq 100); do "$@" && return; sleep 0.1; done; cat "$work"/told/* && return 1; }
    event() { python3 - "$work/told/events" "$@" <<'PYTHON'
import json, sys
path, reason, text = sys.argv[1:]
lines = [json.loads(line) for line in open(path)]
sys.exit(not any(line["method"] == "POST" and line["path"] == "/apis/events.k8s.io/v1/namespaces/prod/events"
                 and line["head"]["authorization"] == "Bearer token-of-the-account"
                 and line["body"]["reason"] == reason and text in line["body"]["note"] for line in lines))
PYTHON
    }
    span() { grep -q "\"traceId\": \"$trace\".*\"name\": \"$1\"" "$work/told/spans"; }
    check "an unsigned image is denied" reviewed "$unsigned" false
    check "and an event says so, by the pod's service account" soon event ImageDenied "is not admitted: image-unsigned: "
    check "a good image is let in" reviewed "$good" true
    for name in review image resolve fetch verify; do
        check "the trace that the request names has the span $name" soon span "$name"
    done
    check "by the service's name and with the collector's header" \
        grep -q '"x-key": "key-of-the-collector".*gate-of-tests' "$work/told/spans"
    refuse "no secret is in what is told, nor who asked" \
        grep -qE 'jane|"body".*(token-of-the-account|key-of-the-collector)' "$work/told/events" "$work/told/spans"
    refuse "and none in the journal" grep -qE 'token-of-the-account|key-of-the-collector' "$work/gate-admission.log"
    rm "$work/told/events"
    tell_gate --service-account "$work/nowhere"
    check "without a service account a denial is a denial" reviewed "$unsigned" false
    refuse "and leaves no event" test -e "$work/told/events"
else
    echo "left out: events and traces: no docker-registry, skopeo, umoci or openssl"
fi
