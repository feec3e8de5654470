# Modes and break-glass: what a person sees, and what the audit log keeps.

# says TEXT COMMAND…: the command succeeds, and prints the text.
says() {
    local said
    said=$("${@:2}" 2>&1) || { echo "it failed: $said" && return 1; }
    echo "$said"
    case $said in *"$1"*) ;; *) echo "does not say: $1" && return 1 ;; esac
}
# audited NAMESPACE NAME ANNOTATION TEXT: the event of the creation has the annotation with the text in it.
audited() {
    python3 - "$work/cluster/audit.log" "$@" <<'PYTHON'
import json, sys
path, namespace, name, annotation, text = sys.argv[1:]
events = [json.loads(line) for line in open(path)]
found = [event.get("annotations", {}) for event in events
         if event["objectRef"].get("namespace") == namespace and event["objectRef"].get("name") == name]
assert any(text in annotations.get(annotation, "") for annotations in found), found
PYTHON
}

check "in mode warn kubectl prints a warning" \
    says "Warning: image \"$unsigned\" of container \"warned\" is not admitted: image-unsigned: " pod warned warned "$unsigned"
check "in mode audit it prints none" is "pod/audited created" pod audited audited "$unsigned"
check "but the audit log has it" audited audited audited verify.sealmark-gate.svc/outcome audited
check "with what was found" audited audited audited verify.sealmark-gate.svc/images "refused: image-unsigned"
check "and of what was let in, who signed it" \
    audited prod good verify.sealmark-gate.svc/images "admitted by rule release, signed by $(workflow acme/app)"
check "and the policy that decided" audited prod good verify.sealmark-gate.svc/policy "release sha256:"
check "break-glass lets in, and says so" says "Warning: allowed by break-glass until " pod emergency broken "$unsigned"
check "the audit log has the reason" audited emergency broken verify.sealmark-gate.svc/break-glass INC-1234
check "and so has the gate's journal" grep -q '"event":"break-glass".*"reason":"INC-1234"' "$work/gate-admission.log"
