# type: https://example.com/tests
# yes: {"passed":true}
# no: {"passed":false}
package signature

allow {
	input._type == "https://in-toto.io/Statement/v1"
	count(input.subject) == 1
	count(input.subject[0].digest.sha256) == 64
	input.predicate.passed
}
