# type: https://example.com/tests
# yes: {"linux":true,"mac":false}
# yes: {"linux":false,"mac":true}
# no: {"linux":false,"mac":false}
# no: {}
package sigstore

isCompliant[response] {
	some system
	passed := input.predicate[system]
	response := {"result": passed, "error": sprintf("%s failed", [system])}
}
