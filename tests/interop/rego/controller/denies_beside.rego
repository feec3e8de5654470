# type: https://example.com/tests
# yes: {"passed":true,"flaky":0}
# stricter: {"passed":true,"flaky":3}
# no: {"passed":false,"flaky":0}
# why: policy-controller asks `isCompliant` alone
package sigstore

isCompliant {
	input.predicate.passed
}

deny[msg] {
	input.predicate.flaky > 0
	msg := "flaky"
}
