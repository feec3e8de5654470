# type: https://example.com/tests
# no: {"passed":true}
package signature

allow = true {
	input.predicate.passed
}

allow = false {
	input.predicate.passed
}
