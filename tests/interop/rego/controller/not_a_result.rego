# type: https://example.com/tests
# yes: {"passed":true}
# no: {"passed":"yes"}
# no: {"passed":1}
# no: {"passed":null}
package sigstore

isCompliant[response] {
	response := {"result": input.predicate.passed}
}
