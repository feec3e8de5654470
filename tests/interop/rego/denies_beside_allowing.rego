# type: https://example.com/tests
# stricter: {"passed":true,"flaky":3}
# why: cosign asks `allow` alone, and a `deny` with messages is no more than a comment to it
package signature

allow {
	input.predicate.passed
}

deny[msg] {
	input.predicate.flaky > 0
	msg := sprintf("%d tests are flaky", [input.predicate.flaky])
}
