# type: https://example.com/steps
# yes: {"steps":[{"name":"build","by":"a"},{"name":"test","by":"b"},{"name":"scan","by":"c"}]}
# no: {"steps":[{"name":"build","by":"a"},{"name":"test","by":""},{"name":"scan","by":"c"}]}
# no: {"steps":[{"name":"build","by":"a"},{"name":"test","by":"b"}]}
package signature

import rego.v1

required := {"build", "test", "scan"}

missing := required - {step.name | some step in input.predicate.steps}

allow if {
	count(missing) == 0
	every step in input.predicate.steps {
		step.by != ""
	}
}
