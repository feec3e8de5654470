# type: https://example.com/tests
# no: {"passed":true}
package signature

allow {
	input.predicate.nowhere.passed
}
