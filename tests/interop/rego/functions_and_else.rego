# type: https://example.com/scan
# yes: {"scores":{"a":1,"b":2.5,"c":3}}
# no: {"scores":{"a":1,"b":9.5}}
# no: {"scores":{}}
package signature

limit(name) = 5 {
	name != "c"
} else = 3

within(scores) {
	over := [name | score := scores[name]; score > limit(name)]
	count(over) == 0
}

allow {
	count(input.predicate.scores) > 0
	within(input.predicate.scores)
	sum([score | score := input.predicate.scores[_]]) <= 10
	object.get(input.predicate, "ignored", false) == false
}
