# type: https://example.com/steps
# yes: {"steps":[{"name":"build","ok":true},{"name":"test","ok":true}]}
# no: {"steps":[{"name":"build","ok":true},{"name":"test","ok":false}]}
# no: {"steps":[{"name":"test","ok":true}]}
# no: {"steps":[]}
package sigstore

required := {"build", "test"}

done := {name | step := input.predicate.steps[_]; step.ok; name := step.name}

isCompliant {
	count(required - done) == 0
}
