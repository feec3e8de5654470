# type: https://example.com/tests
# yes: {"result":"passed","failed":0,"suites":["unit","system"]}
# no: {"result":"passed","failed":2,"suites":["unit","system"]}
# no: {"result":"passed"}
package signature

default allow = false

allow {
	input.predicateType == "https://example.com/tests"
	input.predicate.result == "passed"
	input.predicate.failed == 0
}
