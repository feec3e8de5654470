# Events: what people find beside their workloads.

# noted NAMESPACE KIND NAME REASON TEXT [COUNT]: there is such an event, now or soon.
noted() {
    for _ in $(seq 150); do
        kubectl -n "$1" get events.events.k8s.io -o json >"$work/events.json" && find_event "$@" && return
        sleep 0.2
    done
    cat "$work/events.json" && return 1
}
find_event() {
    python3 - "$work/events.json" "$@" <<'PYTHON'
import json, sys
path, namespace, kind, name, reason, text, *count = sys.argv[1:]
events = [event for event in json.load(open(path))["items"]
          if (event["regarding"]["kind"], event["regarding"]["name"]) == (kind, name)
          and event["reason"] == reason and event["type"] == "Warning" and text in event["note"]
          and event["reportingController"] == "sealmark.dev/gate"]
sys.exit(not (len(events) == 1 and (not count or events[0].get("series", {}).get("count") == int(count[0]))))
PYTHON
}
# silent NAMESPACE NAME: no event is about it.
silent() { ! kubectl -n "$1" get events.events.k8s.io -o jsonpath='{.items[*].regarding.name}' | grep -qw "$2"; }

check "a denied pod leaves an event" noted prod Pod unsigned ImageDenied "is not admitted: image-unsigned: "
check "and one that could not be looked at another" noted prod Pod unreachable ImageUndecided "could not be checked: "
check "kubectl shows it" says "ImageDenied" kubectl -n prod get events
owned() { echo "{apiVersion: v1, kind: Pod, metadata: {name: owned, namespace: prod, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: manager, uid: 11111111-1111-4111-8111-111111111111, controller: true}]}, spec: {containers: [{name: web, image: '$unsigned'}]}}"; }
check "a pod that a workload makes is denied" told "image-unsigned: " apply owned
check "and the event is on the workload" noted prod ReplicaSet manager ImageDenied "image-unsigned: "
check "a warning leaves an event" noted warned Pod warned ImageWarned "is not admitted: image-unsigned: "
check "and so does break-glass" noted emergency Pod broken BreakGlass "allowed by break-glass until "
for _ in 1 2 3; do pod prod again "$unsigned" >/dev/null 2>&1; done
check "what happens again is counted in the same event" noted prod Pod again ImageDenied "image-unsigned: " 3
check "a dry run leaves none" silent prod dry
check "nor does what is only recorded" silent audited audited
check "nor what was let in" silent prod digest
check "the gate may write events" as_gate create events.events.k8s.io --namespace prod
for right in "list events.events.k8s.io" "delete events.events.k8s.io" "create events"; do
    # shellcheck disable=SC2086
    refuse "and may not $right" as_gate $right --namespace prod
done
check "its journal has no trouble with them" bash -c '! grep -q events-not-written "$0"' "$work/gate-admission.log"
