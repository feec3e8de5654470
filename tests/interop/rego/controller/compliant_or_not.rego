# type: https://example.com/tests
# yes: {"passed":true}
# no: {"passed":false}
# no: {"passed":"true"}
# no: {}
package sigstore

default isCompliant = false

isCompliant {
	input.predicate.passed == true
}
